"""What is true of the simulated fab, for tests to compare with; never shown to the pipeline."""

from collections.abc import Iterator
from datetime import date
from typing import Any

import numpy as np
import pyarrow as pa

from fabsim.calendar import NEVER, utc
from fabsim.line.excursion_hits import window
from fabsim.line.history import Built
from fabsim.line.lot_renames import lot_history, lot_ids
from fabsim.line.lots import StartedLot, wafer_id
from fabsim.plan.wafer_map import wafer_map
from fabsim.testers.die_flow import Course
from fabsim.testers.sessions import Session
from fabsim.wafer.defects import damage

Row = dict[str, Any]
_TEXT, _INT, _REAL, _BOOL = pa.string(), pa.int32(), pa.float64(), pa.bool_()
_TIME = pa.timestamp("us", tz="UTC")

# lot_id and wafer_id are those that a wafer started with, however it is known later.
SCHEMAS: dict[str, dict[str, pa.DataType]] = {
    "wafers": {
        "lot_id": _TEXT,
        "wafer_id": _TEXT,
        "sorted_lot_id": _TEXT,
        "product_id": _TEXT,
        "night_on": pa.date32(),
        "pattern": _TEXT,
        "bad_die": _INT,
        "escaped_die": _INT,
        "excursions": pa.map_(_TEXT, _REAL),
    },
    "die": {
        "lot_id": _TEXT,
        "wafer_id": _TEXT,
        "x_coord": _INT,
        "y_coord": _INT,
        "defects": _INT,
        "cause": _TEXT,
        "caught_at": _TEXT,
    },
    "yields": {
        "night_on": pa.date32(),
        "lot_id": _TEXT,
        "wafer_id": _TEXT,
        "insertion": _TEXT,
        "product_id": _TEXT,
        "node_nam": _TEXT,
        "spelt_lot_id": _TEXT,
        "spelt_wafer_id": _TEXT,
        "misspelt": _BOOL,
        "clock_seconds": _INT,
        "touchdowns": _INT,
        "tested_die": _INT,
        "first_pass_die": _INT,
        "good_die": _INT,
        "recovered_die": _INT,
    },
    "files": {
        "night_on": pa.date32(),
        "path": _TEXT,
        "insertion": _TEXT,
        "lot_id": _TEXT,
        "wafer_id": _TEXT,
        "change": _TEXT,
        "reason": _TEXT,
        "content_bytes": pa.int64(),
        "delivered_bytes": pa.int64(),
    },
    "excursions": {
        "name": _TEXT,
        "kind": _TEXT,
        "at": pa.map_(_TEXT, _TEXT),
        "begins_at": _TIME,
        "ends_at": _TIME,
        "wafers": _INT,
        "loss_pct": _REAL,
        "shape": _TEXT,
        "group": _TEXT,
    },
    "bystanders": {
        "excursion": _TEXT,
        "process_step": _TEXT,
        "equipment_id": _TEXT,
        "chamber_id": _TEXT,
    },
    "tests": {
        "insertion": _TEXT,
        "test_num": _INT,
        "test_txt": _TEXT,
        "group": _TEXT,
        "nominal": _REAL,
        "sigma": _REAL,
        "rho": _REAL,
        "radial_sigma": _REAL,
        "edge_sigma": _REAL,
        "pcm_test": _TEXT,
        "pcm_sigma": _REAL,
    },
    "sensor_faults": {
        "night_on": pa.date32(),
        "equipment_id": _TEXT,
        "chamber_id": _TEXT,
        "sensor": _TEXT,
        "fault": _TEXT,
        "from": _TIME,
        "until": _TIME,
        "amount": _REAL,
    },
    "alarms": {
        "night_on": pa.date32(),
        "equipment_id": _TEXT,
        "chamber_id": _TEXT,
        "at": _TIME,
        "code": _TEXT,
        "cause": _TEXT,
    },
    "lots": {
        "event": _TEXT,
        "from_lot_id": _TEXT,
        "to_lot_id": _TEXT,
        "wafer_id": _TEXT,
        "happened_at": _TIME,
    },
}


def table(name: str, rows: list[Row]) -> pa.Table:
    """Rows of one truth as a table, in an order of their own: work is done in any order."""
    schema = pa.schema(SCHEMAS[name])
    listed = sorted(rows, key=lambda row: [str(row[column]) for column in schema.names])
    return pa.Table.from_pylist(listed, schema)


