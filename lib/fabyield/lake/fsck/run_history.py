"""Read from ops.runs who wrote a table, to tell what a damaged file costs."""

from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa
from deltalake import DeltaTable
from deltalake.exceptions import DeltaError

from fabyield.lake.catalog import RUNS, is_derived
from fabyield.lake.table import Table, WriteMode

RESTORE = "restore it from a backup, or from an older version of the object if the store keeps them"


@dataclass(frozen=True)
class Write:
    """One write of a fab to a table, which reached the Delta `version`."""

    fab_id: str
    version: int
    batch: int
    step: str
    rows: int

    def __str__(self) -> str:
        return f"batch {self.batch}, step {self.step}, {self.rows:,} rows"


def writes(lake: str) -> dict[str, list[Write]]:
    """Return the writes to each table, oldest first; none if ops.runs cannot be read."""
    try:
        runs = DeltaTable(f"{lake}/{RUNS.folder}").to_pyarrow_dataset()
        rows = runs.to_table(columns=["fab_id", "batch", "step", "tables"]).to_pylist()
    except (DeltaError, OSError, pa.ArrowInvalid):
        # The check of ops.runs itself reports what is wrong with it.
        return {}
    found: dict[str, list[Write]] = {}
    for row in rows:
        for table in row["tables"] or ():
            origin = row["fab_id"], table["version"], row["batch"], row["step"]
            write = Write(*origin, table["rows_out"])
            if write.version >= 0 and write.step != "nightly":
                found.setdefault(table["table"], []).append(write)
    return {table: sorted(of, key=lambda w: w.version) for table, of in found.items()}


def how_to_rewrite(table: Table, folder: str, writes: Sequence[Write]) -> str:
    """Return how to write `table` in `folder` again without the damaged file."""
    command = f"spark-submit jobs/{writes[-1].step}.py --full" if writes else "its step with --full"
    command += ", or fabyield rebuild where a night is unfinished"
    fabs = sorted({write.fab_id for write in writes})
    if len(fabs) > 1:
        command += f"; once with the conf of each fab: {', '.join(fabs)}"
    if is_derived(table):
        if table.write is WriteMode.REPLACE and len(fabs) < 2:
            return f"{RESTORE}, or write the table again: {command}"
        return f"{RESTORE}, or delete {folder} and write the table again: {command}"
    if table.write is WriteMode.MIRROR:
        return f"{RESTORE}, or delete {folder}: the next night reads the factory database again"
    if table.layer == "bronze":
        return f"{RESTORE}; without one, the landing zone's files must be read into a new lake"
    return RESTORE
