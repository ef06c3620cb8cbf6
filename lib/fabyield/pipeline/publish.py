"""Publish rows into the lake: audit them, judge them, store them, and account for them."""

import logging
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import KW_ONLY, dataclass, field, replace
from functools import cached_property
from typing import Literal, TypeVar

from pyspark import StorageLevel
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.util import inheritable_thread_target

from fabyield.errors import ContractError, DataQualityError
from fabyield.lake.catalog import QUARANTINE, RUNS, VALIDATION_RESULTS, is_derived
from fabyield.lake.reader import Row
from fabyield.lake.store import Store
from fabyield.lake.table import BATCH, Expectation, Severity, Table, WriteMode
from fabyield.pipeline.night_modes import Kind, NightMode
from fabyield.pipeline.run_history import Attempt
from fabyield.pipeline.steps import Step, names_of
from fabyield.quality import alerts
from fabyield.quality.batch import Audited, Batch, bounds, quarantined
from fabyield.quality.expectations import REASONS, Audit, good
from fabyield.quality.row_counts import TableRows, reconcile
from fabyield.settings.settings import Settings

log = logging.getLogger(__name__)
P = TypeVar("P")
T = TypeVar("T")


@dataclass(frozen=True)
class Publisher:
    """Publishes rows of one attempt at a step, but only those that meet their expectations.

    `notices` collects the alerts to the owners of tables. Raises ContractError for a table that
    `step` does not declare.
    """

    store: Store
    settings: Settings
    attempt: Attempt
    _: KW_ONLY
    mode: NightMode = field(default_factory=NightMode)
    notices: list[alerts.Alert] = field(default_factory=list)
    step: Step | None = None

    @property
    def spark(self) -> SparkSession:
        """Return the session that the tables are read and written in."""
        return self.store.spark

    @property
    def fab_id(self) -> str:
        """Return the fab that new rows belong to."""
        return self.settings.fab.fab_id

    @cached_property
    def is_only_fab(self) -> bool:
        """Return whether no other fab has run on this lake."""
        fabs = {row["fab_id"] for row in self.store.rows(RUNS, ["fab_id"])}
        return fabs <= {self.fab_id}

    def write(self, table: Table, df: DataFrame, wafers: Sequence[int] | None = None) -> None:
        """Audit and publish `df` as the new rows of `table`, of `wafers` or, with None, all."""
        self.publish([Batch(table, df, wafers=wafers)])

    def publish(self, batches: Sequence[Batch]) -> list[Audited]:
        """Audit all `batches`, then publish all of them or, with a DataQualityError, none."""
        for batch in batches:
            self._check_declared(batch.table, "writes")
        wanted = [batch for batch in batches if [] not in (batch.wafers, batch.files)]
        audited = self._in_parallel(self._audit, wanted)
        try:
            self._judge(audited)
            # The first table may say that some rows exist, the last one that all do.
            for some in (audited[:1], audited[1:-1], audited[max(1, len(audited) - 1) :]):
                self.attempt.tables.extend(self._in_parallel(self._store, some))
            return audited
        finally:
            for audit in audited:
                audit.marked.unpersist()

    def write_nothing(self, *tables: Table, rows: int = 0) -> None:
        """Record `tables` as unchanged: all `rows` that were read for them are stored already."""
        for table in tables:
            self._check_declared(table, "writes")
            if not self.store.exists(table):
                self.store.create(table)
            self.attempt.tables.append(TableRows(table.table, rows, rows, 0, 0))

    def log(self, table: Table, rows: Sequence[Row]) -> None:
        """Add a few unaudited `rows` about the run; a resumed attempt adds them again."""
        self._check_declared(table, "writes")
        tagged = [{**row, BATCH: self.attempt.batch} for row in rows]
        if tagged:
            self.store.log(table, tagged)
        version = self.store.version(table) if tagged else -1
        self.attempt.tables.append(TableRows(table.table, len(rows), len(rows), 0, 0, version))

    def notify(self, table: Table, observed: str, look_at: str, severity: str = "warn") -> None:
        """Alert the owner of `table` to something that no expectation covers."""
        self._alert(table, Expectation("notice", {}, Severity(severity), look_at), observed)

    def mark_replayed(self, condition: str) -> None:
        """Mark quarantined rows of earlier runs that meet `condition` as read again."""
        waiting = f"fab_id = '{self.fab_id}' and replayed_in is null"
        waiting = f"{waiting} and {BATCH} < {self.attempt.batch}"
        number = F.lit(self.attempt.batch)
        self.store.update(QUARANTINE, f"{waiting} and ({condition})", {"replayed_in": number})

    def _check_declared(self, table: Table, use: Literal["reads", "writes"]) -> None:
        if self.step is None:
            return
        declared = self.step.tables if use == "reads" else names_of(self.step.writes)
        if table.table not in declared:
            raise ContractError(
                f"step {self.attempt.step} {use} {table.table}, which its STEP does not name; name "
                f"it under {use}, from which the order of the steps follows"
            )

    def _audit(self, batch: Batch) -> Audited:
        table = batch.table
        rows = table.conform(batch.df.withColumn(BATCH, F.lit(self.attempt.batch)))
        audit = Audit.of(table, rows)
        marked = rows.withColumn(REASONS, audit.reasons)
        marked = marked.persist(StorageLevel.MEMORY_AND_DISK) if batch.cached else marked
        found = audit.judge(marked, {**batch.figures, **bounds(table)})
        refused = 0 if batch.refused is None else batch.refused.count()
        bad = found.total - found.kept + refused
        source = batch.source_rows
        source = found.kept + bad + batch.duplicates if source is None else source
        counted = TableRows(table.table, source, found.kept, bad, batch.duplicates)
        log.debug("%s: audited %s rows", table.table, found.total)
        return Audited(batch, marked, counted, found.verdicts, found.figures)

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
        notice = alerts.Alert(*named, observed, expectation.look_at)
        self.notices.append(notice)
        alerts.send([notice], self.settings.alerts)

    def _refuse_to_empty(self, audit: Audited) -> None:
        table, ours = audit.batch.table, F.col("fab_id") == self.fab_id
        mirrored = table.write is WriteMode.MIRROR and audit.batch.whole
        emptied = mirrored and not audit.rows.rows_out
        if emptied and not self.store.read(table).where(ours).isEmpty():
            # A fab without lots is less likely than a database just restored or not filled yet.
            raise DataQualityError(
                f"nothing published: {table.table}: its source has no valid row, which would "
                f"delete all rows of {self.fab_id}; repair the source, or delete them by hand"
            )

    def _in_parallel(self, work: Callable[[P], T], pieces: Sequence[P]) -> list[T]:
        with ThreadPoolExecutor(self.settings.night.parallel_steps) as pool:
            return list(pool.map(inheritable_thread_target(self.spark)(work), pieces))

    def _store(self, audit: Audited) -> TableRows:
        batch, table = audit.batch, audit.batch.table
        is_part = not batch.whole or batch.files is not None
        may_shrink = table.write is WriteMode.REPLACE or is_part or self._is_rebuilt(table)
        if not may_shrink and not audit.rows.rows_out + audit.rows.quarantined:
            self.store.create(table)
            return audit.rows
        self._put(audit)
        if audit.rows.quarantined:
            self._quarantine(audit)
        log.debug("%s: published %s rows", table.table, audit.rows.rows_out)
        return replace(audit.rows, version=self.store.version(table))

    def _put(self, audit: Audited) -> None:
        batch, table, rows = audit.batch, audit.batch.table, good(audit.marked)
        if self._is_rebuilt(table) or table.write is WriteMode.REPLACE:
            if batch.wafers is None:
                # If no other fab has run, "true" spares reading what the old files contain.
                ours = "true" if self.is_only_fab else f"fab_id = '{self.fab_id}'"
                self.store.replace(table, rows, ours)
            else:
                self.store.replace_keys(table, rows, "wafer_key", batch.wafers)
        elif batch.files is not None:
            self.store.replace_keys(table, rows, "file_key", batch.files)
        elif table.write is WriteMode.APPEND:
            self.store.append(table, rows, self.attempt.batch, self.fab_id)
        elif table.write is WriteMode.MERGE or not batch.whole:
            self.store.merge(table, rows, batch.gone, audit.bounds)
        else:
            self.store.mirror(table, rows, F.col("fab_id") == self.fab_id, audit.bounds)

    def _is_rebuilt(self, table: Table) -> bool:
        is_rebuild = self.mode.kind is Kind.REBUILD and self.attempt.is_full
        return is_derived(table) and is_rebuild

    def _quarantine(self, audit: Audited) -> None:
        table = audit.batch.table
        refused = quarantined(audit.marked, table)
        if audit.batch.refused is not None:
            refused = refused.unionByName(audit.batch.refused, allowMissingColumns=True)
        tags: dict[str, object] = {"table": table.table, "fab_id": self.fab_id}
        tags |= {BATCH: self.attempt.batch, "replayed_in": None}
        tagged = refused.withColumns({name: F.lit(value) for name, value in tags.items()})
        where = f"batch = {self.attempt.batch} and table = '{table.table}'"
        self.store.replace(QUARANTINE, QUARANTINE.conform(tagged), where)