def wafer_rows(built: Built, lot: StartedLot, night_on: date) -> list[Row]:
    """One row per wafer of a lot that is first sorted in the night of `night_on`."""
    names = lot_ids(built.plan, lot, len(built.plan.route))
    rows = [_wafer(built, lot, slot, night_on) for slot in lot.slots.tolist()]
    return [row | {"sorted_lot_id": name} for row, name in zip(rows, names, strict=True)]


def die_table(built: Built, lot: StartedLot) -> pa.Table:
    """One row per die of a lot's wafers: what is wrong with it, and which insertion finds out."""
    return pa.concat_tables([_die(built, lot, slot) for slot in lot.slots.tolist()])


def yield_row(session: Session) -> Row:
    """One row per session, of the night in which it is first delivered: its verdicts."""
    insertion = session.program.insertion
    first = session.flaws.deliveries[0].night
    return {
        "night_on": session.built.plan.calendar.night_on(first),
        "lot_id": session.lot.lot_id,
        "wafer_id": wafer_id(session.slot) if session.slot else None,
        "insertion": insertion.insertion,
        "product_id": session.product.product_id,
        "node_nam": session.place.node_nam,
        "spelt_lot_id": session.lot_id,
        "spelt_wafer_id": session.wafer_id or None,
        "misspelt": session.flaws.spelling is not None,
        "clock_seconds": session.flaws.clock_seconds,
        "touchdowns": len(session.course.part),
        "tested_die": len(session.parts.die),
        **_counts(session.course),
    }


def excursion_rows(built: Built) -> list[Row]:
    """One row per excursion, as far as it is known by now."""
    hit = np.array([(one > 0).sum(axis=1) for one in built.hits]).reshape(len(built.lots), -1)
    rows = []
    for number, one in enumerate(built.plan.excursions):
        when = window(built.plan, built.tools, built.lots, one)
        rows.append(
            {
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
        )
    return rows


def bystander_rows(built: Built) -> list[Row]:
    """One row per chamber that only looks guilty."""
    names = SCHEMAS["bystanders"]
    return [{name: getattr(one, name) for name in names} for one in built.plan.bystanders]


def test_rows(built: Built) -> list[Row]:
    """One row per parametric test: what its results depend on."""
    return [row for number in range(len(built.programs)) for row in _tests(built, number)]


def lot_rows(built: Built, until: int) -> list[Row]:
    """One row per wafer and renaming of its lot."""
    names = list(SCHEMAS["lots"])
    events = [row for lot in built.lots for row in lot_history(built.plan, lot)]
    return [
        dict(zip(names, (*event, utc(int(at))), strict=True))
        for *event, at in events
        if int(at) < until
    ]


def _wafer(built: Built, lot: StartedLot, slot: int, night_on: date) -> Row:
    harm = damage(built, lot, slot)
    strengths = built.hits[lot.index][:, slot - 1].tolist()
    named = zip(built.plan.excursions, strengths, strict=True)
    last = len(built.plan.insertions)
    return {
        "lot_id": lot.lot_id,
        "wafer_id": wafer_id(slot),
        "product_id": built.plan.products[lot.product].product_id,
        "night_on": night_on,
        "pattern": harm.pattern.value if harm.pattern else None,
        "bad_die": int(harm.is_bad.sum()),
        "escaped_die": int((harm.is_bad & (harm.caught_at == last)).sum()),
        "excursions": [(one.name, strength) for one, strength in named if strength > 0],
    }


def _die(built: Built, lot: StartedLot, slot: int) -> pa.Table:
    harm, die = damage(built, lot, slot), wafer_map(built.plan.products[lot.product])
    insertions = [*(one.insertion for one in built.plan.insertions), None]
    found = zip(harm.is_bad.tolist(), harm.caught_at.tolist(), strict=True)
    caught = [insertions[number] if is_bad else None for is_bad, number in found]
    count = die.gross_die
    columns: dict[str, Any] = {
        "lot_id": [lot.lot_id] * count,
        "wafer_id": [wafer_id(slot)] * count,
        "x_coord": die.x_coord,
        "y_coord": die.y_coord,
        "defects": harm.defects,
        "cause": np.array(harm.causes)[harm.cause],
        "caught_at": caught,
    }
    return pa.table(columns).cast(pa.schema(SCHEMAS["die"]))


def _counts(course: Course) -> Row:
    first, passed = ~course.is_retest, course.passed
    return {
        "first_pass_die": int((first & passed).sum()),
        "good_die": int(passed.sum()),
        "recovered_die": int((~first & passed).sum()),
    }


def _tests(built: Built, number: int) -> Iterator[Row]:
    program, groups = built.programs[number], built.plan.groups
    for place, name in enumerate(program.test_txt):
        group = groups[program.group[place]]
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
