"""One attempt at a step: the settings, and the way in and out of tables."""

import logging
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import cached_property, reduce
from typing import TypeVar

import pyarrow as pa
from pyarrow import compute as pc
from pyarrow.compute import Expression
from pyspark import StorageLevel
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.util import inheritable_thread_target

from fabyield.errors import ContractError, DataQualityError
from fabyield.lake.catalog import QUARANTINE, RUNS, VALIDATION_RESULTS, WAFER_RUNS, is_derived
from fabyield.lake.delta_rows import Row
from fabyield.lake.store import Store
from fabyield.lake.table import BATCH, Expectation, Severity, Table, WriteMode
from fabyield.pipeline.night_modes import Kind, Purpose
from fabyield.pipeline.run_history import Attempt
from fabyield.pipeline.steps import Step, names_of
from fabyield.quality import alerts
from fabyield.quality.batch import Audited, Batch, Bounds, bounds, quarantined
from fabyield.quality.expectations import REASONS, Audit
from fabyield.quality.row_counts import TableRows, reconcile
from fabyield.settings.settings import Settings
from fabyield.transforms.shared.change_feed import CHANGE, VERSION
from fabyield.transforms.shared.key_ranges import among, spanned
from fabyield.transforms.shared.name_rules import NameRules

log = logging.getLogger(__name__)
P = TypeVar("P")
T = TypeVar("T")


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
    purpose: Purpose = field(default_factory=Purpose)
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
        return rows if wafers is None else rows.where(among("wafer_key", wafers))

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

    def read_span(self, table: Table, wafers: DataFrame) -> DataFrame:
        """The rows of `table` whose wafer keys lie between the ends of those of `wafers`."""
        return self.read(table).where(spanned("wafer_key", wafers, "wafer_key"))

    def read_files(self, table: Table, files: DataFrame | Sequence[int]) -> DataFrame:
        """The rows of `table` from `files`: their keys, or rows that have a file_key.

        By literal keys, so that Delta passes over the files of other nights.
        """
        if isinstance(files, DataFrame):
            rows = files.select("file_key").distinct().collect()
            files = [row["file_key"] for row in rows]
        return self.read(table).where(among("file_key", files))

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
        """What became of rows of `table` since this step was last done; see Store.changes.

        Where it never was, or takes all rows, or `table` was made anew, they are all inserted.
        """
        if self.is_anew(table):
            return self.read(table).withColumns({CHANGE: F.lit("insert"), VERSION: F.lit(0)})
        self._check_reads(table)
        return self._ours(table, self.store.changes(table, self.seen[table.table] + 1))

    def is_anew(self, table: Table) -> bool:
        """Whether this step takes all rows of `table`: it saw none, or those were made anew."""
        seen = self.seen.get(table.table)
        return self.since == 0 or seen is None or self.store.version(table) < seen

    def is_first(self, *targets: Table) -> bool:
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
        if self.is_first(target):
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
        if self.is_anew(table):
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
        """Audit all of `batches`, then publish all or, if an error expectation is broken, none.

        Gives what the audits found. Raises DataQualityError, and AccountingError where rows are
        neither published, quarantined nor duplicates.
        """
        for batch in batches:
            self._check_writes(batch.table)
        wanted = [batch for batch in batches if [] not in (batch.wafers, batch.files)]
        audited = self._each(self._audit, wanted)
        try:
            self._judge(audited)
            # The first may say that some are there, the last that all are.
            for some in (audited[:1], audited[1:-1], audited[max(1, len(audited) - 1) :]):
                self.attempt.tables.extend(self._each(self._store, some))
            return audited
        finally:
            for audit in audited:
                audit.marked.unpersist()

    def notify(self, table: Table, observed: str, look_at: str, severity: str = "warn") -> None:
        """Alert the owner of `table` to something that is no expectation of its rows."""
        self._alert(table, Expectation("notice", {}, Severity(severity), look_at), observed)

    def _audit(self, batch: Batch) -> Audited:
        table = batch.table
        rows = table.conform(batch.df.withColumn(BATCH, F.lit(self.attempt.batch)))
        audit = Audit.of(table, rows)
        marked = rows.withColumn(REASONS, audit.reasons)
        marked = marked.persist(StorageLevel.MEMORY_AND_DISK) if batch.held else marked
        found = audit.judge(marked, {**batch.figures, **bounds(table)})
        kept, verdicts = found.kept, found.verdicts
        refused = 0 if batch.refused is None else batch.refused.count()
        quarantined = found.total - kept + refused
        source = kept + quarantined + batch.duplicates
        source = source if batch.source_rows is None else batch.source_rows
        counted = TableRows(table.table, source, kept, quarantined, batch.duplicates, -1)
        log.debug("%s: audited %s rows", table.table, found.total)
        return Audited(batch, marked, counted, verdicts, found.figures)

    def _judge(self, audited: list[Audited]) -> None:
        broken = [(a.batch.table, v) for a in audited for v in a.verdicts if not v.met]
        self._record(audited)
        for table, verdict in broken:
            self._alert(table, verdict.expectation, verdict.observed)
        errors = [(t, v) for t, v in broken if v.expectation.severity is Severity.ERROR]
        if errors:
            listed = "; ".join(f"{t.table}: {v.expectation} ({v.observed})" for t, v in errors)
            raise DataQualityError(f"nothing published: {listed}")
        for audit in audited:
            reconcile(audit.rows)
            self._refuse_to_empty(audit)

    def _refuse_to_empty(self, audit: Audited) -> None:
        table = audit.batch.table
        mirrored = table.write is WriteMode.MIRROR and audit.batch.whole
        emptied = mirrored and not audit.rows.rows_out
        if emptied and not self.read(table).isEmpty():
            # More likely a database that was restored or not filled yet than a fab without lots.
            raise DataQualityError(
                f"nothing published: {table.table}: its source has no row that is right, and would "
                f"delete all of {self.fab_id}; mend the source, or delete them by hand"
            )

    def _each(self, work: Callable[[P], T], pieces: Sequence[P]) -> list[T]:
        with ThreadPoolExecutor(self.settings.night.parallel_steps) as pool:
            return list(pool.map(inheritable_thread_target(self.spark)(work), pieces))

    def _store(self, audit: Audited) -> TableRows:
        batch, table = audit.batch, audit.batch.table
        is_part = not batch.whole or batch.files is not None
        may_shrink = table.write is WriteMode.REPLACE or is_part or self._is_rebuilt(table)
        if not may_shrink and not audit.rows.rows_out + audit.rows.quarantined:
            self.store.create(table)
            return audit.rows
        self._put(batch, audit.good, audit.bounds)
        if audit.rows.quarantined:
            self._quarantine(audit)
        log.debug("%s: published %s rows", table.table, audit.rows.rows_out)
        return replace(audit.rows, version=self.store.version(table))

    def _put(self, batch: Batch, rows: DataFrame, bounds: Bounds | None) -> None:
        table = batch.table
        if self._is_rebuilt(table) or table.write is WriteMode.REPLACE:
            wafers = batch.wafers
            if wafers is None:
                self.store.replace(table, rows, self._all_ours)
            else:
                self.store.replace_keys(table, rows, "wafer_key", wafers)
        elif batch.files is not None:
            self.store.replace_keys(table, rows, "file_key", batch.files)
        elif table.write is WriteMode.APPEND:
            self.store.append(table, rows, self.attempt.batch, self.fab_id)
        elif table.write is WriteMode.MERGE or not batch.whole:
            self.store.merge(table, rows, batch.gone, bounds)
        else:
            self.store.mirror(table, rows, F.col("fab_id") == self.fab_id, bounds)

    @cached_property
    def is_only_fab(self) -> bool:
        """Whether no other fab has run on this lake."""
        fabs = {row["fab_id"] for row in self.store.rows(RUNS, ["fab_id"])}
        return fabs <= {self.fab_id}

    @property
    def _all_ours(self) -> str:
        # Where no other fab has run, no file need be read for what it holds, nor be whole.
        return "true" if self.is_only_fab else f"fab_id = '{self.fab_id}'"

    def _is_rebuilt(self, table: Table) -> bool:
        is_rebuild = self.purpose.kind is Kind.REBUILD and self.attempt.is_full
        return is_derived(table) and is_rebuild

    def replayed(self, condition: str) -> None:
        """Mark what stands in quarantine since before this run, and meets `condition`, as read."""
        waiting = f"fab_id = '{self.fab_id}' and replayed_in is null"
        waiting = f"{waiting} and {BATCH} < {self.attempt.batch}"
        number = F.lit(self.attempt.batch)
        self.store.update(QUARANTINE, f"{waiting} and ({condition})", {"replayed_in": number})

    def _quarantine(self, audit: Audited) -> None:
        table = audit.batch.table
        refused = quarantined(audit.marked, table)
        if audit.batch.refused is not None:
            refused = refused.unionByName(audit.batch.refused, allowMissingColumns=True)
        tags: dict[str, object] = {"table": table.table, "fab_id": self.fab_id}
        tags |= {BATCH: self.attempt.batch, "replayed_in": None}
        tagged = refused.withColumns({name: F.lit(value) for name, value in tags.items()})
        rows = QUARANTINE.conform(tagged)
        where = f"batch = {self.attempt.batch} and table = '{table.table}'"
        self.store.replace(QUARANTINE, rows, where)

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

    def _record(self, audited: list[Audited]) -> None:
        rows = [
            {
                "batch": self.attempt.batch,
                "step": self.attempt.step,
                "attempt_at": self.attempt.started_at,
                "table": audit.batch.table.table,
                "expectation": verdict.expectation.name,
                "arguments": str(verdict.expectation),
                "severity": verdict.expectation.severity.value,
                "met": verdict.met,
                "observed": verdict.observed,
                "owner": audit.batch.table.owner,
                "look_at": verdict.expectation.look_at,
            }
            for audit in audited
            for verdict in audit.verdicts
        ]
        if rows:
            self.store.log(VALIDATION_RESULTS, rows)

    def _alert(self, table: Table, expectation: Expectation, observed: str) -> None:
        named = (table.owner, table.table, expectation.severity.value, str(expectation))
        alert = alerts.Alert(*named, observed, expectation.look_at)
        self.notices.append(alert)
        alerts.send([alert], self.settings.alerts)


def _distinct(keys: pa.Table) -> list[int]:
    """The different values of the one column of `keys`."""
    return [key for key in pc.unique(keys.column(0)).to_pylist() if key is not None]
