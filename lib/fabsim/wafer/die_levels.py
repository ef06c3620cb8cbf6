"""What a die reads on average: where its wafer's process, its place and its neighbours put it."""

import numpy as np

from fabsim.arrays import Floats, Ints
from fabsim.line.history import Built
from fabsim.line.lots import StartedLot
from fabsim.line.pcm import measure_pcm
from fabsim.plan.excursions import Effect, Kind
from fabsim.plan.program import Program
from fabsim.plan.wafer_map import wafer_map
from fabsim.random_streams import Stream, stream


def die_levels(built: Built, lot: StartedLot, slot: int, program: Program, die: Ints) -> Floats:
    """Mean reading of each die on each test, in sigmas off nominal: die x tests.

    What is left to add is the noise of each test, of variance 1 - rho.
    """
    factor = die_factors(built, lot, slot)[die][:, program.group]
    wafer = wafer_level(built, lot, slot)[program.group] + shifts(built, lot, slot, program)
    return np.asarray(wafer + np.sqrt(program.rho) * factor + _places(built, lot, program, die))


def die_factors(built: Built, lot: StartedLot, slot: int) -> Floats:
    """What the tests of a group have in common on each die: all die of the wafer x groups."""
    count = wafer_map(built.plan.products[lot.product]).gross_die
    rng = stream(built.plan.seed, Stream.FACTOR, lot.index, slot)
    return rng.standard_normal((count, len(built.plan.groups)))


def wafer_level(built: Built, lot: StartedLot, slot: int) -> Floats:
    """How far a wafer is off in each group, in sigmas: product, PCM, drift, slot, and chance."""
    plan = built.plan
    rng = stream(plan.seed, Stream.FACTOR, lot.index, slot, 1)
    level = plan.products[lot.product].shift_sigma + _pcm_level(built, lot, slot)
    level = level + plan.spread.wafer * rng.standard_normal(len(plan.groups))
    return level + _drift(built, lot, slot) + _slot(built, lot, slot)


def shifts(built: Built, lot: StartedLot, slot: int, program: Program) -> Floats:
    """How far the excursions that hit a wafer move each test, in sigmas."""
    total = np.zeros(len(program.group))
    for number, one in enumerate(built.plan.excursions):
        total += built.hits[lot.index][number, slot - 1] * _moved(built, program, one.effect)
    return total


def program_shift(built: Built, program: Program, acts: list[str]) -> Floats:
    """How far the named changes of the program itself move each test, in sigmas."""
    total = np.zeros(len(program.group))
    for one in built.plan.excursions:
        if one.kind is Kind.PROGRAM_CHANGE and one.name in acts:
            total += _moved(built, program, one.effect)
    return total


def _moved(built: Built, program: Program, effect: Effect) -> Floats:
    """How far an effect of full strength moves each test, in sigmas."""
    place = np.arange(len(program.group)) - program.first_of_group[program.group]
    own = program.group == built.plan.group_number(effect.group)
    return np.asarray(effect.shift_sigma * (own & (place < effect.shifted_tests)))


def _places(built: Built, lot: StartedLot, program: Program, die: Ints) -> Floats:
    plan, wafer = built.plan, wafer_map(built.plan.products[lot.product])
    fields = int(wafer.field.max()) + 1
    rng = stream(plan.seed, Stream.RETICLE, lot.product)
    reticle = plan.spread.reticle * rng.standard_normal((fields, len(plan.groups)))
    bow = program.radial * (wafer.radius[die, None] ** 2 - 0.5)
    rim = program.edge * wafer.is_rim[die, None]
    return np.asarray(bow + rim + reticle[wafer.field[die]][:, program.group])


def _pcm_level(built: Built, lot: StartedLot, slot: int) -> Floats:
    plan = built.plan
    mean, sigma = (np.array([getattr(one, name) for one in plan.pcm]) for name in ("mean", "sigma"))
    read = (measure_pcm(plan, lot, built.hits[lot.index])[slot - 1] - mean) / sigma
    parameters = [one.pcm_test for one in plan.pcm]
    follows = np.array([parameters.index(one.pcm) for one in plan.groups])
    return np.asarray(np.array([one.pcm_sigma for one in plan.groups]) * read[follows])


def _drift(built: Built, lot: StartedLot, slot: int) -> Floats:
    ages = built.tools.ages(lot.chamber[:, slot - 1], lot.started[:, slot - 1])
    return _of_areas(
        built, np.array([a.drift_sigma for a in built.tools.areas_of_steps]) * (ages - 0.5)
    )


def _slot(built: Built, lot: StartedLot, slot: int) -> Floats:
    """The first and last wafers of a batch are processed unlike those in the middle."""
    areas = built.tools.areas_of_steps
    across = 2 * (slot - 1) / max(len(lot.slots) - 1, 1) - 1
    batches = sum(area.is_batch for area in areas)
    effect = [area.slot_sigma * area.is_batch / max(batches, 1) for area in areas]
    return _of_areas(built, (across**2 - 1 / 3) * np.array(effect))


def _of_areas(built: Built, steps: Floats) -> Floats:
    """What each step adds, summed up by the group that its area moves."""
    group, count = built.tools.groups_of_steps, len(built.plan.groups)
    total: Floats = np.bincount(group, weights=steps, minlength=count).astype(np.float64)
    return total
