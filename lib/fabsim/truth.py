"""What is true of the simulated fab, for tests to compare with; the pipeline never sees it."""

from collections.abc import Iterable, Iterator
from datetime import date
from typing import Any

import numpy as np
import pyarrow as pa

from fabsim.calendar import NEVER, utc
from fabsim.line.excursion_hits import window
from fabsim.line.history import LineRun
from fabsim.line.lot_renames import lot_history, lot_ids
from fabsim.line.lots import StartedLot, wafer_id
from fabsim.plan.wafer_map import wafer_map
from fabsim.testers.sessions import Session
from fabsim.wafer.defects import damage

Row = dict[str, Any]
TYPES: dict[str, pa.DataType] = {
    "": pa.string(),
    "int": pa.int32(),
    "bigint": pa.int64(),
    "real": pa.float64(),
    "bool": pa.bool_(),
    "date": pa.date32(),
    "time": pa.timestamp("us", tz="UTC"),
    "texts": pa.map_(pa.string(), pa.string()),
    "reals": pa.map_(pa.string(), pa.float64()),
}


def _schema(columns: str) -> pa.Schema:
    """Declare a table by its columns with their types; a column without a type is text."""
    pairs = (column.partition(":") for column in columns.split())
    return pa.schema([(name, TYPES[kind]) for name, _, kind in pairs])


# lot_id and wafer_id are the IDs with which a wafer started, whatever its later names.
SCHEMAS: dict[str, pa.Schema] = {
    "wafers": _schema(
        "lot_id wafer_id sorted_lot_id product_id night_on:date pattern bad_die:int "
        "escaped_die:int excursions:reals"
    ),
    "die": _schema("lot_id wafer_id x_coord:int y_coord:int defects:int cause caught_at"),
    "yields": _schema(
        "night_on:date lot_id wafer_id insertion product_id node_nam spelt_lot_id spelt_wafer_id "
        "misspelt:bool clock_seconds:int touchdowns:int tested_die:int first_pass_die:int "
        "good_die:int recovered_die:int"
    ),
    "files": _schema(
        "night_on:date path insertion lot_id wafer_id change reason content_bytes:bigint "
        "delivered_bytes:bigint"
    ),
    "excursions": _schema(
        "name kind at:texts begins_at:time ends_at:time wafers:int loss_pct:real shape group"
    ),
    "bystanders": _schema("excursion process_step equipment_id chamber_id"),
    "tests": _schema(
        "insertion test_num:int test_txt group nominal:real sigma:real rho:real radial_sigma:real "
        "edge_sigma:real pcm_test pcm_sigma:real"
    ),
    "sensor_faults": _schema(
        "night_on:date equipment_id chamber_id sensor fault from:time until:time amount:real"
    ),
    "alarms": _schema("night_on:date equipment_id chamber_id at:time code cause"),
    "lots": _schema("event from_lot_id to_lot_id wafer_id happened_at:time"),
}


def table(name: str, rows: Iterable[Row]) -> pa.Table:
    """Return the rows of a truth as a sorted table, since work is done in any order."""
    schema = SCHEMAS[name]
    ordered = sorted(rows, key=lambda row: [str(row[column]) for column in schema.names])
    return pa.Table.from_pylist(ordered, schema)


def wafer_rows(line: LineRun, lot: StartedLot, night_on: date) -> list[Row]:
    """Return one row per wafer of a lot that is first sorted in the night of `night_on`."""
    names = zip(lot.slots.tolist(), lot_ids(line.plan, lot), strict=True)
    return [
        {**_wafer(line, lot, slot), "night_on": night_on, "sorted_lot_id": name}
        for slot, name in names
    ]


def _wafer(line: LineRun, lot: StartedLot, slot: int) -> Row:
    harm = damage(line, lot, slot)
    strengths = line.hits[lot.index][:, slot - 1].tolist()
    named = zip(line.plan.excursions, strengths, strict=True)
    return {
        "lot_id": lot.lot_id,
        "wafer_id": wafer_id(slot),
        "product_id": line.plan.products[lot.product].product_id,
        "pattern": harm.pattern and harm.pattern.value,
        "bad_die": int(harm.is_bad.sum()),
        "escaped_die": int((harm.is_bad & (harm.caught_at == len(line.plan.insertions))).sum()),
        "excursions": [(one.name, strength) for one, strength in named if strength > 0],
    }


