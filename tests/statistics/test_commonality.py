"""Values of textbooks and of two other programs, and of scipy."""

import csv
import json

import numpy as np
import pytest
from scipy import stats

from fabyield.statistics import (
    adjusted,
    commonality,
    design_effect,
    fisher_greater,
    stratified_greater,
    worst_span,
)
from tests.statistics.worked import WORKED, agrees, worked_values

TOPIC = "06_commonality"
EXPECTED = worked_values(TOPIC)


def table(name):
    with open(WORKED / TOPIC / name, encoding="utf-8") as file:
        return list(csv.DictReader(file))


def expected(case, key):
    return EXPECTED[case, key]["value"]


@pytest.mark.parametrize("method", ["BH", "BY", "holm", "bonferroni"])
def test_published_p_values_are_adjusted_as_published(method):
    p_values = [float(row["p"]) for row in table("bh1995_pvalues.csv")]

    found = adjusted(p_values, method)

    np.testing.assert_allclose(found, expected("multiple_testing", method), rtol=1e-9)
    shuffled = adjusted(p_values[::-1], method)
    np.testing.assert_allclose(shuffled[::-1], found, rtol=1e-12)


def test_as_many_published_hypotheses_are_rejected_as_published():
    p_values = [float(row["p"]) for row in table("bh1995_pvalues.csv")]

    for method in ("BH", "bonferroni"):
        rejected = int((adjusted(p_values, method) <= 0.05).sum())
        assert rejected == expected("multiple_testing", f"n_reject_{method}_.05")


def test_p_of_the_lady_tasting_tea_is_fishers():
    (hits, misses), (other_hits, other_misses) = json.loads(
        (WORKED / TOPIC / "tables.json").read_text()
    )["tea_tasting"]

    found = fisher_greater(hits + misses, hits, other_hits + other_misses, other_hits)

    assert agrees(float(found), EXPECTED["fisher_tea", "p_greater"])


def test_the_tool_with_the_excess_of_bad_lots_comes_first_with_the_p_of_r():
    lots = table("lot_history_60.csv")
    steps = ("ETCH", "CVD", "LITHO", "CMP")

    found = commonality(
        {step: [lot[step] for lot in lots] for step in steps}, [lot["bad"] == "1" for lot in lots]
    ).to_pylist()

    case = "equipment_commonality"
    names = [f"{row['factor']}:{row['level']}" for row in found]
    assert names[:5] == expected(case, "rank_by_p")
    for name, row in zip(names, found, strict=True):
        counts = (row["bad"], row["units"] - row["bad"], row["other_bad"])
        counts += (row["other_units"] - row["other_bad"],)
        key = f"{name}.table[tool_bad,tool_good,other_bad,other_good]"
        assert list(counts) == expected(case, key)
        assert agrees(row["p_value"], EXPECTED[case, f"{name}.p_fisher_greater"])
        assert row["q_value"] == pytest.approx(expected(case, "BH_over_all_tools")[name], rel=1e-9)


def test_odds_ratio_and_p_are_those_of_scipy():
    rng = np.random.default_rng(5)
    tool, bad = rng.choice(["A", "B"], 50), rng.random(50) < 0.3

    rows = {row["level"]: row for row in commonality({"step": [*tool]}, bad).to_pylist()}

    a = [(bad & (tool == "A")).sum(), (~bad & (tool == "A")).sum()]
    b = [(bad & (tool == "B")).sum(), (~bad & (tool == "B")).sum()]
    odds, p_value = stats.fisher_exact([a, b], alternative="greater")
    assert rows["A"]["p_value"] == pytest.approx(p_value)
    assert rows["A"]["odds_ratio"] == pytest.approx(odds)


def test_unit_without_a_level_is_left_out_and_a_lone_level_compares_nothing():
    found = commonality({"step": ["A", "B", None], "other": ["C", "C", "C"]}, [True, False, True])

    rows = found.to_pylist()
    assert [(row["level"], row["units"], row["bad"]) for row in rows] == [("A", 1, 1), ("B", 1, 0)]


def test_design_effect_is_the_size_of_groups_that_are_all_alike():
    assert design_effect([1, 1, 1, 0, 0, 0], [1, 1, 1, 2, 2, 2]) == pytest.approx(3)


def test_design_effect_is_one_where_groups_do_not_matter():
    assert design_effect([1, 0, 1, 0], [1, 1, 2, 2]) == 1
    assert design_effect([1, 0], [1, 2]) == 1


