"""One attempt at a step: the settings, and the way in and out of tables."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, reduce

import pyarrow as pa
from pyarrow import compute as pc
from pyarrow.compute import Expression
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from fabyield.errors import ContractError
from fabyield.lake.catalog import WAFER_RUNS
from fabyield.lake.delta_rows import Row
from fabyield.lake.store import Store
from fabyield.lake.table import BATCH, Expectation, Severity, Table
from fabyield.pipeline.night_modes import NightMode
from fabyield.pipeline.publish import Publisher
from fabyield.pipeline.run_history import Attempt
from fabyield.pipeline.steps import Step, names_of
from fabyield.quality import alerts
from fabyield.quality.batch import Audited, Batch
from fabyield.quality.row_counts import TableRows
from fabyield.settings.settings import Settings
from fabyield.transforms.shared.change_feed import CHANGE, VERSION
from fabyield.transforms.shared.key_ranges import between, in_keys
from fabyield.transforms.shared.name_rules import NameRules


@dataclass(frozen=True)
class Run:
    """Reads tables, and publishes rows only after they meet their table's expectations.

    A lake holds several fabs: a run sees and replaces the rows of its own. `since` is the batch
    for which the step was last done, 0 where it takes all rows; `seen` has the versions of tables
    that it then saw. What `step` does not declare it may neither read nor write: ContractError.
    """

    store: Store
    settings: Settings
    attempt: Attempt
    since: int = 0
    seen: Mapping[str, int] = field(default_factory=dict)
    mode: NightMode = field(default_factory=NightMode)
    notices: list[alerts.Alert] = field(default_factory=list)
    step: Step | None = None

    @property
    def spark(self) -> SparkSession:
        """The session that the tables are read in."""
        return self.store.spark

    def read(self, table: Table, wafers: Sequence[int] | None = None) -> DataFrame:
        """The rows of `table`, of the given wafer keys or, with None, all."""
        self._check_reads(table)
        rows = self._ours(table, self.store.read(table))
        return rows if wafers is None else rows.where(in_keys("wafer_key", wafers))

    def read_all_fabs(self, table: Table) -> DataFrame:
        """The rows of `table` of every fab, for numbers that are of the lake."""
        self._check_reads(table)
        return self.store.read(table)

    def rows(
        self, table: Table, columns: Sequence[str] = (), where: Expression | None = None
    ) -> list[Row]:
        """The fab's rows of `table` that meet `where`, read without Spark: keep them few."""
        return self.arrow(table, columns, where).to_pylist()

    def arrow(
        self, table: Table, columns: Sequence[str] = (), where: Expression | None = None
    ) -> pa.Table:
        """The same as `rows`, as an Arrow table."""
        self._check_reads(table)
        if "fab_id" in table.columns:
            ours = pc.field("fab_id") == self.fab_id
            where = ours if where is None else ours & where
        return self.store.arrow(table, columns, where)

    def count(self, table: Table) -> int:
        """How many rows of `table` the fab has, counted without Spark."""
        self._check_reads(table)
        ours = None if self.is_only_fab else pc.field("fab_id") == self.fab_id
        return self.store.count(table, ours)

    def read_span(self, table: Table, rows: DataFrame, column: str) -> DataFrame:
        """Read the rows of `table` whose `column` is between the least and greatest in `rows`."""
        span = rows.agg(F.min(column), F.max(column)).collect()[0]
        return self.read(table).where(between(column, *span))

    def read_files(self, table: Table, files: DataFrame | Sequence[int]) -> DataFrame:
        """The rows of `table` from `files`: their keys, or rows that have a file_key.

        By literal keys, so that Delta passes over the files of other nights.
        """
        if isinstance(files, DataFrame):
            rows = files.select("file_key").distinct().collect()
            files = [row["file_key"] for row in rows]
        return self.read(table).where(in_keys("file_key", files))

    def wafer_runs(self, wafers: Sequence[int] | None, columns: Sequence[str]) -> pa.Table:
        """The test runs of `wafers` or, with None, all, read without Spark."""
        where = None if wafers is None else pc.field("wafer_key").isin(list(wafers))
        return self.arrow(WAFER_RUNS, columns, where)

    def tested_files(self, wafers: Sequence[int] | None) -> list[int]:
        """The keys of the files that the test runs of `wafers` or, with None, all are from."""
        return _distinct(self.wafer_runs(wafers, ["file_key"]))

    def new(self, table: Table) -> DataFrame:
        """The rows that batches wrote to `table` since this step was last done."""
        return self.read(table).where(F.col(BATCH) > self.since)

    def changes(self, table: Table) -> DataFrame:
        """The changes of `table` since this step was last done; see Store.changes.

        Where it never was, or takes all rows, or `table` was made anew, they are all inserted.
        """
        if self.must_reread(table):
            return self.read(table).withColumns({CHANGE: F.lit("insert"), VERSION: F.lit(0)})
        self._check_reads(table)
        return self._ours(table, self.store.changes(table, self.seen[table.table] + 1))

    def must_reread(self, table: Table) -> bool:
        """Whether this step takes all rows of `table`: it saw none, or those were made anew."""
        seen = self.seen.get(table.table)
        return self.since == 0 or seen is None or self.store.version(table) < seen

    def is_full_run(self, *targets: Table) -> bool:
        """Whether this step takes all rows: asked to, or `targets` were never filled.

        Also where it has seen no version of any table, or none that can be followed any more.
        """
        seen = self.since > 0 and self.seen
        return not seen or not all(self.store.exists(table) for table in targets)

    def touched(self, target: Table, *sources: Table | DataFrame) -> list[int] | None:
        """Keys of the wafers that gained or lost rows in `sources`; None (all) at first.

        A few thousand keys a night, so they are held on the driver. Of a data frame all wafers
        count.
        """
        if self.is_full_run(target):
            return None
        keys: set[int] = set()
        frames: list[DataFrame] = []
        for source in sources:
            if isinstance(source, DataFrame):
                frames.append(source.select("wafer_key"))
            elif source.change_feed:
                keys.update(self._changed_wafers(source))
            else:
                frames.append(self.new(source).select("wafer_key"))
        if frames:
            rows = reduce(DataFrame.union, frames).distinct().collect()
            keys.update(row["wafer_key"] for row in rows)
        return sorted(keys)

    def _changed_wafers(self, table: Table) -> list[int]:
        names, ours = ["wafer_key", "fab_id"], pc.field("fab_id") == self.fab_id
        if self.must_reread(table):
            rows = self.arrow(table, names)
        else:
            self._check_reads(table)
            rows = self.store.changed(table, self.seen[table.table], names, ours)
        return _distinct(rows.select(["wafer_key"]))

    def write(self, table: Table, df: DataFrame, wafers: Sequence[int] | None = None) -> None:
        """Audit and publish `df` as the new rows of `table`."""
        self.publish([Batch(table, df, wafers=wafers)])

    def write_nothing(self, *tables: Table, rows: int = 0) -> None:
        """Record `tables` as unchanged: all `rows` that were read for them are stored already."""
        for table in tables:
            self._check_writes(table)
            if not self.store.exists(table):
                self.store.create(table)
            self.attempt.tables.append(TableRows(table.table, rows, rows, 0, 0, -1))

    def log(self, table: Table, rows: Sequence[Row]) -> None:
        """Add a few `rows` that the run says of itself, so that no audit is asked of them.

        Called again by an attempt that goes on where another was killed, they stand twice.
        """
        self._check_writes(table)
        tagged = [{**row, BATCH: self.attempt.batch} for row in rows]
        if tagged:
            self.store.log(table, tagged)
        version = self.store.version(table) if tagged else -1
        self.attempt.tables.append(TableRows(table.table, len(rows), len(rows), 0, 0, version))

    def publish(self, batches: Sequence[Batch]) -> list[Audited]:
        """Audit all of `batches`, then publish all or none; see Publisher.publish."""
        for batch in batches:
            self._check_writes(batch.table)
        return self._publisher.publish(batches)

    def notify(self, table: Table, observed: str, look_at: str, severity: str = "warn") -> None:
        """Alert the owner of `table` to something that is no expectation of its rows."""
        self._publisher.alert(
            table, Expectation("notice", {}, Severity(severity), look_at), observed
        )

    def mark_replayed(self, condition: str) -> None:
        """Mark what stands in quarantine since before this run, and meets `condition`, as read."""
        self._publisher.mark_replayed(condition)

    @property
    def is_only_fab(self) -> bool:
        """Whether no other fab has run on this lake."""
        return self._publisher.is_only_fab

    @cached_property
    def _publisher(self) -> Publisher:
        return Publisher(self.store, self.settings, self.attempt, self.mode, self.notices)

    def _check_reads(self, table: Table) -> None:
        if self.step is not None and table.table not in self.step.tables:
            raise ContractError(
                f"step {self.attempt.step} reads {table.table}, which its STEP does not name; name "
                "it under reads, so that the step comes after the one that writes it"
            )

    def _check_writes(self, table: Table) -> None:
        if self.step is not None and table.table not in names_of(self.step.writes):
            raise ContractError(
                f"step {self.attempt.step} writes {table.table}, which its STEP does not name; "
                "name it under writes"
            )

    def _ours(self, table: Table, rows: DataFrame) -> DataFrame:
        # What has no fab is of files that only one of them has, or of the lake as a whole.
        return rows.where(F.col("fab_id") == self.fab_id) if "fab_id" in table.columns else rows

    @property
    def name_rules(self) -> NameRules:
        """How the fab spells its lots and wafers."""
        return NameRules(self.settings.fab.lot_id_rules, self.settings.fab.wafer_id_rules)

    @property
    def fab_id(self) -> str:
        """The fab that new rows belong to."""
        return self.settings.fab.fab_id


def _distinct(keys: pa.Table) -> list[int]:
    """The different values of the one column of `keys`."""
    return [key for key in pc.unique(keys.column(0)).to_pylist() if key is not None]
