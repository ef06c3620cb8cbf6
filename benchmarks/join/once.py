"""One contender on one set of files, in the process that it has to itself."""

from collections.abc import Callable
from importlib import import_module
from typing import Any

from benchmarks.harness.clock import timed
from benchmarks.join.contenders import CONTENDERS, Contender
from benchmarks.join.summary import Paths

Work = Callable[[Paths], None]


def run(given: dict[str, Any]) -> dict[str, Any]:
    """Start, do the work on few rows so that code is loaded and compiled, then time it."""
    work, started = _started(CONTENDERS[given["name"]])
    work(Paths(**given["warm"]))
    _, taken = timed(lambda: work(Paths(**given["paths"])))
    return taken | started


def _started(contender: Contender) -> tuple[Work, dict[str, float]]:
    module = import_module(f"benchmarks.join.contenders.{contender.module}")
    work = getattr(module, contender.work)
    if not contender.is_spark:
        return work, {}
    sparks = import_module("benchmarks.harness.sparks")
    session, taken = timed(sparks.started)
    return lambda paths: work(session, paths), {"session_seconds": taken["seconds"]}
