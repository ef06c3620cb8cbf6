import pytest

from fabyield.lake.catalog import PARAMETRIC_RESULTS, TESTS, WAFER_RUNS
from fabyield.transforms.gold import parametric_summary as transform

FIGURES = ["executed", "valid_results", "failed", "mean", "sigma", "minimum", "maximum"]
LIMITS = {"lo_limit": None, "hi_limit": None, "test_kind": "P"}
SEVERAL, INF = "several limits", float("inf")
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


def own(**stated):
    """`own_limits` of a result."""
    none = dict.fromkeys(("units", "lo_limit", "hi_limit", "res_scal", "llm_scal", "hlm_scal"))
    return {"own_limits": none | stated}


def capability(rows, results, *declared, runs=({},)):
    """(units, lo_limit, hi_limit, mean, cp, no_capability) of each row of the summary."""
    summary = transform.parametric_summary(
        rows(PARAMETRIC_RESULTS, *results), rows(TESTS, *declared), rows(WAFER_RUNS, *runs)
    )
    columns = ("units", "lo_limit", "hi_limit", "mean", "cp", "no_capability")
    return sorted(tuple(row) for row in summary.select(*columns).collect())


DECLARED = LIMITS | {"units": "V", "lo_limit": 0.0, "hi_limit": 9.0}


@pytest.mark.parametrize("stated", [{"lo_limit": 1.0}, {"hi_limit": 8.0}, {"lo_limit": -INF}])
def test_results_that_hold_to_different_limits_have_no_capability(rows, stated):
    results = [result(1.0), result(3.0, **own(**stated))]

    assert capability(rows, results, DECLARED) == [("V", None, None, 2.0, None, SEVERAL)]


def test_limits_that_all_results_of_a_wafer_state_count(rows):
    results = [result(number, **own(lo_limit=-INF, hi_limit=7.0)) for number in SPREAD]

    assert capability(rows, results, DECLARED) == [("V", None, 7.0, 3.0, None, None)]


def test_scales_of_their_own_do_not_matter(rows):
    (row,) = capability(rows, [result(1.0), result(3.0, **own(res_scal=3))], DECLARED)

    assert row[:4] == ("V", 0.0, 9.0, 2.0)


def test_results_in_another_unit_are_summarised_apart(rows):
    milli = own(units="mV", lo_limit=500.0, hi_limit=1500.0)
    results = [result(1.0), result(1.0), result(1000.0, **milli), result(1000.0, **milli)]

    assert [row[:4] for row in capability(rows, results, DECLARED)] == [
        ("V", 0.0, 9.0, 1.0),
        ("mV", 500.0, 1500.0, 1000.0),
    ]


def test_limits_that_stand_the_wrong_way_round_are_none(rows):
    swapped = LIMITS | {"lo_limit": -0.1, "hi_limit": -0.9}

    assert capability(rows, [result(-0.5), result(-0.6)], swapped)[0][1:3] == (None, None)
    assert capability(rows, [result(-0.5)], swapped)[0][-1] == "low limit above high limit"


@pytest.mark.parametrize(
    ("second", "expected"),
    [
        ({}, ("V", 0.0, 9.0, 2.0, None)),
        ({"hi_limit": None}, ("V", None, None, 2.0, SEVERAL)),
        ({"units": "mV"}, (None, None, None, None, "several units")),
    ],
)
def test_files_of_a_wafer_that_declare_a_test_differently(rows, second, expected):
    declared = [DECLARED | {"file_key": 1}, DECLARED | {"file_key": 2} | second]
    superseded = {"file_key": 3, "is_superseded": True}
    runs = [{"file_key": 1}, {"file_key": 2}, superseded]
    results = [result(1.0, file_key=1), result(3.0, file_key=2)]

    (row,) = capability(rows, results, *declared, LIMITS | {"file_key": 3}, runs=runs)

    assert (*row[:4], row[-1]) == expected
