"""What goes wrong between a sensor and its recorded trace."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import numpy as np

from fabsim.arrays import Bools, Floats, Ints
from fabsim.calendar import HOUR, MICROSECONDS, utc
from fabsim.line.history import Built
from fabsim.plan.excursions import Dirt
from fabsim.plan.line import Sensor
from fabsim.random_streams import Stream, stream

SPIKING_SHARE, SPIKE_SIGMAS, CLOCK_HOURS = 0.01, (20.0, 50.0), (1.0, 12.0)
# Keeps the clock's draws apart from those of the chamber that stands for its tool.
CLOCK = 1

Row = dict[str, object]


@dataclass(frozen=True)
class Trace:
    """What a tool's sensors read, by chamber and time (microseconds); values: sensors x samples."""

    sensors: tuple[Sensor, ...]
    chamber: Ints
    at: Ints
    values: Floats
    is_missing: Bools


def spoil(built: Built, night: int, trace: Trace) -> tuple[Trace, list[Row]]:
    """Change the trace's values in place; give it by the tool's clock, and one row per fault.

    `from` and `until` are the true times of the first and the last sample that a fault touches.
    `amount` counts these samples, but for a clock it is by how many seconds it is ahead.
    """
    if not len(trace.at):
        return trace, []
    chambers = np.unique(trace.chamber).tolist()
    faults = [row for one in chambers for row in _of_chamber(built, night, trace, one)]
    ahead = _clock(built, night, chambers[0])
    if not ahead:
        return trace, faults
    wrong = _row(built, night, chambers[0], trace.at) | {"chamber_id": None}
    faults.append(wrong | {"sensor": None, "fault": "sensor_clock", "amount": float(ahead)})
    return replace(trace, at=trace.at + ahead * MICROSECONDS), faults


def _of_chamber(built: Built, night: int, trace: Trace, chamber: int) -> Iterator[Row]:
    rng = stream(built.plan.seed, Stream.SENSOR_FAULT, night, chamber)
    here = np.flatnonzero(trace.chamber == chamber)
    for place, drawn in enumerate(rng.random(len(trace.sensors)).tolist()):
        if fault := _fault(built.plan.dirt, drawn):
            touched = FAULTS[fault](trace, place, here, rng)
            row = _row(built, night, chamber, trace.at[touched])
            yield row | {"sensor": trace.sensors[place].sensor, "fault": fault}


def _fault(dirt: Dirt, drawn: float) -> str | None:
    """A sensor has one fault a night at most."""
    shares = np.cumsum([getattr(dirt, name) for name in FAULTS])
    place = int(np.searchsorted(shares, drawn, side="right"))
    return [*FAULTS, None][place]


def _missing(trace: Trace, sensor: int, here: Ints, _: np.random.Generator) -> Ints:
    trace.is_missing[sensor, here] = True
    return here


def _stuck(trace: Trace, sensor: int, here: Ints, rng: np.random.Generator) -> Ints:
    at = trace.at[here]
    touched: Ints = here[at >= rng.integers(at[0], at[-1], endpoint=True)]
    trace.values[sensor, touched] = trace.values[sensor, touched[0]]
    return touched


def _spiking(trace: Trace, sensor: int, here: Ints, rng: np.random.Generator) -> Ints:
    count = max(round(SPIKING_SHARE * len(here)), 1)
    touched = np.sort(rng.choice(here, count, replace=False))
    sigmas = rng.uniform(*SPIKE_SIGMAS, count) * rng.choice([-1.0, 1.0], count)
    trace.values[sensor, touched] += trace.sensors[sensor].sigma * sigmas
    return touched


# By the names of their shares in the plan's dirt.
FAULTS: dict[str, Callable[[Trace, int, Ints, np.random.Generator], Ints]] = {
    "sensor_missing": _missing,
    "sensor_stuck": _stuck,
    "sensor_spiking": _spiking,
}


def _clock(built: Built, night: int, chamber: int) -> int:
    rng = stream(built.plan.seed, Stream.SENSOR_FAULT, night, chamber, CLOCK)
    is_wrong = rng.random() < built.plan.dirt.sensor_clock
    ahead = round(HOUR * rng.uniform(*CLOCK_HOURS)) * int(rng.choice([-1, 1]))
    return ahead if is_wrong else 0


def _row(built: Built, night: int, chamber: int, at: Ints) -> Row:
    one = built.tools.chambers[chamber]
    place = {
        "night_on": built.plan.calendar.night_on(night),
        "equipment_id": one.equipment_id,
        "chamber_id": one.chamber_id,
    }
    span = {"from": _moment(int(at.min())), "until": _moment(int(at.max()))}
    return {**place, "sensor": None, "fault": None, **span, "amount": float(len(at))}


def _moment(microseconds: int) -> datetime:
    return utc(0) + timedelta(microseconds=microseconds)
