"""Rows of the factory database that the lake has already, told without Spark where they are few."""

from datetime import datetime

import pyarrow as pa
from pyarrow import compute as pc

from fabyield.readers.fab_database import FabRows
from fabyield.run import Run
from fabyield.table import BATCH, Table
from fabyield.transforms.keys import CHANGED

# So many rows are compared on the driver: a night's overlap of a small fab, in less than a second.
FEW = 50_000


def stored_already(run: Run, table: Table, found: FabRows, whole: bool) -> pa.Table | None:
    """The rows of `found`, if `table` has every one as it is; else None, or where they are many.

    Where they are the `whole` source, also if `table` has no others.
    """
    if not run.store.exists(table):
        return None
    rows = found.few(table, FEW)
    if rows is None:
        return None
    told, stored = _texts(rows), _texts(_stored(run, table, rows, whole))
    is_same = told == stored if whole else told <= stored
    return rows if is_same and len(told) == len(rows) else None


def newest(rows: pa.Table, until: datetime) -> datetime | None:
    """The newest watermark of `rows` that is not after `until`; None where there is none."""
    if CHANGED not in rows.column_names:
        return None
    past = rows.filter(pc.field(CHANGED) <= until)
    time: datetime | None = pc.max(past[CHANGED]).as_py()
    return time


def _stored(run: Run, table: Table, rows: pa.Table, whole: bool) -> pa.Table:
    lead = table.leading_key
    among = None if whole or lead is None else pc.field(lead).isin(pc.unique(rows[lead]))
    return run.arrow(table, rows.column_names, among)


def _texts(rows: pa.Table) -> set[tuple[object, ...]]:
    assert BATCH not in rows.column_names, "which batch wrote a row is no part of what it says"
    return set(zip(*(column.to_pylist() for column in rows.columns), strict=True))
