"""From the landing zone to the rows of the bronze tables."""

import logging
from collections.abc import Sequence
from datetime import UTC, datetime

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from fabyield.errors import DataQualityError
from fabyield.files import remove_folder
from fabyield.lease import fenced
from fabyield.readers.landing import LandingFile, listed, settled
from fabyield.readers.stdf_stage import FOUND, UNREADABLE, Stage
from fabyield.run import Batch, Run
from fabyield.table import BATCH, Table
from fabyield.tables import (
    BIN_COUNTS,
    FUNCTIONAL_VALUES,
    MULTI_VALUES,
    PARTS,
    STDF_FILES,
    STDF_WAFERS,
    TEST_VALUES,
    TESTS,
)

log = logging.getLogger(__name__)

KINDS: dict[str, tuple[Table, tuple[str, ...]]] = {
    "stdf_wafers": (STDF_WAFERS, ()),
    "parts": (PARTS, ("PRR",)),
    "tests": (TESTS, ()),
    "test_values": (TEST_VALUES, ("PTR",)),
    "functional_values": (FUNCTIONAL_VALUES, ("FTR",)),
    "multi_values": (MULTI_VALUES, ("MPR",)),
    "bin_counts": (BIN_COUNTS, ("HBR", "SBR")),
}


def staged(run: Run) -> Stage:
    """The run's batch of new files, decoded; one left by a run that was killed is used again.

    Used again as it is: some of its rows may be published, so it must stay the same files.
    """
    stages = f"{run.settings.lake}/_stage"
    stage = Stage(run.spark, f"{stages}/{run.attempt.batch}")
    if stage.is_complete():
        log.info("going on with the files that were decoded before the last stop")
        return stage
    fenced(run.settings.lake)
    remove_folder(stages)
    found = _found(run)
    ingest = run.settings.ingest
    tables = {kind: table for kind, (table, _) in KINDS.items()}
    stage.decode(found, run.settings.landing, ingest.operator_key, tables)
    return stage


def waiting(run: Run) -> list[LandingFile]:
    """The settled files that no run has looked at yet."""
    ready = settled(
        listed(run.settings.landing), datetime.now(UTC), run.settings.ingest.settle_seconds
    )
    if not ready:
        return []
    names = ["path", "size_bytes", "modified_at"]
    looked_at = run.read(STDF_FILES).where(F.col("status") != UNREADABLE).select(*names)
    listing = run.spark.createDataFrame([file.seen for file in ready], _types(names))
    unseen = {row["path"] for row in listing.join(looked_at, names, how="left_anti").collect()}
    return [file for file in ready if file.path in unseen]


def batches(run: Run, stage: Stage, files: DataFrame) -> list[Batch]:
    """What the bronze tables get of `stage`, the manifest last: it says that the rest is there."""
    duplicates = [r["file_key"] for r in files.where("status = 'duplicate'").collect()]
    kinds = [_batch(run, stage, kind, duplicates) for kind in KINDS]
    counted = [name for _, records in KINDS.values() for name in records]
    elsewhere = F.coalesce(~F.col("record_name").isin(*counted), F.lit(True))
    rest = _as_text(stage.refused().where(elsewhere))
    tagged = files.withColumn("fab_id", F.lit(run.fab_id))
    return [*kinds, Batch(STDF_FILES, tagged, refused=rest)]


def is_begun(run: Run) -> bool:
    """Whether any row of the run's batch is published."""
    tables = [table for table, _ in KINDS.values()]
    mine = F.col(BATCH) == run.attempt.batch
    return any(not run.read(table).where(mine).isEmpty() for table in tables)


def check_files(run: Run, files: DataFrame) -> None:
    """Alert to what is wrong with single files, and to an empty night.

    Raises DataQualityError where conf's policy for it is `fail`.
    """
    ingest = run.settings.ingest
    rows = files.select("path", "status", "reason").orderBy("path").collect()
    for row in rows:
        if row["status"] not in ("complete", "duplicate"):
            run.notify(STDF_FILES, f"{row['path']} is {row['status']}: {row['reason']}", "the file")
    empty = [row["path"] for row in rows if row["status"] == "empty"]
    if empty and ingest.empty_file == "fail":
        raise DataQualityError(f"nothing published: empty files: {', '.join(empty)}")
    if not rows:
        run.notify(
            STDF_FILES, "no new STDF file tonight", "the testers' delivery to the landing zone"
        )
        if ingest.empty_night == "fail":
            raise DataQualityError("nothing published: no new STDF file tonight")


def _found(run: Run) -> DataFrame:
    new = waiting(run)
    newest = run.read(STDF_FILES).agg(F.coalesce(F.max("file_key"), F.lit(0)).alias("newest"))
    first = newest.collect()[0]["newest"] + 1
    night_on = run.attempt.started_at.date()
    rows = [(first + turn, *file.seen, night_on) for turn, file in enumerate(new)]
    log.info("%d new files, %s bytes", len(new), f"{sum(file.size_bytes for file in new):,}")
    return run.spark.createDataFrame(rows, FOUND)


def _types(names: Sequence[str]) -> str:
    return ", ".join(f"{name} {STDF_FILES.columns[name].type}" for name in names)


def _batch(run: Run, stage: Stage, kind: str, duplicates: Sequence[int]) -> Batch:
    table, records = KINDS[kind]
    rows = stage.read(kind, table)
    if kind == "stdf_wafers":
        rows = rows.withColumn("fab_id", F.lit(run.fab_id))
    again = F.col("file_key").isin(list(duplicates))
    twice = rows.where(again).count() if duplicates else 0
    fresh = rows.where(~again) if duplicates else rows
    if not records:
        return Batch(table, fresh, duplicates=twice, staged=True)
    lost = stage.refused().where(F.col("record_name").isin(*records))
    counts = [F.coalesce(F.element_at("record_counts", name), F.lit(0)) for name in records]
    total = F.coalesce(F.sum(sum(counts[1:], counts[0])), F.lit(0)).alias("total")
    source = stage.files().agg(total).collect()[0]["total"]
    return Batch(table, fresh, int(source), twice, _as_text(lost), staged=True)


def _as_text(refused: DataFrame) -> DataFrame:
    return refused.withColumnRenamed("record_name", "row")
