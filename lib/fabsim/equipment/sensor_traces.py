"""The sensor traces of one tool in one night."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from fabsim.arrays import Floats, Ints, significant
from fabsim.calendar import MICROSECONDS
from fabsim.equipment.sensor_faults import Row, Trace, add_faults
from fabsim.equipment.visits import WHOLE_LOT, Visits, area_of, carrier_visits, drift_sigmas
from fabsim.line.history import LineRun
from fabsim.line.lots import wafer_id
from fabsim.plan.excursions import Kind
from fabsim.plan.line import Sensor
from fabsim.random_streams import Stream, stream

# The stubs of PyArrow type a column by its values, which are only known at run time here.
Column = Any
# Names repeat over many rows; in Parquet they are plain strings all the same.
NAME = pa.dictionary(pa.int32(), pa.string())
SCHEMA = pa.schema(
    [
        *((name, NAME) for name in ("equipment_id", "chamber_id", "process_step", "recipe_id")),
        *((name, NAME) for name in ("lot_id", "wafer_id", "sensor", "unit")),
        ("at", pa.timestamp("us", tz="UTC")),
        ("value", pa.float64()),
    ]
)


def traces(line: LineRun, night: int, equipment_id: str) -> tuple[pa.Table, list[Row]]:
    """Return one row per sensor and sample of the visits that end in the night, and the faults.

    A visit has floor(its seconds / `sample_seconds`) samples, the first at its start. The visits of
    one batch run share their samples.
    """
    visits = carrier_visits(line, night, equipment_id)
    visits = visits.take(line.plan.calendar.span(night).mask(visits.ended))
    # A chamber starts one run at a time.
    changes = (np.diff(visits.chamber) != 0) | (np.diff(visits.started) != 0)
    is_first = np.concatenate([np.ones(min(len(visits.chamber), 1), bool), changes])
    runs, run = visits.take(is_first), np.cumsum(is_first) - 1
    counts = (runs.ended - runs.started) * MICROSECONDS // _sample_interval(line)
    trace = _sensed(line, night, runs, counts, area_of(line, equipment_id).sensors)
    trace, faults = add_faults(line, night, trace)
    visit = np.repeat(np.arange(len(run)), counts[run])
    sample = _places((np.cumsum(counts) - counts)[run], counts[run])
    return _table(line, visits, visit, trace, sample), faults


def _sample_interval(line: LineRun) -> int:
    """Return the time from one sample to the next in microseconds."""
    return max(1, round(line.plan.tools.sample_seconds * line.plan.line.hurry * MICROSECONDS))


def _places(first: Ints, counts: Ints) -> Ints:
    """Return the ranges of `counts` numbers from each `first`, one after the other."""
    return np.repeat(first - (np.cumsum(counts) - counts), counts) + np.arange(counts.sum())


def _sensed(
    line: LineRun, night: int, runs: Visits, counts: Ints, sensors: tuple[Sensor, ...]
) -> Trace:
    run = np.repeat(np.arange(len(counts)), counts)
    since = _sample_interval(line) * _places(np.zeros_like(counts), counts)
    values = np.zeros((len(sensors), len(run)))
    if len(run):
        rng = stream(line.plan.seed, Stream.SENSOR, night, int(runs.chamber[0]))
        values = rng.standard_normal(values.shape)
    for place, sensor in enumerate(sensors):
        values[place] *= sensor.sigma
        ramp = sensor.ramp_seconds * line.plan.line.hurry * MICROSECONDS
        share = np.minimum(since / ramp, 1.0) if ramp else np.ones(len(since))
        values[place] += _level(line, runs, sensor)[run] * share
    at = (runs.started * MICROSECONDS)[run] + since
    return Trace(sensors, runs.chamber[run], at, values, np.zeros(values.shape, bool))


def _level(line: LineRun, runs: Visits, sensor: Sensor) -> Floats:
    """Return the level at which a sensor settles in each run, in its unit."""
    level = sensor.set_point + sensor.drift * line.tools.ages(runs.chamber, runs.started)
    for one in line.plan.excursions:
        if one.kind is Kind.DRIFTING_SENSOR and one.at["sensor"] == sensor.sensor:
            level += sensor.sigma * drift_sigmas(line, one, runs)
    return level


def _table(line: LineRun, visits: Visits, visit: Ints, trace: Trace, sample: Ints) -> pa.Table:
    """Return rows by sensor, chamber and time; `visit` and `sample` are the indices of each row."""
    sensors, samples = len(trace.sensors), len(sample)
    rows = np.tile(visit, sensors)
    sensor = np.repeat(np.arange(sensors), samples)
    chambers = [line.tools.chambers[number] for number in visits.chamber]
    wafers = [None if slot == WHOLE_LOT else wafer_id(slot) for slot in visits.slot]
    columns = [
        _names([one.equipment_id for one in chambers], rows),
        _names([one.chamber_id for one in chambers], rows),
        _names([line.plan.route[step].process_step for step in visits.step], rows),
        _names(visits.recipe_id.tolist(), rows),
        _names(visits.lot_id.tolist(), rows),
        _names(wafers, rows),
        _names([one.sensor for one in trace.sensors], sensor),
        _names([one.unit for one in trace.sensors], sensor),
        pa.array(np.tile(trace.at[sample], sensors)).cast(SCHEMA.field("at").type),
        pa.array(significant(trace.values[:, sample].ravel())),
    ]
    table = pa.Table.from_arrays(columns, schema=SCHEMA)
    is_missing = trace.is_missing[:, sample].ravel()
    return table.filter(~is_missing) if is_missing.any() else table


def _names(names: Sequence[str | None], rows: Ints) -> Column:
    known: Column = pa.array(names, pa.string()).dictionary_encode()
    return known.take(pa.array(rows))
