from math import isclose, sqrt
from statistics import mean, stdev

import pytest

from fabyield.lake.catalog import METRIC_HISTORY, WAFER_RUNS, WAFERS
from fabyield.transforms.ops.metric_history import metric_history, unmatched
from tests.frames import of_tuples

SHARE = "fab_id string, metric string, counted bigint, total bigint"


def test_f15_unmatched_runs_touchdowns_and_wafers_are_counted(rows):
    wafers = rows(
        WAFERS,
        *({"fab_id": "F1", "wafer_key": key, "is_known": key != 2} for key in (1, 2, 3)),
    )
    run = {"fab_id": "F1", "read_in": 5, "touchdowns": 100}
    runs = rows(
        WAFER_RUNS,
        run | {"wafer_key": 1},
        run | {"wafer_key": 2, "touchdowns": 60},
        run | {"wafer_key": 2, "is_superseded": True},
        run | {"wafer_key": 3, "read_in": 4},
    )

    found = {r["metric"]: (r["counted"], r["total"]) for r in unmatched(runs, wafers, 4).collect()}

    assert found == {
        "unmatched_runs_ratio": (1, 2),
        "unmatched_touchdowns_ratio": (60, 160),
        "unmatched_wafers_ratio": (1, 3),
    }


def test_die_without_a_wafer_are_unmatched_but_packages_are_not(rows):
    wafers = rows(WAFERS, *({"wafer_key": key, "is_known": key == 1} for key in (1, 2, 3)))
    run = {"read_in": 5, "wafer_num": -1}
    runs = rows(
        WAFER_RUNS,
        run | {"wafer_key": 1, "wafer_num": 0, "touchdowns": 90, "placed": 90},
        run | {"wafer_key": 2, "touchdowns": 12, "placed": 10},
        run | {"wafer_key": 3, "touchdowns": 500, "placed": 0},
    )

    found = {r["metric"]: (r["counted"], r["total"]) for r in unmatched(runs, wafers, 4).collect()}

    assert found == {
        "unmatched_runs_ratio": (1, 2),
        "unmatched_touchdowns_ratio": (10, 100),
        "unmatched_wafers_ratio": (1, 2),
    }


@pytest.fixture
def limits(rows, spark):
    """`limits(counted, total, earlier)`: the row of tonight's share, after these ratios."""

    def compare(counted, total, *earlier):
        named = {"fab_id": "F1", "metric": "m"}
        before = [named | {"value": value, "batch": n} for n, value in enumerate(earlier)]
        shares = of_tuples(spark, [("F1", "m", counted, total)], SHARE)
        return metric_history(shares, rows(METRIC_HISTORY, *before)).collect()

    return compare


def test_limit_is_three_sigma_above_the_mean_of_earlier_nights(limits):
    earlier = [0.0, 0.02, 0.01, 0.03, 0.02, 0.04]

    [row] = limits(5, 1000, *earlier)

    assert (row["value"], row["nights"]) == (0.005, 6)
    assert isclose(row["upper_control_limit"], mean(earlier) + 3 * stdev(earlier))


def test_equal_nights_still_have_the_sigma_of_the_p_chart(limits):
    [row] = limits(5, 100, *[0.01] * 8)

    assert isclose(row["upper_control_limit"], 0.01 + 3 * sqrt(0.01 * 0.99 / 100))


def test_limit_comes_from_the_last_thirty_nights(limits):
    [row] = limits(5, 10**9, *[0.5] * 20, *[0.1] * 30)

    assert row["nights"] == 30
    assert isclose(row["mean"], 0.1)


@pytest.mark.parametrize("count", [0, 5])
def test_too_few_nights_give_no_limit(limits, count):
    [row] = limits(5, 100, *[0.1] * count)

    assert (row["nights"], row["upper_control_limit"]) == (count, None)


def test_night_without_tests_has_no_metric(limits):
    assert limits(0, 0, 0.1) == []
