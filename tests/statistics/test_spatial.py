"""Values of textbooks and of two other programs, and every arrangement of small wafers counted."""

import json
from itertools import combinations, permutations
from math import comb, isnan

import numpy as np
import pytest

from fabyield.errors import StatisticsError
from fabyield.statistics.spatial import join_counts, moran, neighbours
from tests.statistics.worked import WORKED, agrees, worked_values

TOPIC = "07_spatial"
EXPECTED = worked_values(TOPIC)
# Other statistics than those of this module.
OTHERS = {
    *("moran_W.var_normality", "moran_W.z_normality", "geary_W.C"),
    *("same_high.expected_free", "same_low.expected_free"),
    # Of the enumeration, which has a test of its own.
    *("n_arrangements", "bb", "exact_p_bb_ge", "exact_p_bw_ge", "mean_bb_over_all"),
}
L_SHAPE = [[0, 1], [1, 2], [1, 3], [3, 4]]


def joins(name, found):
    """Keys of the worked cases for one kind of join."""
    expected = "expected" if name.endswith("different") else "expected_nonfree"
    variance = "variance" if name.endswith("different") else "variance_nonfree"
    return {
        f"{name}.count": found.count,
        f"{name}.{expected}": found.expected,
        f"{name}.{variance}": found.variance,
        f"{name}.z": found.z,
        f"{name}.p_greater": found.p_greater,
        f"{name}.p_perm": found.p_permutation,
    }


def moran_keys(name, found):
    moments = {"E": found.expected, "var_randomisation": found.variance}
    values = {"I": found.i, **moments, "z": found.z, "p_greater": found.p_greater}
    return {f"{name}.{key}": value for key, value in values.items()}


def read(name):
    return json.loads((WORKED / TOPIC / name).read_text())


def lattice(name):
    grid = read(name)
    y, x = np.divmod(np.arange(grid["rows"] * grid["cols"]), grid["cols"])
    return np.array(grid["values_row_major"]), x, y


def oldcol():
    case = read("columbus_oldcol.json")
    lists = enumerate(case["neighbours_1based_positions"])
    pairs = [(row, other - 1) for row, others in lists for other in others if row < other - 1]
    crime = np.array(case["crime"])
    counts = join_counts(crime <= 35, pairs)
    standardised = moran(crime, pairs, standardise=True, permutations=4999)
    return {
        **joins("same_low", counts.same_true),
        **joins("same_high", counts.same_false),
        **joins("different", counts.different),
        **moran_keys("moran_W", standardised),
        "moran_W.p_perm_19999": standardised.p_permutation,
        **moran_keys("moran_B", moran(crime, pairs)),
    }


def lattice_4x4():
    values, x, y = lattice("lattice_4x4.json")
    rook = neighbours(x, y)
    counts = join_counts(values == 1, rook, permutations=9999)
    queen = join_counts(values == 1, neighbours(x, y, queen=True))
    return {
        "rook.bb": counts.same_true.count,
        "rook.ww": counts.same_false.count,
        "rook.bw": counts.different.count,
        "rook.J_total": len(rook),
        "rook.chi2_sim_p_bb": counts.same_true.p_permutation,
        **moran_keys("rook.moran", moran(values, rook)),
        **joins("same_0", queen.same_false),
        **joins("same_1", queen.same_true),
        **joins("different", queen.different),
    }


def wafer_map():
    rows = (WORKED / TOPIC / "gdbn_map_13.txt").read_text().split()
    die = [(x, y, char) for y, row in enumerate(rows) for x, char in enumerate(row) if char != "."]
    x, y, verdict = (np.array(column) for column in zip(*die, strict=True))
    found = {}
    for name in ("rook", "queen"):
        pairs = neighbours(x, y, queen=name == "queen")
        counts = join_counts(verdict == "0", pairs, permutations=4999)
        found |= joins(f"{name}.same_bad", counts.same_true)
        found |= joins(f"{name}.same_good", counts.same_false)
        found |= joins(f"{name}.different", counts.different)
        found |= moran_keys(f"{name}.moran", moran(verdict == "1", pairs))
    return found


@pytest.fixture(scope="module")
def found():
    cases = {"oldcol_joincount_moran": oldcol(), "esda_lattice_4x4": lattice_4x4()}
    cases["wafer_map_13"] = wafer_map()
    return {(case, key): value for case, keys in cases.items() for key, value in keys.items()}


@pytest.mark.parametrize("key", [key for key in EXPECTED if key[1] not in OTHERS], ids=".".join)
def test_value_of_a_worked_case_is_found(found, key):
    assert agrees(found[key], EXPECTED[key])


def test_every_arrangement_of_a_wafer_of_nine_die_is_as_often_as_the_shuffles_say():
    values, x, y = lattice("lattice_3x3.json")
    pairs = neighbours(x, y)
    found = join_counts(values == 1, pairs, permutations=9999)
    wafers = [np.isin(np.arange(9), bad) for bad in combinations(range(9), 4)]
    same = [sum(wafer[a] and wafer[b] for a, b in pairs) for wafer in wafers]
    exact = {
        "n_arrangements": len(wafers),
        "bb": found.same_true.count,
        "exact_p_bb_ge": sum(count >= 4 for count in same) / len(wafers),
        "exact_p_bw_ge": found.different.p_permutation,
        "mean_bb_over_all": found.same_true.expected,
    }

    for key, value in exact.items():
        assert agrees(value, EXPECTED["exact_permutation_3x3", key]), key
    assert found.same_true.p_permutation == pytest.approx(exact["exact_p_bb_ge"], abs=0.006)


