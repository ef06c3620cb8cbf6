"""The tables put in order at the end of a night, and how each is stored then."""

import logging
from datetime import datetime

from py4j.protocol import Py4JJavaError
from pyspark.errors import PySparkException
from pyspark.sql import DataFrame

from fabyield.errors import first_line
from fabyield.lake.catalog import ALL, TABLE_STATISTICS
from fabyield.lake.commits import CONFLICTS
from fabyield.lake.delta_log import DeltaLog
from fabyield.lake.few_rows import few_rows
from fabyield.lake.maintenance import Upkeep
from fabyield.lake.table import BATCH, Table
from fabyield.pipeline.run import Run

log = logging.getLogger(__name__)


def maintain_tables(run: Run) -> DataFrame:
    """Tend every table that exists, and say how each is stored then (TABLE_STATISTICS)."""
    last = _last_vacuums(run)
    there = [table for table in ALL.values() if run.store.exists(table)]
    rows = [_tend(run, table, last.get(table.table, run.attempt.started_at)) for table in there]
    return few_rows(run.spark, rows, TABLE_STATISTICS.ddl).coalesce(1)


def _tend(run: Run, table: Table, last_vacuum: datetime) -> dict[str, object]:
    before = DeltaLog(run.store.path(table))
    upkeep = Upkeep(run.store, run.settings.maintain, table, before.state())
    optimized = vacuumed = False
    try:
        upkeep.align()
        optimized = upkeep.optimize()
        vacuumed = upkeep.vacuum(last_vacuum, run.attempt.started_at)
    except CONFLICTS:
        log.info("%s: left for the next night, others are writing it", table.table)
    except (PySparkException, Py4JJavaError) as error:
        # A damaged file that no step reads must not stop the nights after this one.
        observed = f"cannot be tended: {first_line(error)}"
        run.notify(table, observed, "fabyield fsck --deep", severity="error")
    after = DeltaLog(run.store.path(table))
    left = (
        upkeep
        if after.version == before.version
        else Upkeep(run.store, run.settings.maintain, table, after.state())
    )
    return _stored(run, left, after.version) | {"optimized": optimized, "vacuumed": vacuumed}


def _stored(run: Run, upkeep: Upkeep, version: int) -> dict[str, object]:
    files = upkeep.state.files.values()
    rows = [file.rows for file in files]
    return {
        "table": upkeep.table.table,
        "measured_at": run.attempt.started_at,
        "version": version,
        "rows": None if None in rows else sum(count for count in rows if count is not None),
        "files": len(files),
        "bytes": sum(file.size for file in files),
        "small_files": upkeep.small_files,
        "unclustered_bytes": upkeep.unclustered_bytes,
        BATCH: run.attempt.batch,
    }


def _last_vacuums(run: Run) -> dict[str, datetime]:
    """When each table was vacuumed last or, where it never was, seen first."""
    rows = run.rows(TABLE_STATISTICS, ["table", "measured_at", "vacuumed"])
    in_time = sorted(rows, key=lambda row: row["measured_at"])
    seen = {row["table"]: row["measured_at"] for row in reversed(in_time)}
    return seen | {row["table"]: row["measured_at"] for row in in_time if row["vacuumed"]}
