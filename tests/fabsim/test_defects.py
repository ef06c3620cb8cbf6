"""Which die are bad and why: defects, the edge, patterns, excursions; and what finds them."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from fabsim.line.history import LineRun
from fabsim.plan.excursions import Effect, Kind, Pattern, Scarcity, Shape
from fabsim.plan.wafer_map import wafer_map
from fabsim.wafer.defects import damage, poisson
from fabsim.wafer.patterns import RING
from tests.fabsim.fabs import ETCH, calm, error, excursion, is_share, with_excursion

# Dense enough that alpha shows; a square has the rate of its own that makes neighbours alike.
DENSE = {"defects_per_die": 0.5, "alpha": 1.5}
GROUPS = 20


def wafers(plan, nights=8, **of_product):
    """The damage of all wafers of some nights, of a plan without other faults."""
    products = tuple(replace(one, **of_product) for one in plan.products)
    built = LineRun.until(replace(plan, products=products), nights)
    every = [(lot, slot) for lot in built.lots for slot in lot.slots.tolist()]
    return built, [damage(built, lot, slot) for lot, slot in every]


@pytest.fixture(scope="module")
def die(plan):
    return wafer_map(plan.products[0])


@pytest.fixture(scope="module")
def dense(plan):
    """Wafers x die: counts of killer defects."""
    return np.array([one.defects for one in wafers(calm(plan), **DENSE)[1]])


def test_poisson_counts_invert_its_distribution():
    # e^-1 = 0.3679, then 0.7358, 0.9197 and 0.9810.
    drawn = np.array([0.36, 0.37, 0.73, 0.74, 0.9, 0.95, 0.99])

    assert poisson(np.full(7, 1.0), drawn).tolist() == [0, 1, 1, 2, 2, 3, 4]


@pytest.mark.parametrize("rate", [5.0, 12.0, 20.0])
def test_poisson_counts_have_the_mean_of_high_rates_too(rate):
    drawn = (np.arange(20_000) + 0.5) / 20_000

    assert poisson(np.full(20_000, rate), drawn).mean() == pytest.approx(rate, rel=0.01)


def test_defects_per_die_have_the_mean_and_alpha_of_the_plan(dense):
    several = np.array_split(dense, GROUPS)
    means = [one.mean() for one in several]
    # alpha = m^2 / (s^2 - m), of the counts of die.
    alphas = [one.mean() ** 2 / (one.var() - one.mean()) for one in several]

    assert len(dense) > 1_400
    assert abs(np.mean(means) - 0.5) < 4 * error(means) < 0.015
    assert abs(np.mean(alphas) - 1.5) < 4 * error(alphas) < 0.12


def test_counts_of_defects_are_negative_binomial(dense):
    # P(k + 1) / P(k) = (k + alpha) / (k + 1) * m / (m + alpha), and P(0) = (1 + m / alpha)^-alpha.
    expected = [(1 + 0.5 / 1.5) ** -1.5]
    for k in range(3):
        expected.append(expected[-1] * (k + 1.5) / (k + 1) * 0.25)

    for k, share in enumerate(expected):
        found = (dense == k).mean(axis=1)
        assert abs(found.mean() - share) < 4 * error(found) < 0.015


def test_yield_is_what_the_negative_binomial_says(plan):
    found = [100 - 100 * one.is_bad.mean() for one in wafers(calm(plan), **DENSE)[1]]

    # (1 + 0.5 / 1.5)^-1.5 = 64.95 %; Poisson would say 60.65 %.
    assert abs(np.mean(found) - 64.95) < 4 * error(found) < 1.5


def test_defects_of_neighbours_correlate_and_of_distant_die_do_not(dense, die):
    off = dense - 0.5
    places = zip(die.x_coord.tolist(), die.y_coord.tolist(), strict=True)
    place = {xy: number for number, xy in enumerate(places)}
    near = off[:, place[0, 0]] * off[:, place[1, 1]]
    far = off[:, place[0, 0]] * off[:, place[-6, 0]]

    # In one square the covariance is that of the rate, m^2 / alpha = 0.167.
    assert die.cluster[place[0, 0]] == die.cluster[place[1, 1]] != die.cluster[place[-6, 0]]
    assert abs(near.mean() - 0.167) < 4 * error(near) < 0.15
    assert abs(far.mean()) < 4 * error(far) < 0.1


def test_a_die_with_defects_is_bad_for_that_reason(plan):
    _, found = wafers(calm(plan), nights=1, **DENSE)

    for one in found[:50]:
        assert ((one.defects > 0) == (one.cause == 1)).all()
        assert one.causes[1] == "defect"


def test_the_rim_loses_its_share_and_no_other_die_does(plan, die):
    _, found = wafers(replace(calm(plan), edge_loss_pct=20.0), nights=1)
    lost = np.array([one.cause for one in found])

    assert not lost[:, ~die.is_rim].any()
    assert {found[0].causes[number] for number in np.unique(lost)} == {"good", "edge"}
    assert is_share((lost > 0).sum(), len(lost) * die.is_rim.sum(), 0.2)


def test_a_pattern_costs_its_ratio_of_the_die_inside(plan, die):
    ring = (Pattern(Shape.EDGE_RING, 1.0, (0.5, 0.5)),)
    _, found = wafers(replace(calm(plan), patterns=ring), nights=1)
    lost = np.array([one.is_bad for one in found])[:, die.radius > RING]

    assert {one.pattern for one in found} == {Shape.EDGE_RING}
    assert is_share(lost.sum(), lost.size, 0.5)
    assert {one.causes[n] for one in found for n in np.unique(one.cause)} == {"good", "pattern"}


@pytest.mark.parametrize(
    ("kind", "at"),
    [
        (Kind.BAD_CHAMBER, ETCH),
        (Kind.WRONG_RECIPE, {"process_step": "etch_gate", "recipe_id": "EG-203"}),
        (Kind.MATERIAL_LOT, {"material_id": "SUB9001"}),
    ],
)
def test_an_excursion_costs_its_points_inside_its_shape_on_the_wafers_it_hits(plan, die, kind, at):
    effect = Effect(12.5, 1.5, Shape.EDGE_RING, "vth")
    bad = excursion(kind, at, effect, from_night=2, until_night=6, share=0.5)
    built, found = wafers(with_excursion(calm(plan), bad), nights=4)
    hit = np.concatenate([one[0] for one in built.hits]) > 0
    lost = np.array([one.is_bad for one in found])
    points = 100 * lost[hit].mean(axis=1)

    assert not lost[~hit].any()
    assert not lost[:, die.radius <= RING].any()
    assert abs(points.mean() - 12.5) < 4 * error(points) < 1.5
    # Binomial within the ring of 35 % of the die, beside the spread of 1.5 points itself.
    assert points.std() == pytest.approx(1.9, abs=0.4)


def test_die_lost_to_an_excursion_fail_the_tests_it_names(plan):
    effect = Effect(12.5, 1.5, Shape.EDGE_RING, "timing")
    bad = with_excursion(calm(plan), excursion(Kind.BAD_CHAMBER, ETCH, effect))
    built, found = wafers(bad, nights=1)
    group = np.concatenate([one.group[one.is_bad] for one in found])

    assert {one.causes[n] for one in found for n in one.cause} == {"good", "story"}
    assert {built.plan.groups[number].group for number in group} == {"timing"}


def test_a_drift_costs_more_the_further_it_has_gone(plan):
    effect = Effect(20.0, 0.0, Shape.RANDOM, "timing")
    place = ETCH | {"sensor": "rf_power"}
    drift = excursion(Kind.DRIFTING_SENSOR, place, effect)
    built, found = wafers(with_excursion(calm(plan), drift))
    strength = np.concatenate([one[0] for one in built.hits])
    lost = np.array([one.is_bad.sum() for one in found])
    gross = found[0].is_bad.size

    assert is_share(lost[strength == 1].sum(), (strength == 1).sum() * gross, 0.2)
    some = (strength > 0) & (strength < 1)
    # Of unlike shares the variance is at most that of their mean.
    assert is_share(lost[some].sum(), some.sum() * gross, 0.2 * strength[some].mean())


def test_bad_die_fail_each_group_by_its_weight(plan):
    built, found = wafers(calm(plan), nights=1, **DENSE)
    failed = Counter(np.concatenate([one.group[one.is_bad] for one in found]).tolist())
    weights = [*(one.weight for one in built.plan.groups), built.plan.functional_weight]

    assert failed.total() > 10_000
    for number, weight in enumerate(weights):
        assert is_share(failed[number], failed.total(), weight / sum(weights))


def test_each_insertion_finds_its_share_of_the_bad_die_that_reach_it(plan):
    _, found = wafers(calm(plan), nights=1, **DENSE)
    caught = Counter(np.concatenate([one.caught_at[one.is_bad] for one in found]).tolist())

    # Of all bad die: 0.96, then 0.5 and 0.9 of what is left, and the rest is never found.
    for number, share in enumerate((0.96, 0.02, 0.018, 0.002)):
        assert is_share(caught[number], caught.total(), share)


def test_bad_die_read_beyond_the_limit_on_either_side(plan):
    _, found = wafers(calm(plan), nights=1, **DENSE)
    sigmas = np.concatenate([one.sigmas for one in found])

    assert 1.15 <= abs(sigmas).min() / plan.spread.limit_sigma < 1.2
    assert 2.4 < abs(sigmas).max() / plan.spread.limit_sigma <= 2.5
    assert is_share((sigmas > 0).sum(), sigmas.size, 0.5)


def test_few_defects_are_fifty_die_of_a_hundred_thousand_for_no_reason_but_chance(plan):
    effect = Effect(50.0, 0.0, Shape.RANDOM, "vth")
    bad = with_excursion(plan, excursion(Kind.BAD_CHAMBER, ETCH, effect))
    _, found = wafers(replace(bad, scarcity=Scarcity(50, 100_000)))
    bad_die = sum(one.is_bad.sum() for one in found)
    tested = sum(one.is_bad.size for one in found)

    assert tested > 700_000
    assert is_share(bad_die, tested, 50 / 100_000)
    assert {one.causes[n] for one in found for n in np.unique(one.cause)} == {"good", "defect"}
    assert {one.pattern for one in found} == {None}
