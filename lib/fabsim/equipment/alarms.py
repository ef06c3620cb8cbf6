"""The alarms of one tool in one night, and what is behind them."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from fabsim.arrays import Floats, Ints
from fabsim.calendar import utc
from fabsim.equipment.sensor_faults import Row
from fabsim.equipment.visits import Visits, drifted, strengths
from fabsim.line.history import Built
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
# A bad chamber is not the only one that gives its alarm.
BAD_CHAMBER, DRIFT = "A310", "W701"
BY_CHANCE = tuple(code for code in TEXTS if code != DRIFT)
BAD_CHAMBER_SHARE, DRIFT_SIGMAS = 0.1, 3.0


@dataclass(frozen=True)
class Alarm:
    """An alarm during a visit, at a time in seconds; `cause` is an excursion's name, if any."""

    visit: int
    at: int
    code: str
    cause: str | None
    detail: str = ""


def alarms(built: Built, seen: Visits) -> list[Alarm]:
    """Every alarm of the wafers `seen`; a wafer's own do not depend on which others are."""
    found = list(_by_chance(built, seen))
    for number, one in enumerate(built.plan.excursions):
        if one.kind is Kind.BAD_CHAMBER:
            found += _of_bad_chamber(built, seen, number)
        if one.kind is Kind.DRIFTING_SENSOR:
            found += _of_drift(built, seen, one)
    return found


def truth(built: Built, night: int, seen: Visits, one: Alarm) -> Row:
    """What is known of an alarm, and no log says."""
    chamber = built.tools.chambers[seen.chamber[one.visit]]
    place = {"equipment_id": chamber.equipment_id, "chamber_id": chamber.chamber_id}
    return {
        "night_on": built.plan.calendar.night_on(night),
        **place,
        "at": utc(one.at),
        "code": one.code,
        "cause": one.cause,
    }


def _by_chance(built: Built, seen: Visits) -> Iterator[Alarm]:
    share = built.plan.tools.alarms_per_1000_wafers / 1000
    is_alarm, when, which = _drawn(built, seen)
    at = _within(seen, when)
    for visit in np.flatnonzero(is_alarm < share).tolist():
        yield Alarm(visit, int(at[visit]), BY_CHANCE[int(which[visit] * len(BY_CHANCE))], None)


def _of_bad_chamber(built: Built, seen: Visits, number: int) -> Iterator[Alarm]:
    one = built.plan.excursions[number]
    is_hit = strengths(built, number, seen.lot, seen.slot - 1) > 0
    is_hit &= seen.step == built.tools.step(one.at["process_step"])
    is_alarm, when, _ = _drawn(built, seen, number)
    at = _within(seen, when)
    for visit in np.flatnonzero(is_hit & (is_alarm < BAD_CHAMBER_SHARE)).tolist():
        yield Alarm(visit, int(at[visit]), BAD_CHAMBER, one.name)


def _of_drift(built: Built, seen: Visits, one: Excursion) -> Iterator[Alarm]:
    sigmas = drifted(built, one, seen)
    middle = (seen.started + seen.ended) // 2
    for visit in np.flatnonzero(np.abs(sigmas) > DRIFT_SIGMAS).tolist():
        detail = f" sensor={one.at['sensor']} sigmas={sigmas[visit]:.1f}"
        yield Alarm(visit, int(middle[visit]), DRIFT, one.name, detail)


def _drawn(built: Built, seen: Visits, *excursion: int) -> Floats:
    """Three numbers from 0 to 1 for each visit, from a stream of its lot and step."""
    found, size = np.zeros((3, len(seen.lot))), (3, built.plan.line.wafers_per_lot)
    for lot, step in sorted(set(zip(seen.lot.tolist(), seen.step.tolist(), strict=True))):
        rng = stream(built.plan.seed, Stream.TOOL_LOG, lot, step, *excursion)
        here = (seen.lot == lot) & (seen.step == step)
        found[:, here] = rng.random(size)[:, seen.slot[here] - 1]
    return found


def _within(seen: Visits, share: Floats) -> Ints:
    return np.asarray(seen.started + np.floor(share * (seen.ended - seen.started)).astype(np.int64))
