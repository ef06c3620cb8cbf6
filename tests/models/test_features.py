from datetime import UTC, datetime
from math import isnan

import pytest

from fabyield.models.feature_list import Features
from fabyield.models.low_yield.features import (
    before_sort,
    feature_values,
    learn_features,
    pcm_values,
    step_hours,
    wafer_features,
)
from tests.frames import of_tuples

AT = [datetime(2026, 1, 1, hour, tzinfo=UTC) for hour in range(10)]
HISTORY = (
    "fab_id string, wafer_key bigint, step_seq int, process_step string, equipment_id string, "
    "chamber_id string, started_at timestamp, ended_at timestamp"
)
PCM = "fab_id string, wafer_key bigint, pcm_test string, pcm_value double, measured_at timestamp"
VALUES = "fab_id string, wafer_key bigint, feature string, value double, is_level boolean"
KEYS = "fab_id string, wafer_key bigint"


@pytest.fixture
def history(spark):
    return lambda *rows: of_tuples(spark, [("F1", *row) for row in rows], HISTORY)


@pytest.fixture
def pcm(spark):
    return lambda *rows: of_tuples(spark, [("F1", *row) for row in rows], PCM)


@pytest.fixture
def values(spark):
    return lambda *rows: of_tuples(spark, [("F1", *row) for row in rows], VALUES)


def test_facts_are_chambers_hours_and_pcm_and_nothing_else(history, pcm):
    steps = history(
        (1, 1, "etch", "E1", "A", AT[0], AT[2]), (1, 2, "cmp", "C1", None, AT[5], AT[6])
    )

    facts = feature_values(steps, pcm((1, "vth_n", 0.5, AT[7])))

    assert {(f.feature, f.value, f.is_level) for f in facts.collect()} == {
        ("etch=E1/A", 1.0, True),
        ("cmp=C1/-", 1.0, True),
        ("etch process_hours", 2.0, False),
        ("etch queue_hours", None, False),
        ("cmp process_hours", 1.0, False),
        ("cmp queue_hours", 3.0, False),
        ("vth_n", 0.5, False),
    }


def test_repeated_step_has_its_longest_hours(history):
    steps = history((1, 1, "wet", "W", "A", AT[0], AT[1]), (1, 2, "wet", "W", "A", AT[2], AT[5]))

    hours = {row.feature: row.value for row in step_hours(steps).collect()}

    assert hours == {"wet process_hours": 3.0, "wet queue_hours": 1.0}


def test_last_finite_pcm_value_counts(pcm):
    rows = pcm(
        (1, "rs", 2.0, AT[2]),
        (1, "rs", 1.0, AT[1]),
        (1, "rs", float("inf"), AT[3]),
        (1, "rs", float("nan"), AT[4]),
    )

    assert [row.value for row in pcm_values(rows).collect()] == [2.0]


def test_features_come_from_training_wafers_only(spark, values):
    facts = values((1, "vth", 0.5, False), (1, "s=E/B", 1.0, True), (2, "s=E/A", 1.0, True))

    features = learn_features(facts, of_tuples(spark, [("F1", 1)], KEYS))

    assert features == Features(levels=("s=E/B",), measures=("vth",))


def test_unseen_chamber_is_all_zeros_and_missing_measure_is_nan(values):
    features = Features(("s=E/A", "s=E/B"), ("vth",))
    facts = values((1, "s=E/NEW", 1.0, True), (2, "s=E/B", 1.0, True), (2, "vth", 0.5, False))

    rows = {r.wafer_key: r.features for r in wafer_features(facts, features).collect()}

    assert list(rows[1])[:2] == [0.0, 0.0] and isnan(rows[1][2])
    assert list(rows[2]) == [0.0, 1.0, 0.5]


def test_names_that_differ_in_case_or_have_dots_are_different(values):
    features = Features((), ("RS.m1", "rs.m1", "wafer_key"))
    facts = values((1, "rs.m1", 1.0, False), (1, "RS.m1", 2.0, False), (1, "wafer_key", 3.0, False))

    assert list(wafer_features(facts, features).first().features) == [2.0, 1.0, 3.0]


def test_values_measured_after_the_sort_started_are_not_features(spark, pcm):
    rows = pcm((1, "before", 1.0, AT[1]), (1, "after", 1.0, AT[3]), (2, "unsorted", 1.0, AT[9]))
    wafers = of_tuples(
        spark, [("F1", 1, AT[2]), ("F1", 2, None)], f"{KEYS}, sort_started_at timestamp"
    )

    known = before_sort(rows, "measured_at", wafers)

    assert {row.pcm_test for row in known.collect()} == {"before", "unsorted"}
