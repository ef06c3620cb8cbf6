"""What measured values follow: their group, their place, their wafer, PCM, and excursions.

Every test takes all other spreads away; results are in sigmas of their test off nominal.
"""

from collections import defaultdict
from dataclasses import replace

import numpy as np
import pytest

from fabsim.line.history import LineRun
from fabsim.line.pcm import measure_pcm
from fabsim.plan.excursions import Effect, Kind, Shape
from fabsim.plan.program import probe_card
from fabsim.plan.wafer_map import wafer_map
from fabsim.truth import test_rows as true_tests
from tests.fabsim.fabs import (
    CP1,
    CP2,
    ETCH,
    HARMLESS,
    all_sessions,
    excursion,
    first_lots,
    in_sigmas,
    level,
    small,
    with_excursion,
)

# Two tests in each group but contact, which has three.
TESTS = 13
# Such die are small enough to lie in the outermost rim too: 20 of 463.
RIMMED = 11.0
VTH, SUPPLY = slice(3, 5), slice(11, 13)


@pytest.fixture(scope="module")
def flat(plan):
    """A plan of small wafers whose results scatter by chance alone."""
    return level(small(plan, tests=TESTS))


@pytest.fixture(scope="module")
def still(flat):
    """What its wafers read: wafers x die x tests."""
    return all_readings(measured(flat)[1])


def spread(plan, **sigmas):
    return replace(plan, spread=replace(plan.spread, **sigmas))


def rimmed(plan):
    """With die small enough to lie in the outermost rim."""
    return small(plan, tests=TESTS, die=RIMMED)


def measured(plan, lots=6):
    """The line, and what the wafers of its first lots read at CP1."""
    built = first_lots(LineRun.until(plan, 1), lots)
    return built, list(all_sessions(built, CP1))


def all_readings(found):
    """Wafers x die x tests; in calm plans each die is touched once, in order."""
    return np.array([in_sigmas(one) for one in found])


def slope(x, y):
    """The slope of y on x, and its standard error."""
    x, y = x - np.mean(x), y - np.mean(y)
    found = x @ y / (x @ x)
    return found, np.sqrt(np.var(y - found * x) / (x @ x))


def correlation(x, y):
    """Correlation of many values, and its standard error (1 - r^2) / sqrt(n)."""
    found = np.corrcoef(x.ravel(), y.ravel())[0, 1]
    return found, (1 - found**2) / np.sqrt(x.size)


def wafer_pcm(built, found, name):
    """The parameter of each session's wafer, in sigmas off its mean."""
    names = [one.pcm_test for one in built.plan.pcm]
    one = built.plan.pcm[names.index(name)]
    lots = {s.lot.index: measure_pcm(built.plan, s.lot, built.hits[s.lot.index]) for s in found}
    read = [lots[s.lot.index][s.slot - 1, names.index(name)] for s in found]
    return (np.array(read) - one.mean) / one.sigma


def hit_by(built, found):
    return np.array([built.hits[one.lot.index][0, one.slot - 1] for one in found])


def test_without_any_effect_results_are_normal_around_nominal(still):
    count = still[:, :, 0].size

    assert count > 9_000
    assert abs(still.mean(axis=(0, 1))).max() < 4.5 / np.sqrt(count)
    assert abs(still.std(axis=(0, 1)) - 1).max() < 4.5 / np.sqrt(2 * count)


def test_two_tests_correlate_as_their_group_and_their_places_imply(flat):
    built, found = measured(spread(rimmed(flat), radial=0.8, edge=0.8))
    every, tests = all_readings(found), list(true_tests(built))[:TESTS]
    die = wafer_map(built.plan.products[0])
    places = [
        t["radial_sigma"] * (die.radius**2 - 0.5) + t["edge_sigma"] * die.is_rim for t in tests
    ]
    for one in range(TESTS):
        for other in range(one):
            rho = tests[one]["rho"] if tests[one]["group"] == tests[other]["group"] else 0.0
            shared = np.cov(places[one], places[other], bias=True)
            expected = (rho + shared[0, 1]) / np.sqrt((1 + shared[0, 0]) * (1 + shared[1, 1]))
            seen, chance = correlation(every[:, :, one], every[:, :, other])
            assert abs(seen - expected) < 4.5 * chance < 0.05


def test_tests_of_one_group_correlate_by_rho_and_others_do_not(still):
    vth, chance = correlation(still[:, :, 3], still[:, :, 4])
    across, chance_across = correlation(still[:, :, 3], still[:, :, 5])

    assert abs(vth - 0.6) < 4 * chance < 0.03
    assert abs(across) < 4 * chance_across < 0.05


