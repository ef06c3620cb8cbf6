"""What the sensors of one tool record in one night."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from fabsim.arrays import Bools, Floats, Ints, significant
from fabsim.calendar import MICROSECONDS
from fabsim.equipment.sensor_faults import Row, Trace, spoil
from fabsim.equipment.visits import WHOLE_LOT, Visits, area_of, carrier_visits, drifted
from fabsim.line.history import Built
from fabsim.line.lots import wafer_id
from fabsim.plan.excursions import Kind
from fabsim.plan.line import Sensor
from fabsim.random_streams import Stream, stream

# The published stubs type a column by its element, which a column named at run time has not.
Column = Any
# Names repeat for many rows; Parquet holds them as plain strings all the same.
NAME = pa.dictionary(pa.int32(), pa.string())
SCHEMA = pa.schema(
    [
        *((name, NAME) for name in ("equipment_id", "chamber_id", "process_step", "recipe_id")),
        *((name, NAME) for name in ("lot_id", "wafer_id", "sensor", "unit")),
        ("at", pa.timestamp("us", tz="UTC")),
        ("value", pa.float64()),
    ]
)


def traces(built: Built, night: int, equipment_id: str) -> tuple[pa.Table, list[Row]]:
    """One row per sensor and sample of all visits that ended in the night, and what is wrong.

    A visit has floor(its seconds / `sample_seconds`) samples, the first at its start. Visits of one
    run of a batch tool share them.
    """
    seen = _ended(built, night, carrier_visits(built, night, equipment_id))
    is_first = _is_first(seen)
    runs, run = seen.where(is_first), np.cumsum(is_first) - 1
    counts = _counts(built, runs)
    trace = _sensed(built, night, runs, counts, area_of(built, equipment_id).sensors)
    trace, faults = spoil(built, night, trace)
    visit = np.repeat(np.arange(len(run)), counts[run])
    sample = _places((np.cumsum(counts) - counts)[run], counts[run])
    return _table(built, seen, visit, trace, sample), faults


def _ended(built: Built, night: int, seen: Visits) -> Visits:
    begins, ends = built.plan.calendar.begins(night), built.plan.calendar.ends(night)
    return seen.where((begins <= seen.ended) & (seen.ended < ends))


def _is_first(seen: Visits) -> Bools:
    """Which visits begin a run: a chamber begins one at a time."""
    changes = (np.diff(seen.chamber) != 0) | (np.diff(seen.started) != 0)
    return np.concatenate([np.ones(min(len(seen.chamber), 1), bool), changes])


def _apart(built: Built) -> int:
    return max(1, round(built.plan.tools.sample_seconds * built.plan.line.hurry * MICROSECONDS))


def _counts(built: Built, runs: Visits) -> Ints:
    return np.asarray((runs.ended - runs.started) * MICROSECONDS // _apart(built))


def _places(first: Ints, counts: Ints) -> Ints:
    """`first`, `first` + 1 and so on, as many as each counts, one after the other."""
    return np.repeat(first - (np.cumsum(counts) - counts), counts) + np.arange(counts.sum())


def _sensed(
    built: Built, night: int, runs: Visits, counts: Ints, sensors: tuple[Sensor, ...]
) -> Trace:
    run = np.repeat(np.arange(len(counts)), counts)
    since = _apart(built) * _places(np.zeros_like(counts), counts)
    values = _noise(built, night, runs, len(sensors), len(run))
    for place, sensor in enumerate(sensors):
        values[place] *= sensor.sigma
        values[place] += _level(built, runs, sensor)[run] * _ramp(
            sensor, since, built.plan.line.hurry
        )
    at = (runs.started * MICROSECONDS)[run] + since
    return Trace(sensors, runs.chamber[run], at, values, np.zeros(values.shape, bool))


def _noise(built: Built, night: int, runs: Visits, sensors: int, samples: int) -> Floats:
    if not samples:
        return np.zeros((sensors, 0))
    rng = stream(built.plan.seed, Stream.SENSOR, night, int(runs.chamber[0]))
    return rng.standard_normal((sensors, samples))


def _ramp(sensor: Sensor, since: Ints, hurry: float) -> Floats:
    if not sensor.ramp_seconds:
        return np.ones(len(since))
    return np.minimum(since / (sensor.ramp_seconds * hurry * MICROSECONDS), 1.0)


def _level(built: Built, runs: Visits, sensor: Sensor) -> Floats:
    """Where a sensor settles in each run, in its unit."""
    level = sensor.set_point + sensor.drift * built.tools.ages(runs.chamber, runs.started)
    for one in built.plan.excursions:
        if one.kind is Kind.DRIFTING_SENSOR and one.at["sensor"] == sensor.sensor:
            level += sensor.sigma * drifted(built, one, runs)
    return level


def _table(built: Built, seen: Visits, visit: Ints, trace: Trace, sample: Ints) -> pa.Table:
    """Rows by sensor, chamber and time; `visit` and `sample` say which are behind each row."""
    sensors, samples = len(trace.sensors), len(sample)
    rows = np.tile(visit, sensors)
    sensor = np.repeat(np.arange(sensors), samples)
    columns = [
        *(_names(names, rows) for names in _of_visits(built, seen)),
        _names([one.sensor for one in trace.sensors], sensor),
        _names([one.unit for one in trace.sensors], sensor),
        pa.array(np.tile(trace.at[sample], sensors)).cast(SCHEMA.field("at").type),
        pa.array(significant(trace.values[:, sample].ravel())),
    ]
    table = pa.Table.from_arrays(columns, schema=SCHEMA)
    is_missing = trace.is_missing[:, sample].ravel()
    return table.filter(~is_missing) if is_missing.any() else table


def _of_visits(built: Built, seen: Visits) -> Iterator[list[str | None]]:
    yield [built.tools.chambers[one].equipment_id for one in seen.chamber]
    yield [built.tools.chambers[one].chamber_id for one in seen.chamber]
    yield [built.plan.route[one].process_step for one in seen.step]
    yield seen.recipe_id.tolist()
    yield seen.lot_id.tolist()
    yield [None if slot == WHOLE_LOT else wafer_id(slot) for slot in seen.slot]


def _names(names: Sequence[str | None], rows: Ints) -> Column:
    known: Column = pa.array(names, pa.string()).dictionary_encode()
    return known.take(pa.array(rows))
