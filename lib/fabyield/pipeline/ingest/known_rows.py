"""Find rows of the factory database that are stored already, without Spark if they are few."""

from datetime import datetime

import pyarrow as pa
from pyarrow import compute as pc

from fabyield.lake.table import Table
from fabyield.pipeline.run import Run
from fabyield.readers.factory.database import FabRows
from fabyield.transforms.shared.keys import CHANGED

# As many rows are compared on the driver: a night's overlap of a small fab, in under a second.
FEW = 50_000


def stored_rows(run: Run, table: Table, found: FabRows, whole: bool) -> pa.Table | None:
    """Return the rows of `found` if `table` already stores all of them unchanged, else None.

    Also returns None for more than FEW rows, if `found` is the `whole` source and `table` has other
    rows, and for a step that takes all rows (--full, replay), so that they are audited again.
    """
    if run.since == 0 or not run.store.exists(table):
        return None
    rows = found.few(table, FEW)
    if rows is None or (whole and run.count(table) != len(rows)):
        return None
    if not len(rows):
        return rows
    read, near = _row_set(rows), _near(table, rows)
    is_stored = read <= _row_set(run.arrow(table, rows.column_names, near))
    return rows if is_stored and len(read) == len(rows) else None


def newest_watermark(rows: pa.Table, until: datetime) -> datetime | None:
    """Return the newest watermark of `rows` that is not after `until`; None if there is none."""
    if CHANGED not in rows.column_names:
        return None
    past = rows.filter(pc.field(CHANGED) <= until)
    time: datetime | None = pc.max(past[CHANGED]).as_py()
    return time


def _near(table: Table, rows: pa.Table) -> pc.Expression:
    """Return a condition that holds for every row equal to one of `rows`, and for few others."""
    lead, near = table.leading_key, pc.scalar(True)
    if lead is not None:
        near = near & pc.field(lead).isin(pc.unique(rows[lead]))
    if CHANGED in rows.column_names:
        at, times = pc.field(CHANGED), rows[CHANGED]
        first, last = pc.min(times).as_py(), pc.max(times).as_py()
        is_between = pc.scalar(False) if first is None else (at >= first) & (at <= last)
        near = near & (is_between | at.is_null())
    return near


def _row_set(rows: pa.Table) -> set[tuple[object, ...]]:
    return set(zip(*(column.to_pylist() for column in rows.columns), strict=True))
