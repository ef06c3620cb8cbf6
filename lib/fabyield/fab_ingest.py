"""From the factory database to the rows of the bronze tables: what changed, or all there is."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from pyspark.sql import Row
from pyspark.sql import functions as F

from fabyield.batch import Batch
from fabyield.errors import ConfigError
from fabyield.ledger import TableRows
from fabyield.readers.fab_database import Counted, FabDatabase, FabRows, Source
from fabyield.readers.fab_errors import answering
from fabyield.readers.fab_types import EPOCH
from fabyield.run import Run
from fabyield.settings import Database
from fabyield.table import BATCH, Table
from fabyield.tables import ALL, QUARANTINE, SOURCE_READS
from fabyield.transforms.history import last_changed
from fabyield.transforms.keys import CHANGED

log = logging.getLogger(__name__)


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


def take_in(run: Run, needed: Sequence[Table], optional: Sequence[Table]) -> None:
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
        reads = [_first(run, database, source) for source in database.sources(wanted)]
        # A table without rows can be queried, one that was never made cannot.
        _publish(run, reads, [Batch(t, run.read(t).limit(0), whole=False) for t in absent])
        last = _last_reads(run)
        _tell_new_columns(run, reads, last)
        known = {table: row["rows_lacking"] for table, row in last.items()}
        tallies = [_tally(run, database, read, known.get(read.table.table, 0)) for read in reads]
        _record(run, reads, tallies)
        wrong = [(read, tally.amiss) for read, tally in zip(reads, tallies, strict=True)]
        again = [_whole(run, database, read.source, amiss) for read, amiss in wrong if amiss]
        if again:
            _publish(run, again)
            _record(run, again, [_tally(run, database, read, 0) for read in again])


def _first(run: Run, database: FabDatabase, source: Source) -> Read:
    """Read what changed, or all there is where that cannot be told."""
    if source.changed is None:
        return _whole(run, database, source, "no watermark")
    newest = _newest(run, source.table) if run.since else None
    if newest is None:
        return _whole(run, database, source, "no earlier read to go on from, or --full")
    counted = database.count(source)
    since = newest - int(1_000_000 * run.settings.database.overlap_seconds)
    rows = database.rows(source, run.fab_id, counted, since)
    return Read(source, rows, counted, since)


def _whole(run: Run, database: FabDatabase, source: Source, reason: str) -> Read:
    split = source.changed is not None and database.conf.partitions > 1
    counted = database.count(source) if split else None
    return Read(source, database.rows(source, run.fab_id, counted), counted, reason=reason)


def _newest(run: Run, table: Table) -> int | None:
    """The newest watermark stored; one of the future would hide what changes until then."""
    past = run.read(table).where(F.col(CHANGED) <= F.lit(run.attempt.started_at))
    newest: int | None = past.agg(F.unix_micros(F.max(CHANGED))).collect()[0][0]
    return newest


def _batch(run: Run, read: Read) -> Batch:
    """The rows of `read` as they are published."""
    table, rows, twice = read.table, read.found.rows, 0
    if read.source.changed is not None:
        rows, twice = last_changed(rows, table.key, set(table.key) & set(table.required))
    if twice:
        observed = f"{twice:,} rows bear the key of one that was changed later"
        run.notify(table, observed, "the keys of the factory database's table")
    batch = Batch(table, rows, duplicates=twice, refused=read.found.refused, staged=True)
    return replace(batch, whole=read.since is None)


def _publish(run: Run, reads: Sequence[Read], more: Sequence[Batch] = ()) -> None:
    try:
        run.publish([*(_batch(run, read) for read in reads), *more])
    finally:
        for read in reads:
            read.found.held.unpersist()


def _tally(run: Run, database: FabDatabase, read: Read, known: int) -> Tally:
    """Hold the rows of the source against those stored; it may have `known` more, refused before.

    And those that are refused tonight for the first time, unless they are stored as they were.
    """
    counts = _counts(run, read.table)
    if read.since is None or read.counted is None:
        return Tally(counts.quarantined + counts.duplicates)
    held, there = run.read(read.table).count(), read.counted.rows
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
    told = F.struct("table", "rows_lacking", "unread_columns")
    reads = run.read(SOURCE_READS).groupBy("table")
    rows = reads.agg(F.max_by(told, "batch").alias("last")).collect()
    return {row["table"]: row["last"] for row in rows}


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


def _record(run: Run, reads: Sequence[Read], tallies: Sequence[Tally]) -> None:
    rows = [
        Row(
            batch=run.attempt.batch,
            fab_id=run.fab_id,
            table=read.table.table,
            whole=read.since is None,
            reason=read.reason or None,
            since=None if read.since is None else EPOCH + timedelta(microseconds=read.since),
            rows_read=_counts(run, read.table).rows_in,
            rows_lacking=tally.lacking,
            unread_columns=list(read.source.unread),
        )
        for read, tally in zip(reads, tallies, strict=True)
        if not tally.amiss
    ]
    run.write(SOURCE_READS, run.spark.createDataFrame(rows, SOURCE_READS.ddl))


def _counts(run: Run, table: Table) -> TableRows:
    """What became of the rows of `table` when they were last published."""
    return next(rows for rows in reversed(run.attempt.tables) if rows.table == table.table)


def _check_watermarks(conf: Database) -> None:
    known = {t.name for t in ALL.values() if t.layer == "bronze" and CHANGED in t.columns}
    named = {ours for ours, column in conf.watermarks.items() if column}
    if unknown := sorted(named - known):
        raise ConfigError(
            f"database.watermarks: {', '.join(unknown)}: a watermark can be named for "
            f"{', '.join(sorted(known))}"
        )
