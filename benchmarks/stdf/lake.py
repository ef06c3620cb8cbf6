"""From STDF files to committed Delta tables, by the way that the nightly job takes."""

import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from benchmarks.harness.clock import MEGA, timed
from benchmarks.harness.process import NotRunError, Row
from benchmarks.harness.tables import progress
from benchmarks.stdf.content import SITES, TESTS, TOUCHDOWNS, content
from fabyield.lake.catalog import STDF_FILES, TEST_VALUES
from fabyield.lake.store import Store
from fabyield.pipeline import spark as sessions
from fabyield.pipeline.ingest.stdf_files import bronze_batches, decode_files, decoded_files
from fabyield.pipeline.run import Run
from fabyield.pipeline.run_history import Attempt
from fabyield.readers.stdf.stage import Stage
from fabyield.settings.settings import Settings
from fabyield.transforms.bronze.stdf_files import stdf_files
from jobs.stdf_files import job

MASTER = "local[2]"
RUNS = 3
T = TypeVar("T")


@dataclass(frozen=True)
class Files:
    """The files of a landing zone."""

    landing: Path
    megabytes: float
    rows: int

    @classmethod
    def written(cls, folder: Path, count: int, size: int) -> "Files":
        """Write them, each of a lot of its own: the job leaves out what it has seen."""
        (folder / "stdf").mkdir(parents=True)
        total = rows = 0
        for seed in range(1, count + 1):
            path, made = folder / "stdf" / f"{seed:03}.stdf", content("long", seed, 1)
            made.write(path, size)
            total += path.stat().st_size
            outside = len(made.head) + len(made.tail)
            stretches = (path.stat().st_size - outside) // len(made.stretches[0])
            rows += stretches * TOUCHDOWNS * SITES * TESTS
        return cls(folder, total / MEGA, rows)


def run(given: Row) -> Row:
    """Write the files, then take them in a few times."""
    folder = Path(given["folder"])
    files = Files.written(folder / "landing", given["count"], given["size"])
    settings = Settings.load("dev", landing=str(files.landing), log=str(folder / "log"))
    settings = replace(settings, spark=settings.spark | {"spark.master": MASTER})
    # A file that has just changed is still being written, to the job.
    time.sleep(settings.ingest.settle_seconds)
    spark = sessions.session(settings, "benchmark")
    runs = [_run(spark, settings, folder, files) for _ in range(RUNS)]
    told = {"master": MASTER, "files": given["count"], "mb": files.megabytes, "rows": files.rows}
    return {**told, "runs": runs}


def _run(spark: SparkSession, settings: Settings, folder: Path, files: Files) -> dict[str, float]:
    first = _new_run(spark, settings, folder / "one")
    stage, decode = _seconds(lambda: decode_files(first))
    _, publish = _seconds(lambda: _publish_values(first, stage))
    whole = _new_run(spark, settings, folder / "all")
    _, every = _seconds(lambda: job(whole))
    for run in (first, whole):
        _check(run, files)
    taken = {"decode": decode, "to_test_values": decode + publish, "job": every}
    progress(", ".join(f"{name} {seconds:.1f} s" for name, seconds in taken.items()))
    return taken


def _new_run(spark: SparkSession, settings: Settings, lake: Path) -> Run:
    shutil.rmtree(lake, ignore_errors=True)
    return Run(Store(spark, str(lake)), replace(settings, lake=str(lake)), Attempt(1, "stdf_files"))


def _publish_values(run: Run, stage: Stage) -> None:
    files = stdf_files(stage.files(), run.read(STDF_FILES))
    batches = bronze_batches(run, stage, files, decoded_files(files))
    run.publish([batch for batch in batches if batch.table == TEST_VALUES])


def _check(run: Run, files: Files) -> None:
    rows = run.read(TEST_VALUES).agg(F.count("*"), F.count_distinct("file_key")).collect()[0]
    if rows[0] != files.rows:
        held = f"{rows[0]:,} rows of {rows[1]} files in the table"
        raise NotRunError(f"{held}, {files.rows:,} in the files")


def _seconds(work: Callable[[], T]) -> tuple[T, float]:
    found, taken = timed(work)
    return found, float(taken["seconds"])
