"""Which die of a wafer are bad, for what reason, and which insertion finds out."""

from dataclasses import dataclass

import numpy as np

from fabsim.arrays import Bools, Floats, Ints, quantised, significant
from fabsim.line.history import Built
from fabsim.line.lots import StartedLot
from fabsim.plan.excursions import Shape
from fabsim.plan.line import Product
from fabsim.plan.plan import Plan
from fabsim.plan.wafer_map import DieGrid, wafer_map
from fabsim.random_streams import Stream, stream
from fabsim.wafer.patterns import pattern_kills, where

GOOD = "good"
# More killer defects on one die are counted as so many.
MOST_DEFECTS = 40
# Results of bad die lie this many times the distance to the limit off the nominal value.
BEYOND = (1.15, 2.5)


@dataclass(frozen=True)
class Damage:
    """One entry per die of a wafer.

    `defects` counts killer defects. `cause` is an index into `causes`, 0 for good die. A bad die
    fails a test of `group` (the number of groups: a functional test) at `place` (0-1) of it, by
    `sigmas`. `caught_at` is the number of the insertion that finds it, or the number of insertions
    where none does.
    """

    pattern: Shape | None
    causes: tuple[str, ...]
    defects: Ints
    cause: Ints
    group: Ints
    place: Floats
    sigmas: Floats
    caught_at: Ints

    @property
    def is_bad(self) -> Bools:
        """Die that do not work."""
        return np.asarray(self.cause > 0)


def damage(built: Built, lot: StartedLot, slot: int) -> Damage:
    """Damage of the wafer in `slot` of `lot`, whoever probes it."""
    plan, product = built.plan, built.plan.products[lot.product]
    die = wafer_map(product)
    rng = stream(plan.seed, Stream.DAMAGE, lot.index, slot)
    defects = _defects(product, die, rng)
    pattern, kills = pattern_kills(plan, die, lot.index, slot)
    edge = plan.edge_loss_pct / 100 * die.is_rim
    lost = _excursions(built, lot, slot, die, rng)
    killed = [defects > 0, *(rng.random(die.gross_die) < one for one in (edge, kills, *lost))]
    if plan.scarcity.defective:
        pattern, defects = None, np.zeros_like(defects)
        scarce = rng.random(die.gross_die) < plan.scarcity.defective / plan.scarcity.among
        killed = [scarce, *(np.zeros(die.gross_die, bool) for _ in killed[1:])]
    cause = _first(killed)
    return Damage(
        pattern=pattern,
        causes=(GOOD, *causes(plan)),
        defects=defects,
        cause=cause,
        group=_groups(plan, cause, rng),
        place=rng.random(die.gross_die),
        sigmas=_sigmas(plan, die.gross_die, rng),
        caught_at=_caught_at(plan, die.gross_die, rng),
    )


def causes(plan: Plan) -> list[str]:
    """Why a die is bad; the first of them that holds is told."""
    return ["defect", "edge", "pattern", *(one.name for one in plan.excursions)]


def _first(killed: list[Bools]) -> Ints:
    """The number, from 1, of the first cause that kills each die; 0 where none does."""
    table = np.array(killed)
    return np.where(table.any(axis=0), 1 + table.argmax(axis=0), 0)


def _defects(product: Product, die: DieGrid, rng: np.random.Generator) -> Ints:
    """Counts per die, negative binomial: Poisson with a rate that is gamma from square to square.

    Stapper, Armstrong and Saji, Proc. IEEE 71 (1983) 453.
    """
    gamma = rng.standard_gamma(product.alpha, int(die.cluster.max()) + 1) / product.alpha
    rate = product.defects_per_die * quantised(gamma)[die.cluster]
    return poisson(rate, rng.random(die.gross_die))


def poisson(rate: Floats, drawn: Floats) -> Ints:
    """The Poisson counts whose probabilities, summed up, first exceed `drawn` (0-1)."""
    term = significant(np.exp(-rate))
    total, count = term.copy(), np.zeros(len(rate), np.int64)
    for number in range(1, MOST_DEFECTS + 1):
        more = drawn >= total
        if not more.any():
            break
        count += more
        term = term * rate / number
        total += term
    return count


def _excursions(
    built: Built, lot: StartedLot, slot: int, die: DieGrid, rng: np.random.Generator
) -> list[Floats]:
    """How likely each excursion kills each die."""
    hit = built.hits[lot.index][:, slot - 1]
    kills = []
    for one, strength in zip(built.plan.excursions, hit, strict=True):
        effect = one.effect
        loss = strength * max(rng.normal(effect.loss_pct, effect.loss_sigma_pct), 0.0) / 100
        place = where(effect.shape, die, rng)
        share = place.mean()
        kills.append(place * min(loss / share, 0.95) if share else np.zeros(die.gross_die))
    return kills


def _groups(plan: Plan, cause: Ints, rng: np.random.Generator) -> Ints:
    weights = np.array([*(one.weight for one in plan.groups), plan.functional_weight])
    group = rng.choice(len(weights), size=len(cause), p=weights / weights.sum())
    first = 1 + causes(plan).index("pattern") + 1
    for number, one in enumerate(plan.excursions, start=first):
        group = np.where(cause == number, plan.group_number(one.effect.group), group)
    return np.asarray(group)


def _sigmas(plan: Plan, count: int, rng: np.random.Generator) -> Floats:
    sign = np.where(rng.random(count) < 0.5, 1.0, -1.0)
    return np.asarray(sign * plan.spread.limit_sigma * rng.uniform(*BEYOND, count))


def _caught_at(plan: Plan, count: int, rng: np.random.Generator) -> Ints:
    missed = np.cumprod([1 - one.coverage for one in plan.insertions])
    return np.asarray((rng.random(count)[:, None] < missed).sum(axis=1))
