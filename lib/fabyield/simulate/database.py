"""The factory database: products, lots, wafers, process history and PCM, in SQLite."""

import os
import sqlite3
from collections.abc import Iterable
from contextlib import closing
from datetime import datetime
from pathlib import Path

from fabyield.simulate.catalogue import wafer_map
from fabyield.simulate.plan import KnownWafers, Plan
from fabyield.simulate.route import Lot

Row = tuple[str | int | float | None, ...]

# Times are epoch microseconds in UTC: Spark reads SQLite's own date texts wrongly.
TABLES = """
create table products (
    product_id text primary key, gross_die integer not null,
    die_width_mm real, die_height_mm real, wafer_diameter_mm real);
create table lots (
    lot_id text primary key, product_id text not null, started_at bigint, status text not null);
create table wafers (
    lot_id text, wafer_id text, slot integer not null, started_at bigint,
    primary key (lot_id, wafer_id));
create table process_history (
    lot_id text, wafer_id text, step_seq integer, process_step text not null,
    equipment_id text not null, chamber_id text not null, recipe_id text not null,
    started_at bigint not null, ended_at bigint not null,
    primary key (lot_id, wafer_id, step_seq));
create table pcm (
    lot_id text, wafer_id text, pcm_test text, pcm_value real not null, unit text not null,
    measured_at bigint not null,
    primary key (lot_id, wafer_id, pcm_test));
"""


def write_database(plan: Plan, lots: list[Lot], path: Path) -> None:
    """Put a new database in place of `path`, in one step."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.tmp")
    unfinished.unlink(missing_ok=True)
    with closing(sqlite3.connect(unfinished)) as connection:
        connection.executescript(TABLES)
        for table, rows in _rows(plan, lots).items():
            _insert(connection, table, list(rows))
        connection.commit()
    os.replace(unfinished, path)


def _insert(connection: sqlite3.Connection, table: str, rows: list[Row]) -> None:
    if rows:
        marks = ", ".join("?" * len(rows[0]))
        connection.executemany(f"insert into {table} values ({marks})", rows)


def _rows(plan: Plan, lots: list[Lot]) -> dict[str, Iterable[Row]]:
    known = plan.known_wafers
    return {
        "products": [_product(plan), *map(_known_product, known)],
        "lots": [*(_lot(plan, lot) for lot in lots), *map(_known_lot, known)],
        "wafers": [*_wafers(lots), *(row for one in known for row in _known_wafers(one))],
        "process_history": _process_history(lots),
        "pcm": _pcm(plan, lots),
    }


def _known_product(known: KnownWafers) -> Row:
    return (known.product_id, known.gross_die, None, None, None)


def _known_lot(known: KnownWafers) -> Row:
    return (known.lot_id, known.product_id, None, "sorted")


def _known_wafers(known: KnownWafers) -> list[Row]:
    return [(known.lot_id, f"{slot:02d}", slot, None) for slot in known.slots]


def _product(plan: Plan) -> Row:
    one = plan.product
    size = (one.die_width_mm, one.die_height_mm, one.wafer_diameter_mm)
    return (one.product_id, wafer_map(one).gross_die, *size)


def _lot(plan: Plan, lot: Lot) -> Row:
    status = "sorted" if lot.is_sorted else "processed"
    return (lot.lot_id, plan.product.product_id, _micros(lot.started_at), status)


def _wafers(lots: list[Lot]) -> Iterable[Row]:
    for lot in lots:
        for one in lot.wafers:
            yield (lot.lot_id, one.wafer_id, one.slot, _micros(lot.started_at))


def _process_history(lots: list[Lot]) -> Iterable[Row]:
    for lot in lots:
        for one in lot.wafers:
            for seq, visit in enumerate(one.visits, start=1):
                place = (visit.process_step, visit.equipment_id, visit.chamber_id, visit.recipe_id)
                times = (_micros(visit.started_at), _micros(visit.ended_at))
                yield (lot.lot_id, one.wafer_id, seq, *place, *times)


def _pcm(plan: Plan, lots: list[Lot]) -> Iterable[Row]:
    for lot in lots:
        for one in lot.wafers:
            at = _micros(one.measured_at)
            for parameter, value in zip(plan.pcm, one.pcm.tolist(), strict=True):
                yield (lot.lot_id, one.wafer_id, parameter.pcm_test, value, parameter.unit, at)


def _micros(moment: datetime) -> int:
    return round(moment.timestamp()) * 1_000_000
