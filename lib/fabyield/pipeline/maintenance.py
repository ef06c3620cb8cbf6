"""Maintain the tables' files at the end of a night: properties, OPTIMIZE, VACUUM, statistics."""

import logging
from datetime import datetime, timedelta

from delta import DeltaTable
from py4j.protocol import Py4JJavaError
from pyspark.errors import PySparkException
from pyspark.sql import DataFrame

from fabyield.errors import first_line
from fabyield.lake.catalog import ALL, TABLE_STATISTICS
from fabyield.lake.commits import CONFLICTS
from fabyield.lake.delta_log import DeltaLog, State
from fabyield.lake.few_rows import few_rows
from fabyield.lake.locks.lease import check_lease
from fabyield.lake.store import properties
from fabyield.lake.table import BATCH, Table
from fabyield.pipeline.run import Run
from fabyield.pipeline.spark import session_conf
from fabyield.settings.sections import Maintain

log = logging.getLogger(__name__)
MIB = 1 << 20
KEPT_FILES = "delta.deletedFileRetentionDuration"
KEPT_LOG = "delta.logRetentionDuration"
# Delta's defaults: to set the same value again would be a commit for nothing.
DEFAULTS = {KEPT_FILES: "interval 7 days", KEPT_LOG: "interval 30 days"}
OPTIMIZE = "spark.databricks.delta.optimize"
CUBES = f"{OPTIMIZE}.clustering.mergeStrategy.minCubeSize"
VACUUM_COMMITS = "spark.databricks.delta.vacuum.logging.enabled"
LISTING_TASKS = "spark.sql.sources.parallelPartitionDiscovery.parallelism"


def maintain_tables(run: Run) -> DataFrame:
    """Maintain every table that exists, and return how each is stored then (TABLE_STATISTICS)."""
    last = _last_vacuums(run)
    there = [table for table in ALL.values() if run.store.exists(table)]
    rows = [_maintain(run, table, last.get(table.table, run.attempt.started_at)) for table in there]
    return few_rows(run.spark, rows, TABLE_STATISTICS.ddl).coalesce(1)


def _last_vacuums(run: Run) -> dict[str, datetime]:
    """Return when each table was last vacuumed or, if it never was, first seen."""
    rows = run.rows(TABLE_STATISTICS, ["table", "measured_at", "vacuumed"])
    in_time = sorted(rows, key=lambda row: row["measured_at"])
    seen = {row["table"]: row["measured_at"] for row in reversed(in_time)}
    return seen | {row["table"]: row["measured_at"] for row in in_time if row["vacuumed"]}


def _maintain(run: Run, table: Table, last_vacuum: datetime) -> dict[str, object]:
    before = DeltaLog(run.store.path(table))
    state, optimized, vacuumed = before.state(), False, False
    try:
        _align(run, table, state)
        optimized = _optimize(run, table, state)
        vacuumed = _vacuum(run, table, last_vacuum)
    except CONFLICTS:
        log.info("%s: left for the next night, others are writing it", table.table)
    except (PySparkException, Py4JJavaError) as error:
        # A damaged file that no step reads must not stop the nights after this one.
        observed = f"cannot be maintained: {first_line(error)}"
        run.notify(table, observed, "fabyield fsck --deep", severity="error")
    after = DeltaLog(run.store.path(table))
    state = state if after.version == before.version else after.state()
    files = state.files.values()
    rows = [file.rows for file in files]
    return {
        "table": table.table,
        "measured_at": run.attempt.started_at,
        "version": after.version,
        "rows": None if None in rows else sum(count for count in rows if count is not None),
        "files": len(files),
        "bytes": sum(file.size for file in files),
        "small_files": _small_files(run, state),
        "unclustered_bytes": _unclustered_bytes(table, state),
        "optimized": optimized,
        "vacuumed": vacuumed,
        BATCH: run.attempt.batch,
    }


def _small_files(run: Run, state: State) -> int:
    """Count the files below half the size that OPTIMIZE aims at."""
    least = run.settings.maintain.target_file_mb * MIB // 2
    return sum(file.size < least for file in state.files.values())


def _unclustered_bytes(table: Table, state: State) -> int:
    files = state.files.values() if table.cluster_by else ()
    return sum(file.size for file in files if not file.is_clustered)


def _align(run: Run, table: Table, state: State) -> None:
    """Give the table the properties and clustering that it declares."""
    maintain = run.settings.maintain
    kept = {KEPT_FILES: maintain.keep_days, KEPT_LOG: maintain.log_days}
    declared = properties(table) | {name: f"interval {days} days" for name, days in kept.items()}
    stored = DEFAULTS | state.properties
    changed = {name: value for name, value in declared.items() if stored.get(name) != value}
    if changed:
        pairs = ", ".join(f"'{name}' = '{value}'" for name, value in changed.items())
        _alter(run, table, f"SET TBLPROPERTIES ({pairs})")
    if table.cluster_by != state.clustered_by:
        names = ", ".join(f"`{name}`" for name in table.cluster_by)
        _alter(run, table, f"CLUSTER BY ({names})" if names else "CLUSTER BY NONE")


def _alter(run: Run, table: Table, what: str) -> None:
    check_lease(run.store.root)
    path = run.store.path(table).replace("`", "``")
    run.spark.sql(f"ALTER TABLE delta.`{path}` {what}")
    log.info("%s: %s", table.table, what)


def _optimize(run: Run, table: Table, state: State) -> bool:
    """Rewrite small and unclustered files, if there is enough of them to be worth a commit."""
    maintain = run.settings.maintain
    unclustered = _unclustered_bytes(table, state) >= maintain.unclustered_mb * MIB
    if not unclustered and _small_files(run, state) < maintain.small_files:
        return False
    check_lease(run.store.root)
    stored = DeltaTable.forPath(run.spark, run.store.path(table))
    with session_conf(run.spark, optimize_conf(maintain)):
        done = stored.optimize().executeCompaction().select("metrics.*").collect()[0]
    counts = (f"{done[name]:,}" for name in ("numFilesRemoved", "numFilesAdded"))
    log.info("%s: optimized, %s files became %s", table.table, *counts)
    return True


def optimize_conf(maintain: Maintain) -> dict[str, str]:
    """Return Spark's settings for one OPTIMIZE.

    By default clustered files are rewritten every night until a cube of 100 GiB is full, which most
    tables never reach. A cube is closed at twice the size from which it is left alone, so that
    none is closed below that size.
    """
    sizes = {
        f"{OPTIMIZE}.maxFileSize": maintain.target_file_mb,
        f"{OPTIMIZE}.minFileSize": maintain.target_file_mb / 2,
        f"{CUBES}.threshold": maintain.cube_mb,
        f"{CUBES}.targetCubeSize": 2 * maintain.cube_mb,
    }
    return {name: str(int(mib * MIB)) for name, mib in sizes.items()}


def _vacuum(run: Run, table: Table, last: datetime) -> bool:
    """Delete files that no version needs, unless the `last` VACUUM was a few days ago."""
    maintain = run.settings.maintain
    if run.attempt.started_at - last < timedelta(days=maintain.vacuum_every_days):
        return False
    check_lease(run.store.root)
    # By default VACUUM makes two commits, which say no more than ops.table_statistics does, and
    # lists files in 10,000 tasks however few folders there are.
    tasks = str(run.spark.sparkContext.defaultParallelism)
    with session_conf(run.spark, {VACUUM_COMMITS: "false", LISTING_TASKS: tasks}):
        DeltaTable.forPath(run.spark, run.store.path(table)).vacuum(24 * maintain.keep_days)
    return True
