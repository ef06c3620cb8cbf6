"""Read the test files of the landing zone into the rows of the bronze tables."""

import logging
from collections import Counter
from collections.abc import Collection, Sequence
from datetime import UTC, date, datetime
from functools import reduce
from typing import NamedTuple

from pyarrow import compute as pc
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from fabyield.errors import FabYieldError
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
from fabyield.pipeline.night_modes import Kind
from fabyield.pipeline.run import Run
from fabyield.quality.batch import Batch
from fabyield.readers.landing import LandingFile, listed, settled
from fabyield.readers.stdf.rows import FileRules
from fabyield.readers.stdf.stage import FOUND, UNREADABLE, Stage
from fabyield.stdf.tools.name_rules import Naming
from fabyield.transforms.shared.key_ranges import in_keys

log = logging.getLogger(__name__)

STAGES = "_stage"
SEEN = ["path", "size_bytes", "modified_at"]
# The kinds of rows, each with its table and the records that it counts.
KINDS: dict[str, tuple[Table, tuple[str, ...]]] = {
    "stdf_wafers": (STDF_WAFERS, ()),
    "parts": (PARTS, ("PRR",)),
    "tests": (TESTS, ()),
    "test_values": (TEST_VALUES, ("PTR",)),
    "functional_values": (FUNCTIONAL_VALUES, ("FTR",)),
    "multi_values": (MULTI_VALUES, ("MPR",)),
    "bin_counts": (BIN_COUNTS, ("HBR", "SBR")),
}


class FileToRead(NamedTuple):
    """A file that a night is to read, with the columns of readers.stdf.stage.FOUND."""

    file_key: int
    path: str
    size_bytes: int
    modified_at: datetime
    night_on: date


class DecodedFile(NamedTuple):
    """A file that was decoded, and its status."""

    file_key: int
    path: str
    status: str
    reason: str | None
    contradictions: list[str] | None = None


def decoded_files(files: DataFrame) -> list[DecodedFile]:
    """Return the status of each of `files`, by path."""
    rows = files.select(*DecodedFile._fields).orderBy("path").collect()
    return [DecodedFile(*row) for row in rows]


def decode_files(run: Run) -> Stage | None:
    """Decode the run's new files into a stage; return None if there are none."""
    # The stage of a run that was killed is used again, as some of its rows may be published.
    stage = Stage(run.spark, f"{stages_folder(run)}/{run.attempt.batch}")
    if stage.is_complete():
        log.info("resuming with the files that were decoded before the last stop")
        return stage
    if is_partly_published(run):
        # Decoded again, files would get other keys than those that are published.
        raise FabYieldError(
            f"{stage.folder}: the decoded files of batch {run.attempt.batch} are gone, but some of "
            "their rows are published: restore the folder or, where no other fab has written "
            "since, bronze tables to the batch before"
        )
    check_lease(run.settings.lake)
    folders.remove_folder(stages_folder(run))
    found = _new_files(run) if run.mode.kind is Kind.NIGHT else _known_files(run)
    size = sum(file.size_bytes for file in found)
    log.info("%d files to read, %s bytes", len(found), f"{size:,}")
    if not found:
        return None
    tables = {kind: table for kind, (table, _) in KINDS.items()}
    files = few_rows(run.spark, [file._asdict() for file in found], FOUND)
    stage.decode(files, run.settings.landing, _file_rules(run), tables)
    return stage


def _file_rules(run: Run) -> FileRules:
    fab = run.settings.fab
    insertions = fab.insertion_rules, fab.default_insertion
    naming = Naming(fab.wafer_id_rules, *insertions, fab.lot_id_rules)
    return FileRules(run.settings.ingest.operator_key, naming, run.part_rules)


def stages_folder(run: Run) -> str:
    """Return the folder of the fab's stages, which is removed when a night starts and ends."""
    return f"{run.settings.lake}/{STAGES}/{run.fab_id}"


def new_files(run: Run) -> list[LandingFile]:
    """Return the settled files that no run has decoded yet."""
    found = listed(
        run.settings.landing, lambda text: run.notify(STDF_FILES, text, "the landing zone")
    )
    ready = settled(found, datetime.now(UTC), run.settings.ingest.settle_seconds)
    if not ready:
        return []
    oldest = min(file.modified_at for file in ready)
    is_decoded = (pc.field("status") != UNREADABLE) & (pc.field("modified_at") >= oldest)
    known = {tuple(row[name] for name in SEEN) for row in run.rows(STDF_FILES, SEEN, is_decoded)}
    return [file for file in ready if file.seen not in known]


