"""A whole night by the real jobs, in the process that it has to itself."""

from collections import deque
from dataclasses import replace
from pathlib import Path
from typing import Any

from pyspark.sql import functions as F

from benchmarks.harness.clock import timed
from fabyield import spark as sessions
from fabyield import stdf
from fabyield.exclusive import alone_in
from fabyield.launch import logging_to
from fabyield.ledger import NIGHT, State
from fabyield.night import nightly
from fabyield.settings import Settings, steps
from fabyield.store import Store
from fabyield.tables import RUNS

DECODE = "decode alone"


def run(given: dict[str, Any]) -> dict[str, Any]:
    """Run the night over the folders given, or only decode the files of its landing zone."""
    root = Path(given["root"])
    return _decoded(root) if given["name"] == DECODE else _night(root)


def _decoded(root: Path) -> dict[str, Any]:
    files = sorted((root / "landing" / "stdf").glob("*.stdf.gz"))
    for_each = (batch for path in files for batch in stdf.batches(path))
    # Loading and compiling are not counted, as they are not worth telling of a long night.
    deque(stdf.batches(files[0]), maxlen=0)
    _, taken = timed(lambda: deque(for_each, maxlen=0))
    return taken


def _night(root: Path) -> dict[str, Any]:
    settings = _settings(root)
    spark, start = timed(lambda: sessions.session(settings, "benchmark"))
    with logging_to(settings.log, NIGHT):
        _, taken = timed(lambda: alone_in(settings.lake, lambda: nightly(settings)))
    runs = Store(spark, settings.lake).read(RUNS).where(F.col("state") == State.DONE.value)
    newest = runs.agg(F.max("batch")).collect()[0][0]
    ended = {row["step"]: row for row in runs.where(F.col("batch") == newest).collect()}
    stages = {step: ended[step]["seconds"] for step in steps()}
    told = {row["table"]: row["rows_out"] for row in ended[NIGHT]["tables"]}
    return {**taken, "session_seconds": start["seconds"], "stages": stages, "told": told}


def _settings(root: Path) -> Settings:
    folders = {name: str(root / name) for name in ("lake", "landing", "log")}
    settings = Settings.load("dev", **folders, report=str(root / "report.html"))
    database = replace(settings.database, url=f"jdbc:sqlite:{root / 'fab.db'}")
    return replace(settings, database=database)