def test_a_die_reads_alike_at_both_wafer_insertions_by_rho(flat):
    built = first_lots(LineRun.until(flat, 1), 4)
    first, second = (all_readings(all_sessions(built, number)) for number in (CP1, CP2))

    for test, rho in ((3, 0.6), (5, 0.5), (9, 0.7)):
        seen, chance = correlation(first[:, :, test], second[:, :, test])
        assert abs(seen - rho) < 4 * chance < 0.04
    other, chance = correlation(first[:, :, 3], second[:, :, 5])
    assert abs(other) < 4 * chance


def test_bow_and_edge_step_of_each_test_match_the_truth(flat):
    built, found = measured(spread(rimmed(flat), radial=0.5, edge=0.4))
    die = wafer_map(built.plan.products[0])
    columns = np.stack([np.ones(die.gross_die), die.radius**2 - 0.5, die.is_rim], axis=1)
    means = all_readings(found).mean(axis=0)
    fitted = np.linalg.lstsq(columns, means, rcond=None)[0]
    chance = np.sqrt(np.diag(np.linalg.inv(columns.T @ columns)) / len(found))

    tests = list(true_tests(built))[:TESTS]
    for row, name in ((1, "radial_sigma"), (2, "edge_sigma")):
        true = np.array([one[name] for one in tests])
        assert abs(fitted[row] - true).max() < 4 * chance[row] < 0.15 < true.std()


def test_each_site_of_each_tester_is_off_as_its_probe_card_is(flat):
    built, found = measured(spread(flat, site=0.25), lots=12)
    of_tester = defaultdict(list)
    for one in found:
        of_tester[one.place.tester].append(one)
    for tester, several in of_tester.items():
        every, site = all_readings(several), several[0].touches.site
        card = probe_card(built.plan, CP1, tester)
        for number in range(4):
            values = every[:, site == number + 1]
            off = values.mean(axis=(0, 1)) - card[number]
            assert abs(off).max() < 4.5 / np.sqrt(values[:, :, 0].size) < 0.2
    cards = np.array([probe_card(built.plan, CP1, tester) for tester in of_tester])
    assert cards.std() == pytest.approx(0.25, abs=4 * 0.25 / np.sqrt(2 * cards.size))


def test_each_place_of_the_reticle_is_off_on_every_wafer_alike(flat):
    built, found = measured(spread(flat, reticle=0.15))
    field, every = wafer_map(built.plan.products[0]).field, all_readings(found)
    half = len(every) // 2
    early, late = (
        np.array([part[:, field == one].mean(axis=(0, 1)) for one in range(6)])
        for part in (every[:half], every[half:])
    )
    # The smallest place has eight die on a wafer; each half's mean is off by chance.
    chance = np.sqrt(2 / (8 * half))
    firsts = early[:, [0, 3, 5, 7, 9, 11]]

    assert abs(early - late).max() < 4.5 * chance < 0.3
    # Of 36 offsets, of which some of their spread is chance.
    assert firsts.std() == pytest.approx(0.15, abs=4 * 0.15 / np.sqrt(72))


def test_wafers_differ_by_the_spread_of_the_plan(flat):
    _, found = measured(spread(flat, wafer=0.3), lots=12)
    means = all_readings(found).mean(axis=1)[:, [0, 3, 5, 7, 9, 11]]
    # Beside the wafer's own level, the mean of 61 die of a group that shares nothing else.
    expected = np.sqrt(0.3**2 + 1 / 61)

    assert abs(means.std() - expected) < 4 * expected / np.sqrt(2 * means.size) < 0.03


@pytest.mark.parametrize(("group", "pcm", "test"), [("vth", "vth_n", 3), ("leak", "ioff_n", 7)])
def test_wafer_means_follow_pcm_as_the_plan_says(flat, plan, group, pcm, test):
    followed = replace(spread(flat, wafer=0.3), groups=plan.groups)
    built, found = measured(followed, lots=12)
    means, read = all_readings(found)[:, :, test].mean(axis=1), wafer_pcm(built, found, pcm)
    (pcm_sigma,) = [one.pcm_sigma for one in plan.groups if one.group == group]
    slope_seen, chance = slope(read, means)

    assert abs(slope_seen - pcm_sigma) < 4 * chance < 0.15
    explained = (pcm_sigma * read.std()) ** 2
    seen, chance = correlation(read, means)
    assert abs(seen - np.sqrt(explained / (explained + 0.3**2 + 1 / 61))) < 4 * chance < 0.2


def test_wafers_at_the_ends_of_a_batch_are_off_by_the_slot_effect(flat, plan):
    batches = tuple(replace(one, drift_sigma=0.0) for one in plan.areas)
    _, found = measured(replace(flat, areas=batches))
    means = all_readings(found).mean(axis=1)
    across = (np.array([one.slot for one in found]) - 13) / 12
    leak, chance = slope(across**2, means[:, 7])
    vth, chance_vth = slope(across**2, means[:, 3])

    assert abs(leak - 0.4) < 4 * chance < 0.2
    assert abs(vth) < 4 * chance_vth