def bronze_batches(
    run: Run, stage: Stage, files: DataFrame, decoded: Sequence[DecodedFile]
) -> list[Batch]:
    """Return the rows of `stage` for the bronze tables, the manifest last: it completes them."""
    reread = reread_keys(run, decoded)
    counts: Counter[str] = Counter()
    for file in stage.manifest("record_counts"):
        counts.update(file["record_counts"] or {})
    lost: set[str | None] = set()
    if stage.has_refused():
        names = stage.refused().select("record_name").distinct().collect()
        lost = {row["record_name"] for row in names}
    duplicates = [file.file_key for file in decoded if file.status == "duplicate"]
    is_duplicate = in_keys("file_key", duplicates)
    batches = []
    for kind, (table, records) in KINDS.items():
        rows = stage.read(kind, table)
        if table is STDF_WAFERS:
            rows = rows.withColumn("fab_id", F.lit(run.fab_id))
        twice = rows.where(is_duplicate).count() if duplicates else 0
        rows = rows.where(f"not {is_duplicate}") if duplicates else rows
        source = sum(counts[name] for name in records) if records else None
        refused = _refused(stage, lost.intersection(records))
        batch = Batch(table, rows, source, twice, refused, files=reread, cached=False)
        batches.append(batch)
    counted = {name for _, records in KINDS.values() for name in records}
    tagged = files.withColumn("fab_id", F.lit(run.fab_id))
    manifest = Batch(STDF_FILES, tagged, refused=_refused(stage, lost - counted), files=reread)
    return [*batches, manifest]


def _refused(stage: Stage, names: Collection[str | None]) -> DataFrame | None:
    """Return the unreadable records with one of `names`, None for bytes that are no record."""
    rows = stage.refused().withColumnRenamed("record_name", "row")
    wanted = [F.col("row").eqNullSafe(F.lit(name)) for name in names]
    return rows.where(reduce(Column.__or__, wanted)) if wanted else None


def reread_keys(run: Run, files: Sequence[DecodedFile]) -> list[int] | None:
    """Return the keys of `files` if they were read before; None if they are new."""
    is_night = run.mode.kind is Kind.NIGHT
    return None if is_night else sorted(file.file_key for file in files)


def is_partly_published(run: Run) -> bool:
    """Return whether any row of the run's batch is published."""
    mine = pc.field(BATCH) == run.attempt.batch
    return any(run.store.has_rows(table, mine) for table, _ in KINDS.values())


def _new_files(run: Run) -> list[FileToRead]:
    """Return the new files with new keys, in order of time: the later version of a session wins."""
    arrived = sorted(new_files(run), key=lambda file: (file.modified_at, file.path))
    if not arrived:
        return []
    first, night_on = _newest_key(run) + 1, run.attempt.started_at.date()
    return [FileToRead(key, *file.seen, night_on) for key, file in enumerate(arrived, first)]


def _newest_key(run: Run) -> int:
    """Return the greatest key of a file of any fab, published or only decoded so far."""
    root = f"{run.settings.lake}/{STAGES}"
    fabs = [f"{root}/{fab}" for fab in folders.listed(root)]
    left = [Stage(run.spark, f"{fab}/{batch}") for fab in fabs for batch in folders.listed(fab)]
    decoded = [stage.manifest("file_key") for stage in left if stage.is_complete()]
    keys = [row["file_key"] for files in decoded for row in files]
    # The manifest is published last.
    for table in (STDF_FILES, STDF_WAFERS):
        keys.append(pc.max(run.store.arrow(table, ["file_key"])["file_key"]).as_py() or 0)
    return int(max(keys))


def _known_files(run: Run) -> list[FileToRead]:
    """Return the files that a backfill or a replay reads again, with the keys that they have."""
    # An unreadable file is tried every night.
    files = run.read(STDF_FILES).where(F.col("status") != UNREADABLE)
    if run.mode.kind is Kind.BACKFILL:
        files = files.where(F.col("night_on") == F.lit(run.mode.night_on))
    else:
        waiting = run.read(QUARANTINE).where("replayed_in is null").select("file_key").distinct()
        files = files.join(waiting, "file_key", how="left_semi")
    rows = [FileToRead(*row) for row in files.select(*FileToRead._fields).collect()]
    # Spark returns times in the machine's zone, but without the zone.
    known = [file._replace(modified_at=file.modified_at.astimezone(UTC)) for file in rows]
    there = {file.seen for file in listed(run.settings.landing)}
    found = [file for file in known if (file.path, file.size_bytes, file.modified_at) in there]
    if gone := len(known) - len(found):
        run.notify(
            STDF_FILES,
            f"{gone} files have changed or left the landing zone: their rows stay",
            "the archive of the landing zone; put the files back where they were",
        )
    return found
