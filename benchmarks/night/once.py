"""A whole night by the real jobs, in the process that it has to itself."""

import shutil
from collections import deque
from dataclasses import replace
from pathlib import Path
from typing import Any

from pyspark.sql import SparkSession

from benchmarks.harness.clock import MEGA, timed
from benchmarks.night import events
from fabyield import stdf
from fabyield.lake.catalog import RUNS, WAFER_YIELD
from fabyield.lake.locks.single_writer import as_single_writer
from fabyield.lake.query import LAYERS
from fabyield.lake.store import Store
from fabyield.pipeline import spark as sessions
from fabyield.pipeline.logs import logging_to
from fabyield.pipeline.night import nightly
from fabyield.pipeline.run_history import ENDED, NIGHT
from fabyield.pipeline.steps import steps
from fabyield.settings.settings import Settings

DECODE = "decode alone"
# As benchmarks.night.peer sums them up; its own environment lacks what ours has, and ours it.
SUMMED = ("tested_die", "first_pass_die", "good_die", "recovered_die")


def run(given: dict[str, Any]) -> dict[str, Any]:
    """Run the night over the folders given, or only decode the files of its landing zone."""
    root = Path(given["root"])
    return _decoded(root) if given["name"] == DECODE else _night(root, given.get("at_a_time"))


def _decoded(root: Path) -> dict[str, Any]:
    files = sorted((root / "landing" / "stdf").glob("*.stdf.gz"))
    for_each = (batch for path in files for batch in stdf.batches(path))
    # Loading and compiling are not counted, as they are not worth telling of a long night.
    deque(stdf.batches(files[0]), maxlen=0)
    _, taken = timed(lambda: deque(for_each, maxlen=0))
    return taken


def _night(root: Path, at_a_time: int | None) -> dict[str, Any]:
    settings = _settings(root, at_a_time)
    shutil.rmtree(root / "events", ignore_errors=True)
    settings = replace(settings, spark=settings.spark | events.conf(root / "events"))
    spark, start = timed(lambda: sessions.session(settings, "benchmark"))
    with logging_to(settings.log, NIGHT):
        _, taken = timed(lambda: as_single_writer(settings.lake, lambda: nightly(settings)))
    store = Store(spark, settings.lake)
    runs = [row for row in store.rows(RUNS) if row["state"] in ENDED]
    newest = max(row["batch"] for row in runs)
    ended = {row["step"]: row for row in runs if row["batch"] == newest}
    stages = {step: ended[step]["seconds"] for step in steps()}
    told = {row["table"]: row["rows_out"] for row in ended[NIGHT]["tables"]}
    sizes = {"shuffle_mb": _shuffled(spark), "lake_mb": _stored(Path(settings.lake))}
    yields = store.rows(WAFER_YIELD, SUMMED)
    sums = {name: sum(row[name] for row in yields) for name in SUMMED}
    spark.stop()
    return {
        **taken,
        **sizes,
        "session_seconds": start["seconds"],
        "session_cpu_seconds": start["cpu_seconds"],
        "stages": stages,
        "by_step": events.told(root / "events"),
        "rows": sum(told.values()),
        "told": {**told, **sums},
    }


def _shuffled(spark: SparkSession) -> float:
    """Millions of bytes that all tasks so far have written for others to fetch."""
    executors = spark.sparkContext._jsc.sc().statusStore().executorList(False)
    written = (executors.apply(i).totalShuffleWrite() for i in range(executors.size()))
    return sum(written) / MEGA


def _stored(lake: Path) -> dict[str, float]:
    """Millions of bytes of data files by layer."""
    layers = {layer: (lake / layer).rglob("*.parquet") for layer in LAYERS}
    return {layer: sum(f.stat().st_size for f in files) / MEGA for layer, files in layers.items()}


def _settings(root: Path, at_a_time: int | None) -> Settings:
    folders = {name: str(root / name) for name in ("lake", "landing", "log")}
    settings = Settings.load("dev", **folders, report=str(root / "report.html"))
    database = replace(settings.database, url=f"jdbc:sqlite:{root / 'fab.db'}")
    night = replace(settings.night, parallel_steps=at_a_time or settings.night.parallel_steps)
    return replace(settings, database=database, night=night)