def test_lots_that_are_bad_as_a_whole_raise_no_false_alarms():
    """Lots that are wholly bad or good, on tools that have nothing to do with it."""
    rng = np.random.default_rng(3)
    lot = np.repeat(np.arange(40), 25)
    plain = careful = 0
    for _ in range(200):
        bad, tool = (rng.random(40) < 0.2)[lot], rng.integers(0, 2, 40)[lot]
        levels = {"step": [*tool.astype(str)]}
        plain += commonality(levels, bad)["p_value"][0].as_py() < 0.05
        careful += commonality(levels, bad, lot)["p_value"][0].as_py() < 0.05
    assert plain > 100
    # Both levels are tested.
    assert careful <= 0.1 * 200 + 3 * np.sqrt(200 * 0.1 * 0.9)


def test_wafers_are_compared_within_their_lots_where_a_step_splits_lots():
    """A bad lot is bad in both chambers; only one chamber makes more of them bad."""
    lots = np.repeat(["K1", "K2", "K3"], 8)
    chamber = ["A", "A", "A", "A", "B", "B", "B", "B"] * 3
    bad = [1, 1, 1, 1, 1, 0, 0, 0] + [1, 0, 0, 0, 0, 0, 0, 0] * 2

    found = {r["level"]: r for r in commonality({"etch": chamber}, bad, lots).to_pylist()}

    assert found["A"]["compared"] == "within groups"
    # Worked by hand: all 6 bad at A, of 4*1/56 ways in K1 and 1/2 each in K2 and K3, or one of K1
    # at B more than chance.
    likely = stats.hypergeom.pmf([3, 4], 8, 5, 4)
    exact = likely[1] / 4
    assert found["A"]["p_value"] == pytest.approx(exact)


def test_one_group_is_tested_as_by_fisher():
    units, bad = [[6, 9, 5]], [[4, 2, 1]]

    found = stratified_greater(units, bad)

    for level in range(3):
        mine, others = (units[0][level], bad[0][level]), (20 - units[0][level], 7 - bad[0][level])
        assert found[level] == pytest.approx(float(fisher_greater(*mine, *others)))


def test_p_within_groups_is_that_of_shuffling_within_groups():
    rng = np.random.default_rng(7)
    group, level = np.repeat(np.arange(6), 5), rng.integers(0, 2, 30)
    bad = rng.random(30) < np.where(level == 1, 0.6, 0.3)

    def count(flags):
        return (flags & (level == 1)).sum()

    shuffled = [
        count(np.concatenate([rng.permutation(bad[group == one]) for one in range(6)]))
        for _ in range(20_000)
    ]
    found = commonality({"step": [*level.astype(str)]}, bad, group).to_pylist()
    p_value = next(row["p_value"] for row in found if row["level"] == "1")
    assert p_value == pytest.approx(np.mean(np.array(shuffled) >= count(bad)), abs=0.012)


def test_worst_span_is_the_stretch_with_the_bad_units():
    assert worst_span([0, 1, 6, 5, 6, 0], [6] * 6)[:2] == (2, 5)


def test_worst_span_is_the_whole_series_if_only_others_are_good():
    assert worst_span([5, 6, 6], [6] * 3, other_bad=2, others=60)[:2] == (0, 3)


def test_no_span_is_worse_where_nothing_is_bad():
    assert worst_span([0, 0, 0], [6] * 3, other_bad=3, others=9) == (0, 0, 0.0)


def test_log_likelihood_of_a_span_is_that_of_binomial_counts():
    bad, units = np.array([1, 5, 6, 0]), np.array([6, 6, 7, 5])

    found = worst_span(bad, units)

    best = max(
        (likelihood_ratio(bad, units, begin, end), -begin)
        for begin in range(4)
        for end in range(begin + 1, 5)
    )
    assert found.llr == pytest.approx(best[0])


def likelihood_ratio(bad, units, begin, end):
    inside = bad[begin:end].sum(), units[begin:end].sum()
    outside = bad.sum() - inside[0], units.sum() - inside[1]
    whole = bad.sum(), units.sum()
    if not outside[1] or inside[0] / inside[1] <= outside[0] / outside[1]:
        return 0.0
    at = stats.binom.logpmf
    likely = sum(at(k, n, k / n) for k, n in (inside, outside))
    combined = sum(at(k, n, whole[0] / whole[1]) for k, n in (inside, outside))
    return likely - combined
