"""Rows on their way into the lake: audited, judged, stored, and accounted for."""

import logging
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TypeVar

from pyspark import StorageLevel
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.util import inheritable_thread_target

from fabyield.errors import DataQualityError
from fabyield.lake.catalog import QUARANTINE, RUNS, VALIDATION_RESULTS, is_derived
from fabyield.lake.store import Store
from fabyield.lake.table import BATCH, Expectation, Severity, Table, WriteMode
from fabyield.pipeline.night_modes import Kind, NightMode
from fabyield.pipeline.run_history import Attempt
from fabyield.quality import alerts
from fabyield.quality.batch import Audited, Batch, Bounds, bounds, quarantined
from fabyield.quality.expectations import REASONS, Audit
from fabyield.quality.row_counts import TableRows, reconcile
from fabyield.settings.settings import Settings

log = logging.getLogger(__name__)
P = TypeVar("P")
T = TypeVar("T")


@dataclass(frozen=True)
class Publisher:
    """Publishes rows of one attempt at a step, but only those that meet their expectations.

    What it tells the owners of tables is also in `notices`.
    """

    store: Store
    settings: Settings
    attempt: Attempt
    mode: NightMode
    notices: list[alerts.Alert]

    def publish(self, batches: Sequence[Batch]) -> list[Audited]:
        """Audit all of `batches`, then publish all or, if an error expectation is broken, none.

        Gives what the audits found. Raises DataQualityError, and AccountingError where rows are
        neither published, quarantined nor duplicates.
        """
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
            self.alert(table, verdict.expectation, verdict.observed)
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
        if emptied and not self.store.read(table).where(self._ours).isEmpty():
            # More likely a database that was restored or not filled yet than a fab without lots.
            raise DataQualityError(
                f"nothing published: {table.table}: its source has no row that is right, and would "
                f"delete all of {self._fab_id}; mend the source, or delete them by hand"
            )

    def _each(self, work: Callable[[P], T], pieces: Sequence[P]) -> list[T]:
        with ThreadPoolExecutor(self.settings.night.parallel_steps) as pool:
            return list(pool.map(inheritable_thread_target(self.store.spark)(work), pieces))

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
            self.store.append(table, rows, self.attempt.batch, self._fab_id)
        elif table.write is WriteMode.MERGE or not batch.whole:
            self.store.merge(table, rows, batch.gone, bounds)
        else:
            self.store.mirror(table, rows, self._ours, bounds)

    @cached_property
    def is_only_fab(self) -> bool:
        """Whether no other fab has run on this lake."""
        fabs = {row["fab_id"] for row in self.store.rows(RUNS, ["fab_id"])}
        return fabs <= {self._fab_id}

    @property
    def _all_ours(self) -> str:
        # Where no other fab has run, no file need be read for what it holds, nor be whole.
        return "true" if self.is_only_fab else f"fab_id = '{self._fab_id}'"

    def _is_rebuilt(self, table: Table) -> bool:
        is_rebuild = self.mode.kind is Kind.REBUILD and self.attempt.is_full
        return is_derived(table) and is_rebuild

    def mark_replayed(self, condition: str) -> None:
        """Mark what stands in quarantine since before this run, and meets `condition`, as read."""
        waiting = f"fab_id = '{self._fab_id}' and replayed_in is null"
        waiting = f"{waiting} and {BATCH} < {self.attempt.batch}"
        number = F.lit(self.attempt.batch)
        self.store.update(QUARANTINE, f"{waiting} and ({condition})", {"replayed_in": number})

    def _quarantine(self, audit: Audited) -> None:
        table = audit.batch.table
        refused = quarantined(audit.marked, table)
        if audit.batch.refused is not None:
            refused = refused.unionByName(audit.batch.refused, allowMissingColumns=True)
        tags: dict[str, object] = {"table": table.table, "fab_id": self._fab_id}
        tags |= {BATCH: self.attempt.batch, "replayed_in": None}
        tagged = refused.withColumns({name: F.lit(value) for name, value in tags.items()})
        rows = QUARANTINE.conform(tagged)
        where = f"batch = {self.attempt.batch} and table = '{table.table}'"
        self.store.replace(QUARANTINE, rows, where)

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

    def alert(self, table: Table, expectation: Expectation, observed: str) -> None:
        """Tell the owner of `table` what was `observed`."""
        named = (table.owner, table.table, expectation.severity.value, str(expectation))
        notice = alerts.Alert(*named, observed, expectation.look_at)
        self.notices.append(notice)
        alerts.send([notice], self.settings.alerts)

    @property
    def _fab_id(self) -> str:
        return self.settings.fab.fab_id

    @property
    def _ours(self) -> Column:
        return F.col("fab_id") == self._fab_id
