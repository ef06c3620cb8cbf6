"""Compare rows read from the factory database with those stored, without Spark if they are few."""

from datetime import datetime

import pyarrow as pa
from pyarrow import compute as pc

from fabyield.lake.table import BATCH, Table
from fabyield.pipeline.run import Run
from fabyield.readers.factory.database import FabRows
from fabyield.transforms.shared.keys import CHANGED

# So many rows are compared on the driver: a night's overlap of a small fab, in less than a second.
FEW = 50_000


def stored_already(run: Run, table: Table, found: FabRows, whole: bool) -> pa.Table | None:
    """The rows of `found` if `table` already stores every one of them unchanged, else None.

    None also for more than FEW rows, and if `whole`, they being all rows of the source, `table` has
    others. A step that takes all rows (--full, replay) gets None, so that they are audited again.
    """
    if run.since == 0 or not run.store.exists(table):
        return None
    rows = found.few(table, FEW)
    if rows is None or (whole and run.count(table) != len(rows)):
        return None
    told = _row_set(rows)
    is_same = not len(rows) or told <= _row_set(
        run.arrow(table, rows.column_names, _near(table, rows))
    )
    return rows if is_same and len(told) == len(rows) else None


def newest(rows: pa.Table, until: datetime) -> datetime | None:
    """The newest watermark of `rows` that is not after `until`; None where there is none."""
    if CHANGED not in rows.column_names:
        return None
    past = rows.filter(pc.field(CHANGED) <= until)
    time: datetime | None = pc.max(past[CHANGED]).as_py()
    return time


def _near(table: Table, rows: pa.Table) -> pc.Expression:
    """What holds of every row that equals one of `rows`, and of few others."""
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
    assert BATCH not in rows.column_names, "which batch wrote a row is no part of what it says"
    return set(zip(*(column.to_pylist() for column in rows.columns), strict=True))
