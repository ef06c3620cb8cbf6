"""From the factory database to the rows of the bronze tables: what changed, or all there is."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from pyspark.sql import functions as F

from fabyield.errors import ConfigError
from fabyield.lake.catalog import ALL, FACTORY_READS, QUARANTINE
from fabyield.lake.delta_rows import Row
from fabyield.lake.table import BATCH, Table
from fabyield.pipeline.ingest.known_rows import newest as newest_of
from fabyield.pipeline.ingest.known_rows import stored_already
from fabyield.pipeline.run import Run
from fabyield.quality.batch import Batch
from fabyield.quality.row_counts import TableRows
from fabyield.readers.factory.column_types import EPOCH
from fabyield.readers.factory.database import Counted, FabDatabase, FabRows, Source
from fabyield.readers.factory.database_errors import answering
from fabyield.settings.settings import Database
from fabyield.transforms.shared.keys import CHANGED
from fabyield.transforms.silver.latest_rows import last_changed

log = logging.getLogger(__name__)
NEWEST = "_newest"


@dataclass(frozen=True)
class Read:
    """A table's rows on their way: those that changed `since`, or all of them for a `reason`."""

    source: Source
    found: FabRows
    counted: Counted | None
    since: int | None = None
    reason: str = ""

    @property
    def table(self) -> Table:
        """The table that the rows are for."""
        return self.source.table


@dataclass(frozen=True)
class Tally:
    """How many rows of a source its table lacks for a reason, and what is amiss, if anything."""

    lacking: int
    amiss: str = ""


def ingest_factory(run: Run, needed: Sequence[Table], optional: Sequence[Table]) -> None:
    """Bring the tables to what the factory database has; one of `optional` it need not have.

    Of a table with a watermark only what changed is read. Then all rows are counted: where they
    do not add up, because some were deleted or came late, the table is read whole.
    """
    database = FabDatabase(run.spark, run.settings.database)
    _check_watermarks(database.conf)
    absent = [table for table in optional if not database.has(table)]
    for table in absent:
        log.info("%s: database.tables names none, so nothing is read", table.table)
    wanted = [table for table in (*needed, *optional) if table not in absent]
    with answering(database.conf):
        last = _last_reads(run)
        reads = [_first(run, database, source, last) for source in database.sources(wanted)]
        newest = _publish(run, reads)
        # A table without rows can be queried, one that was never made cannot.
        run.write_nothing(*absent)
        _tell_new_columns(run, reads, last)
        known = {table: row["rows_lacking"] for table, row in last.items()}
        tallies = [_tally(run, database, read, known.get(read.table.table, 0)) for read in reads]
        _record(run, reads, tallies, _later(reads, last, newest))
        wrong = [(read, tally.amiss) for read, tally in zip(reads, tallies, strict=True)]
        again = [_whole(run, database, read.source, amiss) for read, amiss in wrong if amiss]
        if again:
            newest = _publish(run, again)
            tallies = [_tally(run, database, read, 0) for read in again]
            _record(run, again, tallies, _later(again, last, newest))


def _later(
    reads: Sequence[Read], last: Mapping[str, Row], newest: Mapping[str, datetime]
) -> dict[str, datetime | None]:
    """The newest watermark of each table, tonight's or, where not all was read, an earlier one."""
    found: dict[str, datetime | None] = {}
    for read in reads:
        name, times = read.table.table, [newest.get(read.table.table)]
        if read.since is not None:
            times.append(last.get(name, {}).get("newest"))
        found[name] = max(filter(None, times), default=None)
    return found


def _first(run: Run, database: FabDatabase, source: Source, last: Mapping[str, Row]) -> Read:
    """Read what changed, or all there is where that cannot be told."""
    if source.changed is None:
        return _whole(run, database, source, "no watermark")
    newest = last.get(source.table.table, {}).get("newest") if run.since else None
    if newest is None or not run.store.exists(source.table):
        return _whole(run, database, source, "no earlier read to go on from, or --full")
    if _is_of_others(run, source.table):
        return _whole(run, database, source, "the table was changed by something else than a night")
    counted = database.count(source)
    overlap = timedelta(seconds=run.settings.database.overlap_seconds)
    since = (newest - overlap - EPOCH) // timedelta(microseconds=1)
    rows = database.rows(source, run.fab_id, counted, since)
    return Read(source, rows, counted, since)


def _is_of_others(run: Run, table: Table) -> bool:
    """Whether rows of `table` changed since this step last ended, such as by RESTORE.

    Not told where several fabs share the table: the others' nights change it too.
    """
    seen = run.seen.get(table.table)
    return seen is not None and run.is_only_fab and run.store.changed_since(table, seen)


def _whole(run: Run, database: FabDatabase, source: Source, reason: str) -> Read:
    split = source.changed is not None and database.conf.partitions > 1
    counted = database.count(source) if split else None
    return Read(source, database.rows(source, run.fab_id, counted), counted, reason=reason)


