"""The files of the tables, tended: properties, OPTIMIZE, VACUUM, and what there is afterwards."""

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta

from delta import DeltaTable
from py4j.protocol import Py4JJavaError
from pyspark.errors import PySparkException
from pyspark.sql import DataFrame, SparkSession

from fabyield.conflicts import CONFLICTS
from fabyield.delta_log import DeltaLog, State
from fabyield.errors import first_line
from fabyield.few_rows import few_rows
from fabyield.lease import fenced
from fabyield.run import Run
from fabyield.settings import Maintain
from fabyield.spark import session_conf
from fabyield.store import properties
from fabyield.table import BATCH, Table
from fabyield.tables import ALL, TABLE_STATISTICS

log = logging.getLogger(__name__)
MIB = 1 << 20
KEPT_FILES = "delta.deletedFileRetentionDuration"
KEPT_LOG = "delta.logRetentionDuration"
# What Delta takes where a table does not say; to say the same again would be a commit for nothing.
DEFAULTS = {KEPT_FILES: "interval 7 days", KEPT_LOG: "interval 30 days"}
OPTIMIZE = "spark.databricks.delta.optimize"
CUBES = f"{OPTIMIZE}.clustering.mergeStrategy.minCubeSize"
VACUUM_COMMITS = "spark.databricks.delta.vacuum.logging.enabled"
LISTING_TASKS = "spark.sql.sources.parallelPartitionDiscovery.parallelism"


@dataclass(frozen=True)
class Upkeep:
    """The care for one table, whose log says that it is in `state`."""

    run: Run
    table: Table
    state: State

    @property
    def maintain(self) -> Maintain:
        """Thresholds of conf."""
        return self.run.settings.maintain

    @property
    def small_files(self) -> int:
        """How many files are below half of what OPTIMIZE aims at."""
        least = self.maintain.target_file_mb * MIB // 2
        return sum(file.size < least for file in self.state.files.values())

    @property
    def unclustered_bytes(self) -> int:
        """The size of what no OPTIMIZE has clustered; 0 where nothing is to be clustered."""
        files = self.state.files.values() if self.table.cluster_by else ()
        return sum(file.size for file in files if not file.is_clustered)

    @property
    def is_due(self) -> bool:
        """Whether OPTIMIZE has enough to do to be worth a commit."""
        unclustered = self.unclustered_bytes >= self.maintain.unclustered_mb * MIB
        return unclustered or self.small_files >= self.maintain.small_files

    def align(self) -> None:
        """Give the table the properties and clustering it declares."""
        kept = {KEPT_FILES: self.maintain.keep_days, KEPT_LOG: self.maintain.log_days}
        declared = properties(self.table) | {k: f"interval {days} days" for k, days in kept.items()}
        stored = DEFAULTS | self.state.properties
        changed = {k: value for k, value in declared.items() if stored.get(k) != value}
        if changed:
            pairs = ", ".join(f"'{name}' = '{value}'" for name, value in changed.items())
            self._alter(f"SET TBLPROPERTIES ({pairs})")
        if self.table.cluster_by != self.state.clustered_by:
            self._alter(f"CLUSTER BY {_columns(self.table.cluster_by)}")

    def optimize(self) -> bool:
        """Write small and unclustered files anew, if they are enough; False where they are not."""
        if not self.is_due:
            return False
        fenced(self.run.settings.lake)
        with session_conf(self.run.spark, optimize_conf(self.maintain)):
            done = self._delta().optimize().executeCompaction().select("metrics.*").collect()[0]
        counts = (f"{done[name]:,}" for name in ("numFilesRemoved", "numFilesAdded"))
        log.info("%s: optimized, %s files became %s", self.table.table, *counts)
        return True

    def vacuum(self, last: datetime) -> bool:
        """Delete files that no version needs; False where `last` is not long enough ago."""
        every = timedelta(days=self.maintain.vacuum_every_days)
        if self.run.attempt.started_at - last < every:
            return False
        fenced(self.run.settings.lake)
        with session_conf(self.run.spark, vacuum_conf(self.run.spark)):
            self._delta().vacuum(24 * self.maintain.keep_days)
        return True

    def _delta(self) -> DeltaTable:
        return DeltaTable.forPath(self.run.spark, self.run.store.path(self.table))

    def _alter(self, what: str) -> None:
        fenced(self.run.settings.lake)
        path = self.run.store.path(self.table).replace("`", "``")
        self.run.spark.sql(f"ALTER TABLE delta.`{path}` {what}")
        log.info("%s: %s", self.table.table, what)


