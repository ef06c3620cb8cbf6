"""From the landing zone to the rows of the bronze tables."""

import logging
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from functools import reduce
from typing import NamedTuple, Self

from pyarrow import compute as pc
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from fabyield.errors import DataQualityError, FabYieldError
from fabyield.lake import storage as folders
from fabyield.lake.catalog import (
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
from fabyield.lake.few_rows import few_rows
from fabyield.lake.locks.lease import check_lease
from fabyield.lake.table import BATCH, Table
from fabyield.pipeline.night_modes import Kind, NightMode
from fabyield.pipeline.run import Run
from fabyield.quality.batch import Batch
from fabyield.readers.landing import LandingFile, listed, settled
from fabyield.readers.stdf.stage import FOUND, UNREADABLE, Stage
from fabyield.transforms.shared.key_ranges import in_keys

log = logging.getLogger(__name__)

STAGES = "_stage"
SEEN = ["path", "size_bytes", "modified_at"]
KINDS: dict[str, tuple[Table, tuple[str, ...]]] = {
    "stdf_wafers": (STDF_WAFERS, ()),
    "parts": (PARTS, ("PRR",)),
    "tests": (TESTS, ()),
    "test_values": (TEST_VALUES, ("PTR",)),
    "functional_values": (FUNCTIONAL_VALUES, ("FTR",)),
    "multi_values": (MULTI_VALUES, ("MPR",)),
    "bin_counts": (BIN_COUNTS, ("HBR", "SBR")),
}


class Found(NamedTuple):
    """A file that a night is to read; see readers.stdf.stage.FOUND."""

    file_key: int
    path: str
    size_bytes: int
    modified_at: datetime
    night_on: date

    @property
    def seen(self) -> tuple[str, int, datetime]:
        """What tells a file that was looked at before from one that was not."""
        return self.path, self.size_bytes, self.modified_at


class LookedAt(NamedTuple):
    """A file that was decoded, and its status."""

    file_key: int
    path: str
    status: str
    reason: str | None


def looked_at(files: DataFrame) -> list[LookedAt]:
    """The status of each of `files`, by path."""
    rows = files.select(*LookedAt._fields).orderBy("path").collect()
    return [LookedAt(*row) for row in rows]


def staged(run: Run) -> Stage | None:
    """The run's batch of new files, decoded; None where there are none.

    One left by a run that was killed is used again as it is: some of its rows may be published, so
    it must stay the same files. Raises FabYieldError where they are, and it is gone.
    """
    stage = Stage(run.spark, f"{stages(run)}/{run.attempt.batch}")
    if stage.is_complete():
        log.info("resuming with the files that were decoded before the last stop")
        return stage
    if is_begun(run):
        # Decoded anew, files would get other keys than those that are published.
        raise FabYieldError(
            f"{stage.folder}: the decoded files of batch {run.attempt.batch} are gone, but some of "
            "their rows are published: restore the folder or, where no other fab has written "
            "since, bronze tables to the batch before"
        )
    check_lease(run.settings.lake)
    folders.remove_folder(stages(run))
    if not (found := _found(run)):
        return None
    ingest = run.settings.ingest
    tables = {kind: table for kind, (table, _) in KINDS.items()}
    files = few_rows(run.spark, [file._asdict() for file in found], FOUND)
    stage.decode(files, run.settings.landing, ingest.operator_key, tables)
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
    oldest = min(file.modified_at for file in ready)
    is_looked_at = (pc.field("status") != UNREADABLE) & (pc.field("modified_at") >= oldest)
    known = run.rows(STDF_FILES, SEEN, is_looked_at)
    seen = {tuple(row[name] for name in SEEN) for row in known}
    return [file for file in ready if file.seen not in seen]


def batches(run: Run, stage: Stage, files: DataFrame, decoded: Sequence[LookedAt]) -> list[Batch]:
    """What the bronze tables get of `stage`, the manifest last: it says that the rest is there."""
    duplicates = [file.file_key for file in decoded if file.status == "duplicate"]
    again = read_again(run, decoded)
    found = Records.of(stage)
    kinds = [replace(_batch(run, stage, k, duplicates, found), files=again) for k in KINDS]
    counted = {name for _, records in KINDS.values() for name in records}
    rest = found.refused(found.lost - counted)
    tagged = files.withColumn("fab_id", F.lit(run.fab_id))
    return [*kinds, Batch(STDF_FILES, tagged, refused=rest, files=again)]


@dataclass(frozen=True)
class Records:
    """How many records of each name the files of a stage have, and of which some are lost."""

    stage: Stage
    records: dict[str, int]
    lost: set[str | None]

    @classmethod
    def of(cls, stage: Stage) -> Self:
        """Count them, once for all kinds of rows."""
        records: Counter[str] = Counter()
        for file in stage.manifest("record_counts"):
            records.update(file["record_counts"] or {})
        if not stage.has_refused():
            return cls(stage, records, set())
        lost = stage.refused().select("record_name").distinct().collect()
        return cls(stage, records, {row["record_name"] for row in lost})

    def refused(self, names: Collection[str | None]) -> DataFrame | None:
        """The records of `names` (None: stretches that are none) that could not be read, if any."""
        rows = self.stage.refused().withColumnRenamed("record_name", "row")
        wanted = [F.col("row").eqNullSafe(F.lit(name)) for name in self.lost if name in names]
        return rows.where(reduce(Column.__or__, wanted)) if wanted else None


def read_again(run: Run, files: Sequence[LookedAt]) -> list[int] | None:
    """The keys of `files` where they were read before; None where they are new."""
    if run.mode.kind is Kind.NIGHT:
        return None
    return sorted(file.file_key for file in files)


def is_begun(run: Run) -> bool:
    """Whether any row of the run's batch is published."""
    mine = pc.field(BATCH) == run.attempt.batch
    return any(run.store.has_rows(table, mine) for table, _ in KINDS.values())


def check_files(run: Run, files: Sequence[LookedAt]) -> None:
    """Alert to what is wrong with single files, and to an empty night.

    Raises DataQualityError where conf's policy for it is `fail`, and where files that are read
    again cannot be read: they would lose the rows that they have.
    """
    ingest = run.settings.ingest
    for file in files:
        if file.status not in ("complete", "duplicate"):
            run.notify(STDF_FILES, f"{file.path} is {file.status}: {file.reason}", "the file")
    empty = [file.path for file in files if file.status == "empty"]
    if empty and ingest.empty_file == "fail":
        raise DataQualityError(f"nothing published: empty files: {', '.join(empty)}")
    unreadable = [file.path for file in files if file.status == UNREADABLE]
    if unreadable and run.mode.kind is not Kind.NIGHT:
        raise DataQualityError(
            f"nothing published: files that were read before cannot be read now: "
            f"{', '.join(unreadable)}; ask for it again when they can"
        )
    if not files and run.mode.kind is Kind.NIGHT:
        run.notify(
            STDF_FILES, "no new STDF file tonight", "the testers' delivery to the landing zone"
        )
        if ingest.empty_night == "fail":
            raise DataQualityError("nothing published: no new STDF file tonight")


def _found(run: Run) -> list[Found]:
    found = _arrived(run) if run.mode.kind is Kind.NIGHT else _again(run)
    size = sum(file.size_bytes for file in found)
    log.info("%d files to read, %s bytes", len(found), f"{size:,}")
    return found


def _arrived(run: Run) -> list[Found]:
    """New files, under keys of their own."""
    # Of two versions of a session the later one counts, in one night as in two.
    arrived = sorted(waiting(run), key=lambda file: (file.modified_at, file.path))
    if not arrived:
        return []
    first, night_on = _newest_key(run) + 1, run.attempt.started_at.date()
    return [Found(first + turn, *file.seen, night_on) for turn, file in enumerate(arrived)]


def _newest_key(run: Run) -> int:
    """The greatest key of a file of any fab, published or only decoded so far."""
    root = f"{run.settings.lake}/{STAGES}"
    fabs = [f"{root}/{fab}" for fab in folders.listed(root)]
    left = [Stage(run.spark, f"{fab}/{batch}") for fab in fabs for batch in folders.listed(fab)]
    decoded = [stage.manifest("file_key") for stage in left if stage.is_complete()]
    keys = [row["file_key"] for files in decoded for row in files]
    # The manifest is published last.
    for table in (STDF_FILES, STDF_WAFERS):
        keys.append(pc.max(run.store.arrow(table, ["file_key"])["file_key"]).as_py() or 0)
    return int(max(keys))


def _again(run: Run) -> list[Found]:
    """Files that the night is to read again, under the keys that they have."""
    chosen = chosen_again(run.mode, run.read(STDF_FILES), run.read(QUARANTINE))
    rows = [Found(*row) for row in chosen.select(*Found._fields).collect()]
    # Times that Spark hands out are of the machine's zone, but do not say so.
    known = [file._replace(modified_at=file.modified_at.astimezone(UTC)) for file in rows]
    there = {file.seen for file in listed(run.settings.landing)}
    found = [file for file in known if file.seen in there]
    if gone := len(known) - len(found):
        run.notify(
            STDF_FILES,
            f"{gone} files are no longer as they were in the landing zone: their rows stay",
            "the archive of the landing zone; put the files back where they were",
        )
    return found


def chosen_again(mode: NightMode, stdf_files: DataFrame, quarantine: DataFrame) -> DataFrame:
    """The rows of `stdf_files` that a backfill or a replay reads again."""
    # Every night tries an unreadable one.
    files = stdf_files.where(F.col("status") != UNREADABLE)
    if mode.kind is Kind.BACKFILL:
        return files.where(F.col("night_on") == F.lit(mode.night_on))
    waiting = quarantine.where("replayed_in is null").select("file_key").distinct()
    return files.join(waiting, "file_key", how="left_semi")


def _batch(run: Run, stage: Stage, kind: str, duplicates: Sequence[int], found: Records) -> Batch:
    table, records = KINDS[kind]
    rows = stage.read(kind, table)
    if kind == "stdf_wafers":
        rows = rows.withColumn("fab_id", F.lit(run.fab_id))
    again = in_keys("file_key", duplicates)
    twice = rows.where(again).count() if duplicates else 0
    fresh = rows.where(f"not {again}") if duplicates else rows
    if not records:
        return Batch(table, fresh, duplicates=twice, held=False)
    source = sum(found.records.get(name, 0) for name in records)
    return Batch(table, fresh, source, twice, found.refused(records), held=False)