def _batch(run: Run, read: Read) -> Batch:
    """The rows of `read` as they are published."""
    table, rows = read.table, read.found.rows
    key = [name for name in table.key if name in read.found.values]
    refused, twice = read.found.count(key, [name for name in key if name in table.required])
    if read.source.changed is None:
        twice = 0
    if twice:
        rows = last_changed(rows, table.key, set(table.key) & set(table.required))
        observed = f"{twice:,} rows bear the key of one that was changed later"
        run.notify(table, observed, "the keys of the factory database's table")
    batch = Batch(table, rows, duplicates=twice, held=False, whole=read.since is None)
    if CHANGED in table.columns:
        # One of the future would hide what changes until then.
        past = F.col(CHANGED) <= F.lit(run.attempt.started_at)
        batch = replace(batch, figures={NEWEST: F.unix_micros(F.max(F.when(past, F.col(CHANGED))))})
    return replace(batch, refused=read.found.refused) if refused else batch


def _publish(run: Run, reads: Sequence[Read]) -> dict[str, datetime]:
    """Publish what was read; the newest watermark of each table's rows, where they have any.

    Rows that are all stored as they are need no audit and no write.
    """
    newest: dict[str, datetime | None] = {}
    changed: list[Read] = []
    try:
        for read in reads:
            rows = stored_already(run, read.table, read.found, read.since is None)
            if rows is None:
                changed.append(read)
            else:
                newest[read.table.table] = newest_of(rows, run.attempt.started_at)
                run.write_nothing(read.table, rows=len(rows))
        for found in run.publish([_batch(run, read) for read in changed]):
            micros = found.figures.get(NEWEST)
            time = None if micros is None else EPOCH + timedelta(microseconds=micros)
            newest[found.batch.table.table] = time
        return {table: time for table, time in newest.items() if time is not None}
    finally:
        for read in reads:
            read.found.persisted.unpersist()


def _tally(run: Run, database: FabDatabase, read: Read, known: int) -> Tally:
    """Hold the rows of the source against those stored; it may have `known` more, refused before.

    And those that are refused tonight for the first time, unless they are stored as they were.
    """
    counts = _counts(run, read.table)
    if read.since is None or read.counted is None:
        return Tally(counts.quarantined + counts.duplicates)
    held, there = run.count(read.table), read.counted.rows
    if there < held + known:
        # Rows that came while the others were read are stored, but were not counted.
        there = min(held + known, database.count(read.source).rows)
    refused = _first_refused(run, read.table) if counts.quarantined else 0
    if known <= there - held <= known + refused:
        return Tally(there - held)
    what = f"{there:,} rows in the source, {held:,} stored, {known + refused:,} refused"
    log.info("%s: read again, whole, as rows were deleted or came late: %s", read.table.table, what)
    return Tally(known, what)


def _last_reads(run: Run) -> dict[str, Row]:
    """What was recorded of each table when it was last read."""
    reads = run.rows(FACTORY_READS)
    # One that was killed and gone on with may stand twice.
    in_order = sorted(reads, key=lambda row: (row[BATCH], str(row["newest"] or "")))
    return {row["table"]: row for row in in_order}


def _tell_new_columns(run: Run, reads: Sequence[Read], last: Mapping[str, Row]) -> None:
    """A column that a source has gained is passed over: tell the table's owner, once."""
    known = {table: row["unread_columns"] for table, row in last.items()}
    for read in reads:
        before = known.get(read.table.table)
        # Of a first read all columns are new.
        gained = [] if before is None else sorted(set(read.source.unread) - set(before))
        if gained:
            observed = (
                f"{read.source.name} has columns that are new and not read: {', '.join(gained)}"
            )
            look_at = f"schemas/{read.table.name}.yml: what is declared there is read"
            run.notify(read.table, observed, look_at)


def _first_refused(run: Run, table: Table) -> int:
    """How many rows of `table` this run has refused that were not refused before, as they are."""
    rows = run.read(QUARANTINE).where(F.col("table") == table.table)
    rows = rows.select(BATCH, F.regexp_replace("row", rf',?"{BATCH}":\d+', "").alias("row"))
    before = rows.where(F.col(BATCH) < run.attempt.batch)
    tonight = rows.where(F.col(BATCH) == run.attempt.batch)
    return tonight.join(before, "row", how="left_anti").count()


def _record(
    run: Run,
    reads: Sequence[Read],
    tallies: Sequence[Tally],
    newest: Mapping[str, datetime | None],
) -> None:
    rows: list[Row] = [
        {
            "fab_id": run.fab_id,
            "table": read.table.table,
            "whole": read.since is None,
            "reason": read.reason or None,
            "since": None if read.since is None else EPOCH + timedelta(microseconds=read.since),
            "rows_read": _counts(run, read.table).rows_in,
            "rows_lacking": tally.lacking,
            "unread_columns": list(read.source.unread),
            "newest": newest.get(read.table.table),
        }
        for read, tally in zip(reads, tallies, strict=True)
        if not tally.amiss
    ]
    run.log(FACTORY_READS, rows)


def _counts(run: Run, table: Table) -> TableRows:
    """How many rows of `table` were published and refused when it was last read."""
    return next(rows for rows in reversed(run.attempt.tables) if rows.table == table.table)


def _check_watermarks(conf: Database) -> None:
    known = {t.name for t in ALL.values() if t.layer == "bronze" and CHANGED in t.columns}
    named = {ours for ours, column in conf.watermarks.items() if column}
    if unknown := sorted(named - known):
        raise ConfigError(
            f"database.watermarks: {', '.join(unknown)}: a watermark can be named for "
            f"{', '.join(sorted(known))}"
        )