def die_table(line: LineRun, lot: StartedLot) -> pa.Table:
    """Return one row per die of a lot: what is wrong with it, and which insertion catches it."""
    return pa.concat_tables([_die(line, lot, slot) for slot in lot.slots.tolist()])


def _die(line: LineRun, lot: StartedLot, slot: int) -> pa.Table:
    harm, die = damage(line, lot, slot), wafer_map(line.plan.products[lot.product])
    finders = [*(one.insertion for one in line.plan.insertions), None]
    found = zip(harm.is_bad.tolist(), harm.caught_at.tolist(), strict=True)
    columns: dict[str, Any] = {
        "lot_id": [lot.lot_id] * die.gross_die,
        "wafer_id": [wafer_id(slot)] * die.gross_die,
        "x_coord": die.x_coord,
        "y_coord": die.y_coord,
        "defects": harm.defects,
        "cause": np.array(harm.causes)[harm.cause],
        "caught_at": [finders[number] if is_bad else None for is_bad, number in found],
    }
    return pa.table(columns).cast(SCHEMAS["die"])


def yield_row(session: Session) -> Row:
    """Return the verdicts of a carrier, in the night in which its first session is delivered.

    Those of all its sessions; engineering runs do not count.
    """
    touches = session.carrier.touches
    first, passed = ~touches.is_retest, touches.passed
    return {
        "night_on": session.line.plan.calendar.night_on(session.flaws.deliveries[0].night),
        "lot_id": session.lot.lot_id,
        "wafer_id": wafer_id(session.slot) if session.slot else None,
        "insertion": session.program.insertion.insertion,
        "product_id": session.product.product_id,
        "node_nam": session.place.node_nam,
        "spelt_lot_id": session.lot_id,
        "spelt_wafer_id": session.wafer_id or None,
        "misspelt": session.flaws.spelling is not None,
        "clock_seconds": session.flaws.clock_seconds,
        "touchdowns": len(touches.part),
        "tested_die": len(session.parts.die),
        "first_pass_die": int((first & passed).sum()),
        "good_die": int(passed.sum()),
        "recovered_die": int((~first & passed).sum()),
    }


def excursion_rows(line: LineRun) -> Iterator[Row]:
    """Yield one row per excursion, as far as it is known by now."""
    hit = np.array([(one > 0).sum(axis=1) for one in line.hits]).reshape(len(line.lots), -1)
    for number, one in enumerate(line.plan.excursions):
        when = window(line.plan, line.tools, line.lots, one)
        yield {
            "name": one.name,
            "kind": one.kind.value,
            "at": one.at,
            "begins_at": utc(when.begins) if when.begins < NEVER else None,
            "ends_at": utc(when.ends) if when.ends < NEVER else None,
            "wafers": int(hit[:, number].sum()),
            "loss_pct": one.effect.loss_pct,
            "shape": one.effect.shape.value,
            "group": one.effect.group,
        }


def bystander_rows(line: LineRun) -> list[Row]:
    """Return one row per chamber that only looks guilty."""
    names = SCHEMAS["bystanders"].names
    return [{name: getattr(one, name) for name in names} for one in line.plan.bystanders]


def test_rows(line: LineRun) -> Iterator[Row]:
    """Yield one row per parametric test: what its results depend on."""
    for program in line.programs:
        for place, name in enumerate(program.test_txt):
            group = line.plan.groups[program.group[place]]
            yield {
                "insertion": program.insertion.insertion,
                "test_num": int(program.test_num[place]),
                "test_txt": name,
                "group": group.group,
                "nominal": float(program.nominal[place]),
                "sigma": group.sigma,
                "rho": group.rho,
                "radial_sigma": float(program.radial[place]),
                "edge_sigma": float(program.edge[place]),
                "pcm_test": group.pcm,
                "pcm_sigma": group.pcm_sigma,
            }


def lot_rows(line: LineRun, until: int) -> list[Row]:
    """Return one row per wafer and renaming of its lot before `until`."""
    events = [row for lot in line.lots for row in lot_history(line.plan, lot)]
    return [
        dict(zip(SCHEMAS["lots"].names, (*event, utc(at)), strict=True))
        for *event, at in events
        if at < until
    ]
