"""Which die of a wafer are bad, why, and which insertion catches them."""

from dataclasses import dataclass

import numpy as np

from fabsim.arrays import Bools, Floats, Ints, column, quantised, significant
from fabsim.line.history import LineRun
from fabsim.line.lots import StartedLot
from fabsim.plan.excursions import Shape
from fabsim.plan.line import Product
from fabsim.plan.plan import Plan
from fabsim.plan.wafer_map import DieGrid, wafer_map
from fabsim.random_streams import Stream, stream
from fabsim.wafer.patterns import covered_die, pattern_kills

GOOD = "good"
# A die with more killer defects counts as one with so many.
MOST_DEFECTS = 40
# Results of bad die are off nominal by this range of multiples of the distance to the limit.
BEYOND = (1.15, 2.5)


@dataclass(frozen=True)
class Damage:
    """The damage of a wafer, one entry per die.

    `defects` counts killer defects. `cause` is an index into `causes`, 0 for good die. A bad die
    fails a test of `group` (number of groups: a functional test) at `place` (0-1) in it, by
    `sigmas`. `caught_at` is the insertion that catches it; number of insertions: none does.
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
        """Which die do not work."""
        return np.asarray(self.cause > 0)


def damage(line: LineRun, lot: StartedLot, slot: int) -> Damage:
    """Return the damage of the wafer in `slot` of `lot`, the same for every insertion."""
    plan, product = line.plan, line.plan.products[lot.product]
    die = wafer_map(product)
    rng = stream(plan.seed, Stream.DAMAGE, lot.index, slot)
    defects = _defects(product, die, rng)
    count = die.gross_die
    pattern, kills = pattern_kills(plan, die, lot.index, slot)
    edge = plan.edge_loss_pct / 100 * die.is_rim
    lost = _excursions(line, lot, slot, die, rng)
    killed = [defects > 0, *(rng.random(count) < one for one in (edge, kills, *lost))]
    if plan.scarcity.defective:
        pattern, defects = None, np.zeros_like(defects)
        scarce = rng.random(count) < plan.scarcity.defective / plan.scarcity.among
        killed = [scarce, *(np.zeros(count, bool) for _ in killed[1:])]
    cause = np.where(np.any(killed, axis=0), 1 + np.argmax(killed, axis=0), 0)
    missed = np.cumprod(1 - column(plan.insertions, "coverage"))
    return Damage(
        pattern=pattern,
        causes=(GOOD, *causes(plan)),
        defects=defects,
        cause=cause,
        group=_groups(plan, cause, rng),
        place=rng.random(count),
        sigmas=np.where(rng.random(count) < 0.5, 1.0, -1.0)
        * (plan.spread.limit_sigma * rng.uniform(*BEYOND, count)),
        caught_at=(rng.random(count)[:, None] < missed).sum(axis=1),
    )


def causes(plan: Plan) -> list[str]:
    """Return the possible causes of a bad die; if several apply, the first one counts."""
    return ["defect", "edge", "pattern", *(one.name for one in plan.excursions)]


def _defects(product: Product, die: DieGrid, rng: np.random.Generator) -> Ints:
    """Return negative binomial counts: Poisson, with a rate that is gamma from square to square.

    Stapper, Armstrong and Saji, Proc. IEEE 71 (1983) 453.
    """
    gamma = rng.standard_gamma(product.alpha, int(die.cluster.max()) + 1) / product.alpha
    rate = product.defects_per_die * quantised(gamma)[die.cluster]
    return poisson(rate, rng.random(die.gross_die))


def poisson(rate: Floats, drawn: Floats) -> Ints:
    """Return the least counts with a cumulative Poisson probability above `drawn` (0-1)."""
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
    line: LineRun, lot: StartedLot, slot: int, die: DieGrid, rng: np.random.Generator
) -> list[Floats]:
    """Return per excursion the probability that it kills each die."""
    hit = line.hits[lot.index][:, slot - 1]
    kills = []
    for one, strength in zip(line.plan.excursions, hit, strict=True):
        effect = one.effect
        loss = strength * max(rng.normal(effect.loss_pct, effect.loss_sigma_pct), 0.0) / 100
        place = covered_die(effect.shape, die, rng)
        share = place.mean()
        kills.append(place * min(loss / share, 0.95) if share else np.zeros(die.gross_die))
    return kills


def _groups(plan: Plan, cause: Ints, rng: np.random.Generator) -> Ints:
    weights = np.append(column(plan.groups, "weight"), plan.functional_weight)
    group = rng.choice(len(weights), size=len(cause), p=weights / weights.sum())
    first = 1 + causes(plan).index("pattern") + 1
    for number, one in enumerate(plan.excursions, start=first):
        group = np.where(cause == number, plan.group_number(one.effect.group), group)
    return np.asarray(group)
