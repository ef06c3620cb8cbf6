"""What every touch-down measures; die_flow has decided its verdict before."""

from dataclasses import dataclass

import numpy as np

from fabsim.arrays import Bools, Columns, Floats, Ints, Singles, significant
from fabsim.line.history import LineRun
from fabsim.line.lots import StartedLot
from fabsim.line.schedule import Booking
from fabsim.plan.excursions import Kind
from fabsim.plan.program import Program, probe_card
from fabsim.random_streams import Stream, stream
from fabsim.testers.die_flow import Carrier, Parts, Touches, active_excursions
from fabsim.wafer.die_levels import die_levels, program_shift

GOOD_BIN, FIRST_FAIL_BIN, FIRST_FAIL_SOFT_BIN = 1, 2, 100
# Four pins of the multi-result test: leakage in ampere, and what a bad contact adds to it.
PINS, PIN_LEAK, PIN_SIGMA, PIN_LIMIT, PIN_OPEN = 4, 2e-8, 1e-9, np.float32(4e-8), 5e-8
# Good die stay within this share of the distance from nominal to a limit.
INSIDE = 0.97


@dataclass(frozen=True)
class Readings(Columns):
    """Measurements, one row per touch-down of a part: x tests, x functional tests, x pins."""

    results: Singles
    failed: Bools
    functional_failed: Bools
    pins: Singles
    hard_bin: Ints
    soft_bin: Ints
    test_ms: Ints

    @property
    def pins_failed(self) -> Bools:
        """Which touch-downs fail the multi-result test, on any of its pins."""
        return np.asarray((self.pins > PIN_LIMIT).any(axis=1))


def measure(line: LineRun, lot: StartedLot, place: Booking, carrier: Carrier) -> Readings:
    """Measure the touch-downs of a carrier of `lot` on the tester of its `place`."""
    number, touches, spread = place.number, carrier.touches, line.plan.spread
    program = line.programs[number]
    rng = stream(line.plan.seed, Stream.NOISE, lot.index, number, carrier.turn)
    sigmas = _part_levels(line, lot, number, carrier.parts, rng)[touches.part]
    sigmas += probe_card(line.plan, number, place.tester)[touches.site - 1]
    again = touches.is_retest
    sigmas[again] += spread.repeat * rng.standard_normal((int(again.sum()), sigmas.shape[1]))
    inside = INSIDE * spread.limit_sigma
    np.clip(sigmas, -inside, inside, out=sigmas)
    functional = _fail(sigmas, touches, program, len(line.plan.groups))
    values = program.nominal + program.sigma * sigmas
    results = (np.rint(values / program.unit) * program.unit).astype(np.float32)
    failed = (results < program.lo_limit) | (results > program.hi_limit)
    hard_bin, soft_bin = _bins(program, np.hstack([failed, functional]), len(line.plan.groups))
    pins = PIN_LEAK + PIN_SIGMA * rng.standard_normal((len(touches.part), PINS))
    pins[touches.is_contact] += PIN_OPEN
    insertion = program.insertion
    times = np.rint(rng.normal(insertion.test_ms, insertion.test_sigma_ms, len(touches.part)))
    return Readings(
        results=results,
        failed=failed,
        functional_failed=functional,
        pins=significant(pins).astype(np.float32),
        hard_bin=hard_bin,
        soft_bin=soft_bin,
        test_ms=np.maximum(times, 1).astype(np.int64),
    )


def _part_levels(
    line: LineRun, lot: StartedLot, number: int, parts: Parts, rng: np.random.Generator
) -> Floats:
    """Return the values of each part on its first touch, without the tester's offsets."""
    program = line.programs[number]
    changes = active_excursions(line, lot, number, Kind.PROGRAM_CHANGE)
    noise = rng.standard_normal((len(parts.die), len(program.group)))
    noise *= np.sqrt(1 - program.rho)
    noise += program_shift(line, program, [one.name for one in changes])
    for slot in np.unique(parts.slot).tolist():
        mine = np.flatnonzero(parts.slot == slot)
        noise[mine] += die_levels(line, lot, slot, program, parts.die[mine])
    return noise


def _fail(sigmas: Floats, touches: Touches, program: Program, groups: int) -> Bools:
    """Move the failing results in `sigmas` beyond their limits; return the functional fails."""
    rows = np.flatnonzero((touches.group >= 0) & (touches.group < groups))
    group, place = touches.group[rows], touches.place[rows]
    columns = program.first_of_group[group] + (place * program.tests_of_group[group]).astype(int)
    beyond = touches.sigmas[rows]
    sigmas[rows, columns] = np.where(program.high_only[columns], np.abs(beyond), beyond)
    functional = np.zeros((len(touches.part), program.insertion.functional_tests), bool)
    rows = np.flatnonzero(touches.group == groups)
    functional[rows, (touches.place[rows] * functional.shape[1]).astype(int)] = True
    functional[touches.is_contact] = True
    return functional


def _bins(program: Program, failed: Bools, groups: int) -> tuple[Ints, Ints]:
    functional = np.full(program.insertion.functional_tests, groups)
    group = np.append(program.group, functional)
    first, good = failed.argmax(axis=1), ~failed.any(axis=1)
    hard_bin = np.where(good, GOOD_BIN, FIRST_FAIL_BIN + group[first])
    return hard_bin, np.where(good, GOOD_BIN, FIRST_FAIL_SOFT_BIN + first)
