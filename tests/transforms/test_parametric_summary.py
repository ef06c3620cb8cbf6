from datetime import UTC, datetime

import pytest

from fabyield.lake.catalog import PARAMETRIC_RESULTS, TESTS, WAFER_RUNS
from fabyield.transforms.gold import parametric_summary as transform

FIGURES = ["executed", "valid_results", "failed", "mean", "sigma", "minimum", "maximum"]
LIMITS = {"lo_limit": None, "hi_limit": None, "test_kind": "P"}
SPREAD = [1.0, 2.0, 3.0, 4.0, 5.0]  # numpy: mean 3, std(ddof=1) 1.5811388


def result(number, **more):
    return {"result": number, "is_final": True, "test_pass": True} | more


def summary(rows, results):
    return transform.parametric_summary(
        rows(PARAMETRIC_RESULTS, *results), rows(TESTS), rows(WAFER_RUNS, {})
    )


def test_figures_are_those_of_numpy(rows):
    actual = summary(rows, [result(number) for number in [2.0, 4.0, 4.0, 5.0, 8.5]])

    row = actual.select(FIGURES).collect()[0]
    assert row[:3] == (5, 5, 0)
    assert row[3:] == pytest.approx((4.7, 2.3874672772626644, 2.0, 8.5), rel=1e-12)


def test_invalid_results_are_executed_but_not_averaged(rows):
    actual = summary(
        rows, [result(1.0), result(None, test_pass=None), result(3.0, test_pass=False)]
    )

    assert actual.select(FIGURES[:4]).collect() == [(3, 2, 1, 2.0)]


def test_touchdowns_that_were_superseded_do_not_count(rows):
    actual = summary(rows, [result(1.0), result(99.0, is_final=False)])

    assert actual.select("executed", "mean", "maximum").collect() == [(1, 1.0, 1.0)]


def test_capability_of_two_limits_and_of_one(rows):
    limits = [(-2.0, 7.0), (0.0, 10.0), (None, 7.0), (0.0, None), (4.0, 9.0), (None, None)]
    results = [result(r, test_num=n) for n in range(len(limits)) for r in SPREAD]
    declared = [
        {"test_num": n, "test_kind": "P", "lo_limit": lo, "hi_limit": hi}
        for n, (lo, hi) in enumerate(limits)
    ]

    df = transform.parametric_summary(
        rows(PARAMETRIC_RESULTS, *results), rows(TESTS, *declared), rows(WAFER_RUNS, {})
    )

    actual = [tuple(row) for row in df.orderBy("test_num").select("cp", "cpk").collect()]
    assert [cp and round(cp, 6) for cp, _ in actual] == [
        0.948683,
        1.054093,
        None,
        None,
        0.527046,
        None,
    ]
    assert [cpk and round(cpk, 6) for _, cpk in actual] == [
        *(0.843274, 0.632456, 0.843274, 0.632456),
        *(-0.210819, None),
    ]


def test_results_without_spread_have_no_capability(rows):
    results = [result(4.0, test_num=1), result(4.0, test_num=1), result(4.0, test_num=2)]
    declared = [LIMITS | {"lo_limit": 0.0, "hi_limit": 9.0, "test_num": n} for n in (1, 2)]

    df = transform.parametric_summary(
        rows(PARAMETRIC_RESULTS, *results), rows(TESTS, *declared), rows(WAFER_RUNS, {})
    )

    actual = df.orderBy("test_num").select("mean", "sigma", "cp", "cpk").collect()
    assert actual == [(4.0, 0.0, None, None), (4.0, None, None, None)]


def test_same_number_under_another_name_is_another_test(rows):
    named = [result(1.0, test_txt="vth"), result(5.0, test_txt="idsat"), result(9.0, test_txt=None)]

    actual = summary(rows, named).select("test_txt", "mean").collect()

    assert sorted(actual) == [("", 9.0), ("idsat", 5.0), ("vth", 1.0)]


def test_limits_come_from_the_last_file_that_counts(rows):
    days = [datetime(2026, 3, day, tzinfo=UTC) for day in (1, 2, 3)]
    runs = [{"file_key": key, "started_at": day} for key, day in enumerate(days)]
    runs[2]["is_superseded"] = True
    declared = [LIMITS | {"file_key": key, "hi_limit": 10.0 + key} for key in range(3)]

    actual = transform.test_limits(rows(TESTS, *declared), rows(WAFER_RUNS, *runs))

    assert actual.select("hi_limit").collect() == [(11.0,)]
