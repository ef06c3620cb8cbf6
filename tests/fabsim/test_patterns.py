"""Where the shapes of wafer-map patterns lie, and how many wafers show them."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from fabsim.plan.excursions import Pattern, Shape
from fabsim.plan.wafer_map import wafer_map
from fabsim.wafer.patterns import RING, covered_die, pattern_kills
from tests.fabsim.fabs import is_share

WAFERS = 4_000
SHARES = dict(zip(Shape, (0.02, 0.04, 0.06, 0.08, 0.1, 0.12, 0.14, 0.16), strict=True))


@pytest.fixture(scope="module")
def die(plan):
    return wafer_map(plan.products[0])


@pytest.fixture(scope="module")
def drawn(die):
    """`drawn(shape)`: the die that a shape covers on 200 wafers."""

    def draw(shape):
        return [covered_die(shape, die, np.random.default_rng(seed)) for seed in range(200)]

    return draw


def centred(die, covered):
    """Mean x and y of some die, and their farthest distance from it, in wafer radii."""
    x, y = die.radius * np.cos(die.angle), die.radius * np.sin(die.angle)
    middle = x[covered].mean(), y[covered].mean()
    return middle, np.hypot(x[covered] - middle[0], y[covered] - middle[1]).max()


def test_shapes_come_to_their_share_of_wafers(plan, die):
    patterns = tuple(Pattern(shape, share, (0.5, 0.5)) for shape, share in SHARES.items())
    often = replace(plan, patterns=patterns)
    found = Counter(pattern_kills(often, die, one, 1)[0] for one in range(WAFERS))

    assert found.total() == WAFERS
    assert all(is_share(found[shape], WAFERS, share) for shape, share in SHARES.items())
    assert is_share(found[None], WAFERS, 1 - sum(SHARES.values()))


def test_a_pattern_kills_within_its_shape_by_a_ratio_within_its_bounds(plan, die):
    often = replace(plan, patterns=(Pattern(Shape.EDGE_RING, 1.0, (0.3, 0.7)),))
    kills = np.array([pattern_kills(often, die, one, 1)[1] for one in range(500)])
    ratio = kills.max(axis=1)

    assert (kills[:, die.radius <= RING] == 0).all()
    assert (kills[:, die.radius > RING] == ratio[:, None]).all()
    assert 0.3 <= ratio.min() < 0.32
    assert 0.68 < ratio.max() <= 0.7


def test_a_wafer_without_a_pattern_loses_nothing_to_it(plan, die):
    shape, kills = pattern_kills(replace(plan, patterns=()), die, 1, 1)

    assert (shape, kills.any()) == (None, False)


def test_centre_is_a_disc_of_up_to_half_the_radius(die, drawn):
    for covered in drawn(Shape.CENTRE):
        outermost = die.radius[covered].max()
        assert outermost < 0.5
        assert covered[die.radius < 0.35].all()
        assert covered[die.radius <= outermost].all()


def test_donut_leaves_the_centre_and_the_edge(die, drawn):
    for covered in drawn(Shape.DONUT):
        inner, outer = die.radius[covered].min(), die.radius[covered].max()
        assert 0.3 < inner < outer < 0.75
        assert covered[(die.radius >= inner) & (die.radius <= outer)].all()


def test_edge_ring_is_all_of_the_edge_and_nothing_else(die, drawn):
    for covered in drawn(Shape.EDGE_RING):
        assert (covered == (die.radius > 0.78)).all()
    assert 0.25 < (die.radius > RING).mean() < 0.45


def test_edge_loc_is_one_stretch_of_the_edge(die, drawn):
    middles = []
    for covered in drawn(Shape.EDGE_LOC):
        turns = np.exp(1j * die.angle[covered])
        away = np.abs(np.angle(turns / turns.mean()))
        middles.append(np.angle(turns.mean()))

        assert die.radius[covered].min() > RING - 0.08
        # At most 0.8 to either side, and the mean of few die is not quite the middle.
        assert away.max() < 0.95
    # A quarter of them lie in each quarter of the wafer.
    quarters = Counter(np.floor(np.array(middles) / (np.pi / 2)).tolist())
    assert all(is_share(count, 200, 0.25) for count in quarters.values())


def test_loc_is_a_spot_away_from_the_edge(die, drawn):
    for covered in drawn(Shape.LOC):
        (x, y), far = centred(die, covered)
        assert np.hypot(x, y) < 0.65
        assert far < 0.28 + 0.1
        assert 0.01 < covered.mean() < 0.1


def test_scratch_is_long_thin_and_without_gaps(die, drawn):
    for covered in drawn(Shape.SCRATCH):
        x, y = die.x_coord[covered], die.y_coord[covered]
        apart = np.maximum(np.abs(x[:, None] - x), np.abs(y[:, None] - y))

        assert covered.mean() < 0.12
        assert apart.max() >= 7
        assert apart.max() > 2 * len(x) / apart.max()
        # Every die of it touches another.
        assert (np.sort(apart, axis=1)[:, 1] == 1).all()


@pytest.mark.parametrize("shape", [Shape.RANDOM, Shape.NEAR_FULL])
def test_random_and_near_full_cover_the_whole_wafer(drawn, shape):
    assert all(covered.all() for covered in drawn(shape))
