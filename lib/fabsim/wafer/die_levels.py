"""The mean test values of each die: the level of its wafer, its position and its neighbours."""

import numpy as np

from fabsim.arrays import Floats, Ints, column
from fabsim.line.history import LineRun
from fabsim.line.lots import StartedLot
from fabsim.line.pcm import measure_pcm
from fabsim.plan.excursions import Effect, Kind
from fabsim.plan.program import Program
from fabsim.plan.wafer_map import wafer_map
from fabsim.random_streams import Stream, stream


def die_levels(line: LineRun, lot: StartedLot, slot: int, program: Program, die: Ints) -> Floats:
    """Return the mean value of each die on each test, in sigmas off nominal: die x tests.

    The noise of each test, of variance 1 - rho, comes on top.
    """
    factor = die_factors(line, lot, slot)[die][:, program.group]
    wafer = wafer_level(line, lot, slot)[program.group] + excursion_shifts(line, lot, slot, program)
    return np.asarray(wafer + np.sqrt(program.rho) * factor + _places(line, lot, program, die))


def die_factors(line: LineRun, lot: StartedLot, slot: int) -> Floats:
    """Return the factor that the tests of a group share on each die: die of the wafer x groups."""
    count = wafer_map(line.plan.products[lot.product]).gross_die
    rng = stream(line.plan.seed, Stream.FACTOR, lot.index, slot)
    return rng.standard_normal((count, len(line.plan.groups)))


def wafer_level(line: LineRun, lot: StartedLot, slot: int) -> Floats:
    """Return the shift of a wafer per group, in sigmas: product, PCM, drift, slot and chance."""
    plan = line.plan
    rng = stream(plan.seed, Stream.FACTOR, lot.index, slot, 1)
    level = plan.products[lot.product].shift_sigma + _pcm_level(line, lot, slot)
    level = level + plan.spread.wafer * rng.standard_normal(len(plan.groups))
    return level + _drift(line, lot, slot) + _slot(line, lot, slot)


def excursion_shifts(line: LineRun, lot: StartedLot, slot: int, program: Program) -> Floats:
    """Return how far the excursions of a wafer shift each test, in sigmas."""
    total = np.zeros(len(program.group))
    for number, one in enumerate(line.plan.excursions):
        total += line.hits[lot.index][number, slot - 1] * _full_shift(line, program, one.effect)
    return total


def program_shift(line: LineRun, program: Program, names: list[str]) -> Floats:
    """Return how far the program changes `names` shift each test, in sigmas."""
    total = np.zeros(len(program.group))
    for one in line.plan.excursions:
        if one.kind is Kind.PROGRAM_CHANGE and one.name in names:
            total += _full_shift(line, program, one.effect)
    return total


def _full_shift(line: LineRun, program: Program, effect: Effect) -> Floats:
    place = np.arange(len(program.group)) - program.first_of_group[program.group]
    own = program.group == line.plan.group_number(effect.group)
    return np.asarray(effect.shift_sigma * (own & (place < effect.shifted_tests)))


def _places(line: LineRun, lot: StartedLot, program: Program, die: Ints) -> Floats:
    plan, wafer = line.plan, wafer_map(line.plan.products[lot.product])
    fields = int(wafer.field.max()) + 1
    rng = stream(plan.seed, Stream.RETICLE, lot.product)
    reticle = plan.spread.reticle * rng.standard_normal((fields, len(plan.groups)))
    bow = program.radial * (wafer.radius[die, None] ** 2 - 0.5)
    rim = program.edge * wafer.is_rim[die, None]
    return np.asarray(bow + rim + reticle[wafer.field[die]][:, program.group])


def _pcm_level(line: LineRun, lot: StartedLot, slot: int) -> Floats:
    plan = line.plan
    mean, sigma = column(plan.pcm, "mean"), column(plan.pcm, "sigma")
    values = (measure_pcm(plan, lot, line.hits[lot.index])[slot - 1] - mean) / sigma
    parameters = [one.pcm_test for one in plan.pcm]
    follows = np.array([parameters.index(one.pcm) for one in plan.groups])
    return np.asarray(column(plan.groups, "pcm_sigma") * values[follows])


def _drift(line: LineRun, lot: StartedLot, slot: int) -> Floats:
    ages = line.tools.ages(lot.chamber[:, slot - 1], lot.started[:, slot - 1])
    return _by_group(line, column(line.tools.areas_of_steps, "drift_sigma") * (ages - 0.5))


def _slot(line: LineRun, lot: StartedLot, slot: int) -> Floats:
    """Return the shift of the first and last slots of a batch against those in the middle."""
    areas = line.tools.areas_of_steps
    across = 2 * (slot - 1) / max(len(lot.slots) - 1, 1) - 1
    batches = sum(area.is_batch for area in areas)
    effect = [area.slot_sigma * area.is_batch / max(batches, 1) for area in areas]
    return _by_group(line, (across**2 - 1 / 3) * np.array(effect))


def _by_group(line: LineRun, steps: Floats) -> Floats:
    """Sum up the shifts of the `steps` by the test group that their areas shift."""
    group, count = line.tools.groups_of_steps, len(line.plan.groups)
    total: Floats = np.bincount(group, weights=steps, minlength=count).astype(np.float64)
    return total