def test_wafers_drift_with_the_time_since_their_chambers_were_cleaned(flat):
    areas = tuple(replace(one, drift_sigma=2.0 * (one.area == "etch")) for one in flat.areas)
    built, found = measured(replace(flat, areas=areas))
    etch = [n for n, one in enumerate(built.tools.areas_of_steps) if one.area == "etch"]
    ages = [built.tools.ages(one.lot.chamber[etch], one.lot.started[etch]) for one in found]
    drift = [
        (2 * (age - 0.5)).sum(axis=0)[one.slot - 1] for age, one in zip(ages, found, strict=True)
    ]
    seen, chance = slope(np.array(drift), all_readings(found)[:, :, VTH].mean(axis=(1, 2)))

    assert abs(seen - 1) < 4 * chance < 0.1


def test_a_product_out_of_control_is_off_on_every_test(flat):
    off = tuple(replace(one, shift_sigma=-0.6) for one in flat.products)
    every = all_readings(measured(replace(flat, products=off))[1])

    assert every.mean(axis=(0, 1)) == pytest.approx(np.full(TESTS, -0.6), abs=0.05)


def test_an_excursion_shifts_the_first_tests_of_its_group_on_the_wafers_it_hits(flat):
    effect = Effect(0.0, 0.0, Shape.RANDOM, "vth", shifted_tests=1, shift_sigma=1.5)
    built, found = measured(with_excursion(flat, excursion(Kind.BAD_CHAMBER, ETCH, effect)))
    hit, means = hit_by(built, found) > 0, all_readings(found).mean(axis=1)
    step = means[hit].mean(axis=0) - means[~hit].mean(axis=0)
    chance = np.sqrt((1 / hit.sum() + 1 / (~hit).sum()) / 61)

    assert step[3] == pytest.approx(1.5, abs=4 * chance)
    assert np.delete(step, 3) == pytest.approx(np.zeros(TESTS - 1), abs=4 * chance)
    assert 4 * chance < 0.2


def test_a_drift_shifts_tests_the_more_the_stronger_it_is(flat):
    effect = replace(HARMLESS, shifted_tests=2, shift_sigma=2.0)
    place = ETCH | {"sensor": "rf_power"}
    drift = excursion(Kind.DRIFTING_SENSOR, place, effect)
    built, found = measured(with_excursion(flat, drift), lots=12)
    seen, chance = slope(hit_by(built, found), all_readings(found)[:, :, VTH].mean(axis=(1, 2)))

    assert abs(seen - 2.0) < 4 * chance < 0.2


def test_an_excursion_that_moves_pcm_moves_the_tests_that_follow_it(flat, plan):
    moved = replace(HARMLESS, group="leak", pcm_sigma={"vth_n": 2.0})
    bad = with_excursion(flat, excursion(Kind.BAD_CHAMBER, ETCH, moved))
    built, found = measured(replace(bad, groups=plan.groups), lots=12)
    hit, means = hit_by(built, found) > 0, all_readings(found)[:, :, 3].mean(axis=1)
    pcm = wafer_pcm(built, found, "vth_n")

    # Wafers of a lot share half of PCM's variance: compared within lots, the other half is left.
    lots = np.array([one.lot.index for one in found])
    steps = [
        [
            values[(lots == lot) & hit].mean() - values[(lots == lot) & ~hit].mean()
            for lot in set(lots)
        ]
        for values in (pcm, means)
    ]
    assert abs(np.mean(steps[0]) - 2.0) < 4 * error_of(steps[0]) < 0.6
    assert abs(np.mean(steps[1]) - 1.0) < 4 * error_of(steps[1]) < 0.4


def error_of(values):
    return np.std(values) / np.sqrt(len(values))


def test_a_changed_program_reads_other_values_from_its_night_on(flat):
    effect = Effect(0.0, 0.0, Shape.RANDOM, "supply", shifted_tests=2, shift_sigma=0.7)
    at = {"insertion": "CP1", "job_rev": "08"}
    new = excursion(Kind.PROGRAM_CHANGE, at, effect, from_night=2)
    _, found = measured(with_excursion(flat, new))
    acts = np.array([one.place.night >= 2 for one in found])
    means = all_readings(found).mean(axis=1)
    step = means[acts].mean(axis=0) - means[~acts].mean(axis=0)
    chance = np.sqrt((1 / acts.sum() + 1 / (~acts).sum()) / 61)

    assert {(bool(on), one.job_rev) for on, one in zip(acts, found, strict=True)} == {
        (False, "07"),
        (True, "08"),
    }
    assert step[SUPPLY] == pytest.approx([0.7, 0.7], abs=4 * chance)
    assert step[:11] == pytest.approx(np.zeros(11), abs=4 * chance)
    assert 4 * chance < 0.1
