"""Faults between a sensor and its recorded trace."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta

import numpy as np

from fabsim.arrays import Bools, Floats, Ints
from fabsim.calendar import HOUR, MICROSECONDS, utc
from fabsim.line.history import LineRun
from fabsim.plan.excursions import Dirt
from fabsim.plan.line import Sensor
from fabsim.random_streams import Stream, stream

SPIKING_SHARE, SPIKE_SIGMAS, CLOCK_HOURS = 0.01, (20.0, 50.0), (1.0, 12.0)
# Separates the draws of a tool's clock from those of its first chamber.
CLOCK = 1

Row = dict[str, object]


@dataclass(frozen=True)
class Trace:
    """A tool's samples by chamber and time (microseconds); values: sensors x samples."""

    sensors: tuple[Sensor, ...]
    chamber: Ints
    at: Ints
    values: Floats
    is_missing: Bools


def add_faults(line: LineRun, night: int, trace: Trace) -> tuple[Trace, list[Row]]:
    """Change the trace's values in place; return it by the tool's clock, and one row per fault.

    `from` and `until` are the true times of the first and the last faulty sample. `amount` is the
    number of faulty samples; for a clock, by how many seconds it is fast.
    """
    if not len(trace.at):
        return trace, []
    chambers = np.unique(trace.chamber).tolist()
    faults = [row for one in chambers for row in _of_chamber(line, night, trace, one)]
    rng = stream(line.plan.seed, Stream.SENSOR_FAULT, night, chambers[0], CLOCK)
    if rng.random() >= line.plan.dirt.sensor_clock:
        return trace, faults
    ahead = round(HOUR * rng.uniform(*CLOCK_HOURS)) * int(rng.choice([-1, 1]))
    wrong = _row(line, night, chambers[0], trace.at) | {"chamber_id": None}
    faults.append(wrong | {"sensor": None, "fault": "sensor_clock", "amount": float(ahead)})
    return replace(trace, at=trace.at + ahead * MICROSECONDS), faults


def _of_chamber(line: LineRun, night: int, trace: Trace, chamber: int) -> Iterator[Row]:
    rng = stream(line.plan.seed, Stream.SENSOR_FAULT, night, chamber)
    here = np.flatnonzero(trace.chamber == chamber)
    for place, drawn in enumerate(rng.random(len(trace.sensors)).tolist()):
        if fault := _fault(line.plan.dirt, drawn):
            touched = FAULTS[fault](trace, place, here, rng)
            row = _row(line, night, chamber, trace.at[touched])
            yield row | {"sensor": trace.sensors[place].sensor, "fault": fault}


def _fault(dirt: Dirt, drawn: float) -> str | None:
    """Return the fault of a sensor this night; it has one at most."""
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


# By the name of their rate in the plan's dirt.
FAULTS: dict[str, Callable[[Trace, int, Ints, np.random.Generator], Ints]] = {
    "sensor_missing": _missing,
    "sensor_stuck": _stuck,
    "sensor_spiking": _spiking,
}


def _row(line: LineRun, night: int, chamber: int, at: Ints) -> Row:
    one = line.tools.chambers[chamber]
    return {
        "night_on": line.plan.calendar.night_on(night),
        "equipment_id": one.equipment_id,
        "chamber_id": one.chamber_id,
        "sensor": None,
        "fault": None,
        "from": utc(0) + timedelta(microseconds=int(at.min())),
        "until": utc(0) + timedelta(microseconds=int(at.max())),
        "amount": float(len(at)),
    }