def tended(run: Run) -> DataFrame:
    """Tend every table that exists, and say how each is stored then (TABLE_STATISTICS)."""
    last = _last_vacuums(run)
    there = [table for table in ALL.values() if run.store.exists(table)]
    rows = [_tend(run, table, last.get(table.table, run.attempt.started_at)) for table in there]
    return few_rows(run.spark, rows, TABLE_STATISTICS.ddl).coalesce(1)


def optimize_conf(maintain: Maintain) -> dict[str, str]:
    """Spark's settings for one OPTIMIZE.

    By default clustered files are written anew, again and again, until a cube of 100 GiB is full:
    most tables never are, and would be rewritten whole every night. A cube is closed at twice the
    size from which it is left alone, so that none is closed below that size.
    """
    sizes = {
        f"{OPTIMIZE}.maxFileSize": maintain.target_file_mb,
        f"{OPTIMIZE}.minFileSize": maintain.target_file_mb / 2,
        f"{CUBES}.threshold": maintain.cube_mb,
        f"{CUBES}.targetCubeSize": 2 * maintain.cube_mb,
    }
    return {name: str(int(mib * MIB)) for name, mib in sizes.items()}


def vacuum_conf(spark: SparkSession) -> dict[str, str]:
    """Spark's settings for one VACUUM.

    By default it makes two commits, which say no more than ops.table_statistics does, and lists
    files in 10,000 tasks however few folders there are.
    """
    tasks = str(spark.sparkContext.defaultParallelism)
    return {VACUUM_COMMITS: "false", LISTING_TASKS: tasks}


def _tend(run: Run, table: Table, last_vacuum: datetime) -> dict[str, object]:
    before = DeltaLog(run.store.path(table))
    upkeep = Upkeep(run, table, before.state())
    optimized = vacuumed = False
    try:
        upkeep.align()
        optimized = upkeep.optimize()
        vacuumed = upkeep.vacuum(last_vacuum)
    except CONFLICTS:
        log.info("%s: left for the next night, others are writing it", table.table)
    except (PySparkException, Py4JJavaError) as error:
        # A damaged file that no step reads must not stop the nights after this one.
        observed = f"cannot be tended: {first_line(error)}"
        run.notify(table, observed, "fabyield fsck --deep", severity="error")
    after = DeltaLog(run.store.path(table))
    left = upkeep if after.version == before.version else Upkeep(run, table, after.state())
    return _stored(left, after.version) | {"optimized": optimized, "vacuumed": vacuumed}


def _stored(upkeep: Upkeep, version: int) -> dict[str, object]:
    files = upkeep.state.files.values()
    rows = [file.rows for file in files]
    return {
        "table": upkeep.table.table,
        "measured_at": upkeep.run.attempt.started_at,
        "version": version,
        "rows": None if None in rows else sum(count for count in rows if count is not None),
        "files": len(files),
        "bytes": sum(file.size for file in files),
        "small_files": upkeep.small_files,
        "unclustered_bytes": upkeep.unclustered_bytes,
        BATCH: upkeep.run.attempt.batch,
    }


def _last_vacuums(run: Run) -> dict[str, datetime]:
    """When each table was vacuumed last or, where it never was, seen first."""
    rows = run.rows(TABLE_STATISTICS, ["table", "measured_at", "vacuumed"])
    in_time = sorted(rows, key=lambda row: row["measured_at"])
    seen = {row["table"]: row["measured_at"] for row in reversed(in_time)}
    return seen | {row["table"]: row["measured_at"] for row in in_time if row["vacuumed"]}


def _columns(names: list[str]) -> str:
    return f"({', '.join(f'`{name}`' for name in names)})" if names else "NONE"
