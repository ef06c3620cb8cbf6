"""From the landing zone to the rows of the bronze tables."""

import logging
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import reduce
from typing import Self

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from fabyield import files as folders
from fabyield.batch import Batch
from fabyield.errors import DataQualityError, FabYieldError
from fabyield.lease import fenced
from fabyield.purpose import Kind, Purpose
from fabyield.readers.landing import LandingFile, listed, settled
from fabyield.readers.stdf_stage import FOUND, UNREADABLE, Stage
from fabyield.run import Run
from fabyield.table import BATCH, Table
from fabyield.tables import (
    BIN_COUNTS,
    FUNCTIONAL_VALUES,
    MULTI_VALUES,
    PARTS,
    QUARANTINE,
    STDF_FILES,
    STDF_WAFERS,
    TEST_VALUES,
    TESTS,
)
from fabyield.transforms.pruning import among

log = logging.getLogger(__name__)

STAGES = "_stage"
SEEN = ["path", "size_bytes", "modified_at"]
FOUND_NAMES = ["file_key", *SEEN, "night_on"]
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
    Raises FabYieldError where they are, and it is gone.
    """
    stage = Stage(run.spark, f"{stages(run)}/{run.attempt.batch}")
    if stage.is_complete():
        log.info("going on with the files that were decoded before the last stop")
        return stage
    if is_begun(run):
        # Decoded anew, files would get other keys than those that are published.
        raise FabYieldError(
            f"{stage.folder}: the decoded files of batch {run.attempt.batch} are gone, but some of "
            "their rows are published: restore the folder or, where no other fab has written "
            "since, bronze tables to the batch before"
        )
    fenced(run.settings.lake)
    folders.remove_folder(stages(run))
    found = _found(run)
    ingest = run.settings.ingest
    tables = {kind: table for kind, (table, _) in KINDS.items()}
    stage.decode(found, run.settings.landing, ingest.operator_key, tables)
    return stage


def stages(run: Run) -> str:
    """The folder of the fab's stages; a night that ends or begins leaves none of earlier ones."""
    return f"{run.settings.lake}/{STAGES}/{run.fab_id}"


def waiting(run: Run) -> list[LandingFile]:
    """The settled files that no run has looked at yet."""
    ready = settled(
        listed(run.settings.landing), datetime.now(UTC), run.settings.ingest.settle_seconds
    )
    if not ready:
        return []
    looked_at = run.read(STDF_FILES).where(F.col("status") != UNREADABLE).select(*SEEN)
    listing = run.spark.createDataFrame([file.seen for file in ready], _types(SEEN))
    unseen = {row["path"] for row in listing.join(looked_at, SEEN, how="left_anti").collect()}
    return [file for file in ready if file.path in unseen]


def batches(run: Run, stage: Stage, files: DataFrame) -> list[Batch]:
    """What the bronze tables get of `stage`, the manifest last: it says that the rest is there."""
    duplicates = [r["file_key"] for r in files.where("status = 'duplicate'").collect()]
    again = read_again(run, files)
    found = Found.of(stage)
    kinds = [replace(_batch(run, stage, k, duplicates, found), files=again) for k in KINDS]
    counted = {name for _, records in KINDS.values() for name in records}
    rest = found.refused(found.lost - counted)
    tagged = files.withColumn("fab_id", F.lit(run.fab_id))
    return [*kinds, Batch(STDF_FILES, tagged, refused=rest, files=again)]


@dataclass(frozen=True)
class Found:
    """How many records of each name the files of a stage have, and of which some are lost."""

    stage: Stage
    records: dict[str, int]
    lost: set[str | None]

    @classmethod
    def of(cls, stage: Stage) -> Self:
        """Count them, once for all kinds of rows."""
        each = stage.files().select(F.explode("record_counts").alias("name", "records"))
        records = each.groupBy("name").agg(F.sum("records").alias("records")).collect()
        lost = stage.refused().select("record_name").distinct().collect()
        return cls(stage, {row[0]: row[1] for row in records}, {row[0] for row in lost})

    def refused(self, names: Collection[str | None]) -> DataFrame | None:
        """The records of `names` (None: stretches that are none) that could not be read, if any."""
        rows = self.stage.refused().withColumnRenamed("record_name", "row")
        wanted = [F.col("row").eqNullSafe(F.lit(name)) for name in self.lost if name in names]
        return rows.where(reduce(Column.__or__, wanted)) if wanted else None


def read_again(run: Run, files: DataFrame) -> list[int] | None:
    """The keys of `files` where they were read before; None where they are new."""
    if run.purpose.kind is Kind.NIGHT:
        return None
    return sorted(row["file_key"] for row in files.select("file_key").collect())


def is_begun(run: Run) -> bool:
    """Whether any row of the run's batch is published."""
    tables = [table for table, _ in KINDS.values()]
    mine = F.col(BATCH) == run.attempt.batch
    return any(not run.read(table).where(mine).isEmpty() for table in tables)