@pytest.mark.parametrize(("true", "name"), [(2, "same_true"), (2, "different"), (3, "same_false")])
def test_moments_of_join_counts_are_those_of_all_arrangements(true, name):
    wafers = [np.isin(np.arange(6), rows) for rows in combinations(range(6), true)]
    found = [getattr(join_counts(wafer, L_SHAPE), name) for wafer in wafers]
    counts = [joins.count for joins in found]

    assert len(wafers) == comb(6, true)
    assert found[0].expected == pytest.approx(np.mean(counts), rel=1e-12)
    assert found[0].variance == pytest.approx(np.var(counts), rel=1e-12)


@pytest.mark.parametrize("standardise", [False, True])
def test_moments_of_moran_are_those_of_all_arrangements_with_a_die_that_touches_none(standardise):
    values = [1.0, 2.0, 2.5, 4.0, 8.0, 16.0]
    found = moran(values, L_SHAPE, standardise=standardise)
    orders = [moran(order, L_SHAPE, standardise=standardise).i for order in permutations(values)]

    assert found.expected == pytest.approx(np.mean(orders), rel=1e-9)
    assert found.variance == pytest.approx(np.var(orders), rel=1e-9)


def test_sides_touch_and_with_queen_corners_too():
    x, y = [5, 6, 6, 9], [-1, -1, 0, 0]

    assert neighbours(x, y).tolist() == [[0, 1], [1, 2]]
    assert neighbours(x, y, queen=True).tolist() == [[0, 1], [0, 2], [1, 2]]


def test_neighbours_are_those_of_all_pairs_compared():
    grid = np.random.default_rng(7).permutation(400)[:250]
    x, y = grid % 20 - 10, grid // 20
    near = np.maximum(abs(x[:, None] - x), abs(y[:, None] - y)) == 1
    rook = near & ((x[:, None] == x) | (y[:, None] == y))

    assert neighbours(x, y, queen=True).tolist() == np.argwhere(np.triu(near)).tolist()
    assert neighbours(x, y).tolist() == np.argwhere(np.triu(rook)).tolist()


def test_wafer_without_die_or_of_one_has_no_neighbours():
    assert neighbours([], []).shape == (0, 2)
    assert neighbours([3], [4], queen=True).shape == (0, 2)


@pytest.mark.parametrize("bad", [[], [0, 1, 2, 3, 4]])
def test_wafer_that_is_all_bad_or_all_good_is_neither_clustered_nor_mixed(bad):
    found = join_counts(np.isin(np.arange(5), bad), L_SHAPE, permutations=9)

    assert (found.same_true.count, found.same_false.count) == ((4, 0) if bad else (0, 4))
    assert found.same_true.variance == found.different.variance == 0
    assert isnan(found.same_true.z) and isnan(found.different.p_greater)
    assert found.same_true.p_permutation == 1


def test_equal_values_have_no_moran():
    found = moran([0.1] * 7, L_SHAPE, permutations=9)  # Summed, seven of 0.1 are not 0.7.

    assert isnan(found.i) and isnan(found.variance) and isnan(found.p_permutation)


def test_moran_of_die_that_all_touch_each_other_has_no_spread():
    every_pair = list(combinations(range(6), 2))
    found = moran([17.0, 12.7, 10.2, 5.4, 6.2, 0.9], every_pair, standardise=True)

    assert found.i == pytest.approx(found.expected) == -0.2
    assert found.variance == 0 and isnan(found.z)


def test_no_pairs_are_no_joins_and_no_moran():
    assert join_counts(np.array([True, False]), []).different.count == 0
    assert isnan(moran([1.0, 2.0, 3.0, 4.0], []).i)


def test_same_seed_gives_the_same_p():
    values = [3.0, 1.0, 4.0, 1.5, 9.0]
    first, again, other = (moran(values, L_SHAPE, permutations=99, seed=seed) for seed in (1, 1, 2))

    assert first == again
    assert first.p_permutation != other.p_permutation


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: neighbours([1, 2, 1], [3, 3, 3]), "rows 0 and 2 are both die 1, 3"),
        (lambda: neighbours([1, 2], [3]), "2 values of x, but 1 of y"),
        (lambda: neighbours([1.5], [3]), "x: a row of whole numbers needed, float64"),
        (lambda: join_counts([0, 1], [[0, 1]]), "a row of booleans needed, int64"),
        (lambda: join_counts([True, False], [0, 1]), "row numbers of shape (pairs, 2) needed"),
        (lambda: join_counts([True, False], [[0, 2]]), "[0, 2] are not two different rows of 2"),
        (lambda: join_counts([True, False], [[1, 1]]), "[1, 1] are not two different rows of 2"),
        (lambda: moran([1, 2], [[0, 1], [1, 0]]), "[0, 1] is there twice"),
        (lambda: moran([1, float("nan")], [[0, 1]]), "values: row 1 is nan"),
        (lambda: moran([[1, 2]], [[0, 1]]), "shape (1, 2)"),
        (lambda: moran(["a", "b"], [[0, 1]]), "values: not numbers"),
        (lambda: moran([1, 2], [[0, 1]], permutations=-1), "permutations is -1"),
    ],
)
def test_wrong_values_are_refused(call, message):
    with pytest.raises(StatisticsError) as error:
        call()

    assert message in str(error.value)
