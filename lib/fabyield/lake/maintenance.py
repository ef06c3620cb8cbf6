"""The files of the tables, tended: properties, OPTIMIZE, VACUUM, and what there is afterwards."""

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta

from delta import DeltaTable
from pyspark.sql import SparkSession

from fabyield.lake.delta_log import State
from fabyield.lake.locks.lease import check_lease
from fabyield.lake.session_conf import session_conf
from fabyield.lake.store import Store, properties
from fabyield.lake.table import Table
from fabyield.settings.sections import Maintain

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

    store: Store
    maintain: Maintain
    table: Table
    state: State

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
        check_lease(self.store.root)
        with session_conf(self.store.spark, optimize_conf(self.maintain)):
            done = self._delta().optimize().executeCompaction().select("metrics.*").collect()[0]
        counts = (f"{done[name]:,}" for name in ("numFilesRemoved", "numFilesAdded"))
        log.info("%s: optimized, %s files became %s", self.table.table, *counts)
        return True

    def vacuum(self, last: datetime, now: datetime) -> bool:
        """Delete files that no version needs; False if `last` was not long before `now`."""
        every = timedelta(days=self.maintain.vacuum_every_days)
        if now - last < every:
            return False
        check_lease(self.store.root)
        with session_conf(self.store.spark, vacuum_conf(self.store.spark)):
            self._delta().vacuum(24 * self.maintain.keep_days)
        return True

    def _delta(self) -> DeltaTable:
        return DeltaTable.forPath(self.store.spark, self.store.path(self.table))

    def _alter(self, what: str) -> None:
        check_lease(self.store.root)
        path = self.store.path(self.table).replace("`", "``")
        self.store.spark.sql(f"ALTER TABLE delta.`{path}` {what}")
        log.info("%s: %s", self.table.table, what)


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


def _columns(names: list[str]) -> str:
    return f"({', '.join(f'`{name}`' for name in names)})" if names else "NONE"
