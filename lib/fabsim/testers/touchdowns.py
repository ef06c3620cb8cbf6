"""What every touch-down measures; its verdict is known before."""

from dataclasses import dataclass

import numpy as np

from fabsim.arrays import Bools, Floats, Ints, Singles, significant
from fabsim.line.history import Built
from fabsim.line.lots import StartedLot
from fabsim.line.schedule import Booking
from fabsim.plan.excursions import Kind
from fabsim.plan.program import Program, probe_card
from fabsim.random_streams import Stream, stream
from fabsim.testers.die_flow import Carrier, Course, Parts, acting
from fabsim.wafer.die_levels import die_levels, program_shift

GOOD_BIN, FIRST_FAIL_BIN, FIRST_FAIL_SOFT_BIN = 1, 2, 100
# Four pins of the multi-result test: leakage in ampere, and how much a bad contact adds.
PINS, PIN_LEAK, PIN_SIGMA, PIN_LIMIT, PIN_OPEN = 4, 2e-8, 1e-9, np.float32(4e-8), 5e-8
# Good die read no more than this share of the way from nominal to a limit.
INSIDE = 0.97


@dataclass(frozen=True)
class Touches:
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
        """Touch-downs whose multi-result test fails, on any of its pins."""
        return np.asarray((self.pins > PIN_LIMIT).any(axis=1))


def measure(built: Built, lot: StartedLot, place: Booking, carrier: Carrier) -> Touches:
    """Measure the touch-downs of a carrier of `lot` on the tester of its `place`."""
    number, parts, course = place.number, carrier.parts, carrier.course
    program = built.programs[number]
    rng = stream(built.plan.seed, Stream.NOISE, lot.index, number, carrier.turn)
    sigmas = _readings(built, lot, number, parts, rng)[course.part]
    sigmas += probe_card(built.plan, number, place.tester)[course.site - 1]
    again = course.is_retest
    noise = rng.standard_normal((int(again.sum()), sigmas.shape[1]))
    sigmas[again] += built.plan.spread.repeat * noise
    inside = INSIDE * built.plan.spread.limit_sigma
    np.clip(sigmas, -inside, inside, out=sigmas)
    functional = _harm(sigmas, course, program, len(built.plan.groups))
    readings = program.nominal + program.sigma * sigmas
    results = (np.rint(readings / program.unit) * program.unit).astype(np.float32)
    failed = (results < program.lo_limit) | (results > program.hi_limit)
    hard_bin, soft_bin = _bins(program, np.hstack([failed, functional]), len(built.plan.groups))
    return Touches(
        results=results,
        failed=failed,
        functional_failed=functional,
        pins=_pins(course.is_contact, rng),
        hard_bin=hard_bin,
        soft_bin=soft_bin,
        test_ms=_times(program, len(course.part), rng),
    )


def _readings(
    built: Built, lot: StartedLot, number: int, parts: Parts, rng: np.random.Generator
) -> Floats:
    """What each part reads when it is touched first, before the tester adds its own."""
    program = built.programs[number]
    acts = [one.name for one in acting(built, lot, number, Kind.PROGRAM_CHANGE)]
    noise = rng.standard_normal((len(parts.die), len(program.group)))
    noise *= np.sqrt(1 - program.rho)
    noise += program_shift(built, program, acts)
    for slot in np.unique(parts.slot).tolist():
        mine = np.flatnonzero(parts.slot == slot)
        noise[mine] += die_levels(built, lot, slot, program, parts.die[mine])
    return noise


def _harm(sigmas: Floats, course: Course, program: Program, groups: int) -> Bools:
    """Put what fails a touch-down out of its limits; give which functional tests fail."""
    rows = np.flatnonzero((course.group >= 0) & (course.group < groups))
    group, place = course.group[rows], course.place[rows]
    columns = program.first_of_group[group] + (place * program.tests_of_group[group]).astype(int)
    beyond = course.sigmas[rows]
    sigmas[rows, columns] = np.where(program.high_only[columns], np.abs(beyond), beyond)
    functional = np.zeros((len(course.part), program.insertion.functional_tests), bool)
    rows = np.flatnonzero(course.group == groups)
    functional[rows, (course.place[rows] * functional.shape[1]).astype(int)] = True
    functional[course.is_contact] = True
    return functional


def _pins(contact: Bools, rng: np.random.Generator) -> Singles:
    leak = PIN_LEAK + PIN_SIGMA * rng.standard_normal((len(contact), PINS))
    leak[contact] += PIN_OPEN
    return significant(leak).astype(np.float32)


def _times(program: Program, count: int, rng: np.random.Generator) -> Ints:
    insertion = program.insertion
    times = np.rint(rng.normal(insertion.test_ms, insertion.test_sigma_ms, count))
    return np.maximum(times, 1).astype(np.int64)


def _bins(program: Program, failed: Bools, groups: int) -> tuple[Ints, Ints]:
    functional = np.full(program.insertion.functional_tests, groups)
    group = np.append(program.group, functional)
    first, good = failed.argmax(axis=1), ~failed.any(axis=1)
    hard_bin = np.where(good, GOOD_BIN, FIRST_FAIL_BIN + group[first])
    return hard_bin, np.where(good, GOOD_BIN, FIRST_FAIL_SOFT_BIN + first)
