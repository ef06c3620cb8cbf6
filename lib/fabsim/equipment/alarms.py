"""The alarms of one tool in one night, and their causes."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from fabsim.arrays import Floats, Ints
from fabsim.calendar import utc
from fabsim.equipment.sensor_faults import Row
from fabsim.equipment.visits import Visits, drift_sigmas
from fabsim.line.history import LineRun
from fabsim.plan.excursions import Excursion, Kind
from fabsim.random_streams import Stream, stream

TEXTS = {
    "A101": "wafer centring retried",
    "A102": "load lock pump-down slow",
    "A204": "gas flow settled late",
    "A310": "chuck temperature uneven at the edge",
    "A415": "endpoint signal weak",
    "A520": "recipe step overran",
    "W701": "sensor drifts",
}
# Other chambers raise the alarm of a bad chamber too.
BAD_CHAMBER, DRIFT = "A310", "W701"
BY_CHANCE = tuple(code for code in TEXTS if code != DRIFT)
BAD_CHAMBER_SHARE, DRIFT_SIGMAS = 0.1, 3.0


@dataclass(frozen=True)
class Alarm:
    """An alarm during a visit, at a time in seconds; `cause` is the excursion, if any."""

    visit: int
    at: int
    code: str
    cause: str | None
    detail: str = ""


def alarms(line: LineRun, visits: Visits) -> list[Alarm]:
    """Return every alarm of `visits`; those of one wafer do not depend on the other visits."""
    found = list(_by_chance(line, visits))
    for number, one in enumerate(line.plan.excursions):
        if one.kind is Kind.BAD_CHAMBER:
            found += _of_bad_chamber(line, visits, number)
        if one.kind is Kind.DRIFTING_SENSOR:
            found += _of_drift(line, visits, one)
    return found


def alarm_row(line: LineRun, night: int, visits: Visits, one: Alarm) -> Row:
    """Return the truth of an alarm, with its cause."""
    chamber = line.tools.chambers[visits.chamber[one.visit]]
    return {
        "night_on": line.plan.calendar.night_on(night),
        "equipment_id": chamber.equipment_id,
        "chamber_id": chamber.chamber_id,
        "at": utc(one.at),
        "code": one.code,
        "cause": one.cause,
    }


def _by_chance(line: LineRun, visits: Visits) -> Iterator[Alarm]:
    share = line.plan.tools.alarms_per_1000_wafers / 1000
    is_alarm, when, which = _drawn(line, visits)
    at = _within(visits, when)
    for visit in np.flatnonzero(is_alarm < share).tolist():
        yield Alarm(visit, int(at[visit]), BY_CHANCE[int(which[visit] * len(BY_CHANCE))], None)


def _of_bad_chamber(line: LineRun, visits: Visits, number: int) -> Iterator[Alarm]:
    one = line.plan.excursions[number]
    hits = zip(visits.lot.tolist(), visits.slot.tolist(), strict=True)
    is_hit = np.array([line.hits[lot][number, slot - 1] > 0 for lot, slot in hits], bool)
    is_hit &= visits.step == line.tools.step(one.at["process_step"])
    is_alarm, when, _ = _drawn(line, visits, number)
    at = _within(visits, when)
    for visit in np.flatnonzero(is_hit & (is_alarm < BAD_CHAMBER_SHARE)).tolist():
        yield Alarm(visit, int(at[visit]), BAD_CHAMBER, one.name)


def _of_drift(line: LineRun, visits: Visits, one: Excursion) -> Iterator[Alarm]:
    sigmas = drift_sigmas(line, one, visits)
    middle = (visits.started + visits.ended) // 2
    for visit in np.flatnonzero(np.abs(sigmas) > DRIFT_SIGMAS).tolist():
        detail = f" sensor={one.at['sensor']} sigmas={sigmas[visit]:.1f}"
        yield Alarm(visit, int(middle[visit]), DRIFT, one.name, detail)


def _drawn(line: LineRun, visits: Visits, *excursion: int) -> Floats:
    """Draw three numbers from 0 to 1 for each visit, from a stream of its lot and step."""
    found, size = np.zeros((3, len(visits.lot))), (3, line.plan.line.wafers_per_lot)
    for lot, step in sorted(set(zip(visits.lot.tolist(), visits.step.tolist(), strict=True))):
        rng = stream(line.plan.seed, Stream.TOOL_LOG, lot, step, *excursion)
        here = (visits.lot == lot) & (visits.step == step)
        found[:, here] = rng.random(size)[:, visits.slot[here] - 1]
    return found


def _within(visits: Visits, share: Floats) -> Ints:
    return np.asarray(
        visits.started + np.floor(share * (visits.ended - visits.started)).astype(np.int64)
    )
