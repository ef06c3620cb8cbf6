"""Read what changed in the factory database, or all of it, into the bronze tables."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from pyspark.sql import functions as F

from fabyield.errors import ConfigError
from fabyield.lake.catalog import ALL, FACTORY_READS, QUARANTINE
from fabyield.lake.reader import Row
from fabyield.lake.table import BATCH, Table
from fabyield.pipeline.ingest.known_rows import newest_watermark, stored_rows
from fabyield.pipeline.run import Run
from fabyield.quality.batch import Batch
from fabyield.quality.row_counts import TableRows
from fabyield.readers.factory.column_types import EPOCH
from fabyield.readers.factory.database import Counted, FabDatabase, FabRows, Source
from fabyield.readers.factory.database_errors import answering
from fabyield.settings.sections import Database
from fabyield.transforms.shared.keys import CHANGED
from fabyield.transforms.silver.latest_rows import last_changed

log = logging.getLogger(__name__)
NEWEST = "_newest"


@dataclass(frozen=True)
class _Read:
    """The rows of a table that changed `since`, or all of them for a `reason`."""

    source: Source
    found: FabRows
    counted: Counted | None
    since: int | None = None
    reason: str = ""

    @property
    def table(self) -> Table:
        return self.source.table


def ingest_factory(run: Run, needed: Sequence[Table], optional: Sequence[Table]) -> None:
    """Bring the tables to the state of the factory database; `optional` ones may be absent there.

    Of a table with a watermark only what changed is read. Then its rows are counted, and it is read
    again as a whole if they do not add up, because some were deleted or arrived late.
    """
    database = FabDatabase(run.spark, run.settings.database)
    _check_watermarks(database.conf)
    absent = [table for table in optional if not database.has(table)]
    for table in absent:
        log.info("%s: database.tables names none, so nothing is read", table.table)
    wanted = [table for table in (*needed, *optional) if table not in absent]
    with answering(database.conf):
        last = _last_reads(run)
        reads = [_read(run, database, source, last) for source in database.sources(wanted)]
        newest = _publish(run, reads)
        # An empty table can be queried, one that was never created cannot.
        run.write_nothing(*absent)
        _alert_to_new_columns(run, reads, last)
        wrong = _record(run, database, reads, newest, last)
        if again := [_read_all(run, database, source, why) for source, why in wrong]:
            newest = _publish(run, again)
            _record(run, database, again, newest, last)


def _check_watermarks(conf: Database) -> None:
    known = {t.name for t in ALL.values() if t.layer == "bronze" and CHANGED in t.columns}
    named = {ours for ours, column in conf.watermarks.items() if column}
    if unknown := sorted(named - known):
        raise ConfigError(
            f"database.watermarks: {', '.join(unknown)}: a watermark can be named for "
            f"{', '.join(sorted(known))}"
        )


def _last_reads(run: Run) -> dict[str, Row]:
    """Return by table what was recorded when it was last read."""
    # A read that was killed and resumed may be recorded twice.
    in_order = sorted(
        run.rows(FACTORY_READS), key=lambda row: (row[BATCH], str(row["newest"] or ""))
    )
    return {row["table"]: row for row in in_order}


def _read(run: Run, database: FabDatabase, source: Source, last: Mapping[str, Row]) -> _Read:
    """Read what changed or, if that is unknown, all rows."""
    table = source.table
    if source.changed is None:
        return _read_all(run, database, source, "no watermark")
    newest = last.get(table.table, {}).get("newest") if run.since else None
    if newest is None or not run.store.exists(table):
        return _read_all(run, database, source, "no earlier read to go on from, or --full")
    seen = run.seen.get(table.table)
    # If several fabs share the table, the nights of the others change it too.
    if seen is not None and run.is_only_fab and run.store.changed_since(table, seen):
        reason = "the table was changed by something else than a night"
        return _read_all(run, database, source, reason)
    counted = database.count(source)
    overlap = timedelta(seconds=run.settings.database.overlap_seconds)
    since = (newest - overlap - EPOCH) // timedelta(microseconds=1)
    return _Read(source, database.rows(source, run.fab_id, counted, since), counted, since)


def _read_all(run: Run, database: FabDatabase, source: Source, reason: str) -> _Read:
    split = source.changed is not None and database.conf.partitions > 1
    counted = database.count(source) if split else None
    return _Read(source, database.rows(source, run.fab_id, counted), counted, reason=reason)


def _publish(run: Run, reads: Sequence[_Read]) -> dict[str, datetime | None]:
    """Publish `reads` unless all is stored already, and return by table the newest watermark."""
    newest: dict[str, datetime | None] = {}
    changed: list[_Read] = []
    try:
        for read in reads:
            rows = stored_rows(run, read.table, read.found, read.since is None)
            if rows is None:
                changed.append(read)
            else:
                newest[read.table.table] = newest_watermark(rows, run.attempt.started_at)
                run.write_nothing(read.table, rows=len(rows))
        for found in run.publish([_batch(run, read) for read in changed]):
            micros = found.figures.get(NEWEST)
            time = None if micros is None else EPOCH + timedelta(microseconds=micros)
            newest[found.batch.table.table] = time
        return newest
    finally:
        for read in reads:
            read.found.persisted.unpersist()


def _batch(run: Run, read: _Read) -> Batch:
    table, rows = read.table, read.found.rows
    key = [name for name in table.key if name in read.found.values]
    refused, duplicates = read.found.count(key, [name for name in key if name in table.required])
    if read.source.changed is None:
        duplicates = 0
    if duplicates:
        rows = last_changed(rows, table.key, set(table.key) & set(table.required))
        observed = f"{duplicates:,} rows have the key of one that changed later"
        run.notify(table, observed, "the keys of the factory database's table")
    batch = Batch(table, rows, duplicates=duplicates, cached=False, whole=read.since is None)
    if CHANGED in table.columns:
        # A watermark in the future would hide what changes until then.
        past = F.col(CHANGED) <= F.lit(run.attempt.started_at)
        batch = replace(batch, figures={NEWEST: F.unix_micros(F.max(F.when(past, F.col(CHANGED))))})
    return replace(batch, refused=read.found.refused) if refused else batch


def _alert_to_new_columns(run: Run, reads: Sequence[_Read], last: Mapping[str, Row]) -> None:
    """Tell the owner of a table once that its source has gained columns, which are not read."""
    for read in reads:
        known = last.get(read.table.table, {}).get("unread_columns")
        # In a first read all columns are new.
        if known is not None and (gained := sorted({*read.source.unread} - {*known})):
            observed = f"{read.source.name} has new columns, which are not read: "
            look_at = f"schemas/{read.table.name}.yml: only columns declared there are read"
            run.notify(read.table, observed + ", ".join(gained), look_at)


def _record(
    run: Run,
    database: FabDatabase,
    reads: Sequence[_Read],
    newest: Mapping[str, datetime | None],
    last: Mapping[str, Row],
) -> list[tuple[Source, str]]:
    """Record `reads`, and return the sources whose rows do not add up, each with the reason."""
    rows: list[Row] = []
    wrong: list[tuple[Source, str]] = []
    for read in reads:
        before, is_whole = last.get(read.table.table, {}), read.since is None
        lacking, reason = _lacking_rows(run, database, read, before.get("rows_lacking", 0))
        if reason:
            wrong.append((read.source, reason))
            continue
        times = [newest.get(read.table.table), None if is_whole else before.get("newest")]
        since = None if read.since is None else EPOCH + timedelta(microseconds=read.since)
        rows.append(
            {
                "fab_id": run.fab_id,
                "table": read.table.table,
                "whole": is_whole,
                "reason": read.reason or None,
                "since": since,
                "rows_read": _counts(run, read.table).rows_in,
                "rows_lacking": lacking,
                "unread_columns": list(read.source.unread),
                "newest": max(filter(None, times), default=None),
            }
        )
    run.log(FACTORY_READS, rows)
    return wrong


def _lacking_rows(run: Run, database: FabDatabase, read: _Read, known: int) -> tuple[int, str]:
    """Count the rows of the source that are not stored, and say why if they do not add up."""
    counts = _counts(run, read.table)
    if read.since is None or read.counted is None:
        return counts.quarantined + counts.duplicates, ""
    stored, there = run.count(read.table), read.counted.rows
    if there < stored + known:
        # Rows that arrived while others were read are stored, but were not counted.
        there = min(stored + known, database.count(read.source).rows)
    # Rows refused before, or tonight for the first time, may be missing.
    refused = _first_refused(run, read.table) if counts.quarantined else 0
    if known <= there - stored <= known + refused:
        return there - stored, ""
    what = f"{there:,} rows in the source, {stored:,} stored, {known + refused:,} refused"
    log.info("%s: rereading the whole table, rows were deleted or late: %s", read.table.table, what)
    return known, what


def _first_refused(run: Run, table: Table) -> int:
    """Count the rows of `table` that this run has refused and no run before."""
    rows = run.read(QUARANTINE).where(F.col("table") == table.table)
    rows = rows.select(BATCH, F.regexp_replace("row", rf',?"{BATCH}":\d+', "").alias("row"))
    before = rows.where(F.col(BATCH) < run.attempt.batch)
    tonight = rows.where(F.col(BATCH) == run.attempt.batch)
    return tonight.join(before, "row", how="left_anti").count()


def _counts(run: Run, table: Table) -> TableRows:
    """Return the row counts of the last publish of `table`."""
    return next(rows for rows in reversed(run.attempt.tables) if rows.table == table.table)
