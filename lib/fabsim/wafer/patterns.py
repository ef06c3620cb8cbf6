"""The die that each wafer-map pattern covers."""

from collections.abc import Callable

import numpy as np

from fabsim.arrays import Bools, Floats, quantised
from fabsim.plan.excursions import Shape
from fabsim.plan.plan import Plan
from fabsim.plan.wafer_map import DieGrid
from fabsim.random_streams import Stream, stream

# The inner edge of an edge ring, as a share of the wafer radius.
RING = 0.78


def covered_die(shape: Shape, die: DieGrid, rng: np.random.Generator) -> Bools:
    """Return which die a shape covers; its position and size are random."""
    return np.asarray(_SHAPES[shape](die, rng))


def pattern_kills(plan: Plan, die: DieGrid, lot: int, slot: int) -> tuple[Shape | None, Floats]:
    """Return the random pattern of a wafer, if any, and how likely it kills each die."""
    rng = stream(plan.seed, Stream.PATTERN, lot, slot)
    bounds = np.cumsum([one.share for one in plan.patterns])
    number = int(np.searchsorted(bounds, rng.random(), side="right"))
    if number >= len(plan.patterns):
        return None, np.zeros(die.gross_die)
    one = plan.patterns[number]
    least, most = one.kill_ratio
    kills = np.where(covered_die(one.shape, die, rng), rng.uniform(least, most), 0.0)
    return one.shape, kills


def _centre(die: DieGrid, rng: np.random.Generator) -> Bools:
    return np.asarray(die.radius < rng.uniform(0.35, 0.5))


def _donut(die: DieGrid, rng: np.random.Generator) -> Bools:
    inside = rng.uniform(0.3, 0.45)
    return np.asarray((die.radius > inside) & (die.radius < inside + 0.3))


def _edge_ring(die: DieGrid, rng: np.random.Generator) -> Bools:
    return np.asarray(die.radius > RING)


def _edge_loc(die: DieGrid, rng: np.random.Generator) -> Bools:
    turned = np.abs(die.angle - rng.uniform(-np.pi, np.pi))
    away = np.minimum(turned, 2 * np.pi - turned)
    return np.asarray((die.radius > RING - 0.08) & (away < rng.uniform(0.4, 0.8)))


def _loc(die: DieGrid, rng: np.random.Generator) -> Bools:
    radius, angle = rng.uniform(0.2, 0.6), rng.uniform(-np.pi, np.pi)
    x, y = die.radius * _cos(die.angle), die.radius * _sin(die.angle)
    off = (x - radius * _cos(angle)) ** 2 + (y - radius * _sin(angle)) ** 2
    return np.asarray(off < rng.uniform(0.18, 0.28) ** 2)


def _scratch(die: DieGrid, rng: np.random.Generator) -> Bools:
    turn, off = rng.uniform(-np.pi, np.pi), rng.uniform(-0.5, 0.5)
    bend, length = rng.uniform(-0.4, 0.4), rng.uniform(0.8, 1.6)
    along = die.radius * _cos(die.angle - turn)
    across = die.radius * _sin(die.angle - turn) - off - bend * along**2
    # As wide as a die, so that the scratch has no gaps.
    wide = 0.9 / np.sqrt(die.gross_die)
    return np.asarray((np.abs(across) < wide) & (np.abs(along) < length / 2))


def _everywhere(die: DieGrid, rng: np.random.Generator) -> Bools:
    return np.ones(die.gross_die, bool)


def _cos(angle: Floats | float) -> Floats:
    return quantised(np.cos(angle))


def _sin(angle: Floats | float) -> Floats:
    return quantised(np.sin(angle))


_SHAPES: dict[Shape, Callable[[DieGrid, np.random.Generator], Bools]] = {
    Shape.CENTRE: _centre,
    Shape.DONUT: _donut,
    Shape.EDGE_RING: _edge_ring,
    Shape.EDGE_LOC: _edge_loc,
    Shape.LOC: _loc,
    Shape.SCRATCH: _scratch,
    Shape.RANDOM: _everywhere,
    Shape.NEAR_FULL: _everywhere,
}