def check_files(run: Run, files: DataFrame) -> None:
    """Alert to what is wrong with single files, and to an empty night.

    Raises DataQualityError where conf's policy for it is `fail`, and where files that are read
    again cannot be read: they would lose the rows that they have.
    """
    ingest = run.settings.ingest
    rows = files.select("path", "status", "reason").orderBy("path").collect()
    for row in rows:
        if row["status"] not in ("complete", "duplicate"):
            run.notify(STDF_FILES, f"{row['path']} is {row['status']}: {row['reason']}", "the file")
    empty = [row["path"] for row in rows if row["status"] == "empty"]
    if empty and ingest.empty_file == "fail":
        raise DataQualityError(f"nothing published: empty files: {', '.join(empty)}")
    unreadable = [row["path"] for row in rows if row["status"] == UNREADABLE]
    if unreadable and run.purpose.kind is not Kind.NIGHT:
        raise DataQualityError(
            f"nothing published: files that were read before cannot be read now: "
            f"{', '.join(unreadable)}; ask for it again when they can"
        )
    if not rows and run.purpose.kind is Kind.NIGHT:
        run.notify(
            STDF_FILES, "no new STDF file tonight", "the testers' delivery to the landing zone"
        )
        if ingest.empty_night == "fail":
            raise DataQualityError("nothing published: no new STDF file tonight")


def _found(run: Run) -> DataFrame:
    found = _arrived(run) if run.purpose.kind is Kind.NIGHT else _again(run)
    sizes = [row["size_bytes"] for row in found.select("size_bytes").collect()]
    log.info("%d files to read, %s bytes", len(sizes), f"{sum(sizes):,}")
    return found


def _arrived(run: Run) -> DataFrame:
    """New files, under keys of their own."""
    first = _newest_key(run) + 1
    night_on = run.attempt.started_at.date()
    # Of two versions of a session the later one counts, in one night as in two.
    arrived = sorted(waiting(run), key=lambda file: (file.modified_at, file.path))
    rows = [(first + turn, *file.seen, night_on) for turn, file in enumerate(arrived)]
    return run.spark.createDataFrame(rows, FOUND)


def _newest_key(run: Run) -> int:
    """The greatest key of a file of any fab, published or only decoded so far."""
    root = f"{run.settings.lake}/{STAGES}"
    fabs = [f"{root}/{fab}" for fab in folders.listed(root)]
    left = [Stage(run.spark, f"{fab}/{batch}") for fab in fabs for batch in folders.listed(fab)]
    decoded = [stage.files() for stage in left if stage.is_complete()]
    # The manifest is published last.
    known = [*map(run.read_all_fabs, (STDF_FILES, STDF_WAFERS)), *decoded]
    keys = reduce(DataFrame.union, [files.select("file_key") for files in known])
    return int(keys.agg(F.coalesce(F.max("file_key"), F.lit(0))).collect()[0][0])


def _again(run: Run) -> DataFrame:
    """Files that the night is to read again, under the keys that they have."""
    chosen = chosen_again(run.purpose, run.read(STDF_FILES), run.read(QUARANTINE))
    chosen = chosen.select(*FOUND_NAMES).localCheckpoint()
    there = [file.seen for file in listed(run.settings.landing)]
    listing = run.spark.createDataFrame(there, _types(SEEN))
    found = chosen.join(listing, SEEN, how="left_semi").localCheckpoint()
    if gone := chosen.count() - found.count():
        run.notify(
            STDF_FILES,
            f"{gone} files are no longer as they were in the landing zone: their rows stay",
            "the archive of the landing zone; put the files back where they were",
        )
    return found


def chosen_again(purpose: Purpose, stdf_files: DataFrame, quarantine: DataFrame) -> DataFrame:
    """The rows of `stdf_files` that a backfill or a replay reads again."""
    # Every night tries an unreadable one.
    files = stdf_files.where(F.col("status") != UNREADABLE)
    if purpose.kind is Kind.BACKFILL:
        return files.where(F.col("night_on") == F.lit(purpose.night_on))
    waiting = quarantine.where("replayed_in is null").select("file_key").distinct()
    return files.join(waiting, "file_key", how="left_semi")


def _types(names: Sequence[str]) -> str:
    return ", ".join(f"{name} {STDF_FILES.columns[name].type}" for name in names)


def _batch(run: Run, stage: Stage, kind: str, duplicates: Sequence[int], found: Found) -> Batch:
    table, records = KINDS[kind]
    rows = stage.read(kind, table)
    if kind == "stdf_wafers":
        rows = rows.withColumn("fab_id", F.lit(run.fab_id))
    again = among("file_key", duplicates)
    twice = rows.where(again).count() if duplicates else 0
    fresh = rows.where(f"not {again}") if duplicates else rows
    if not records:
        return Batch(table, fresh, duplicates=twice, staged=True)
    source = sum(found.records.get(name, 0) for name in records)
    return Batch(table, fresh, source, twice, found.refused(records), staged=True)
