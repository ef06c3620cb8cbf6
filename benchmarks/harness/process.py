"""A process of its own for each run, watched from outside until all that it started has ended."""

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import psutil

from benchmarks.harness.watch import PATIENCE, Watch

ROOT = Path(__file__).parents[2]
MEMORY_SHARE = 0.85
Row = dict[str, Any]


class NotRunError(Exception):
    """A contender that cannot be run here, fails, or asks for too much."""

    def __init__(self, reason: str) -> None:
        # Reasons are kept with the results, and where this folder lies is nobody's business.
        super().__init__(reason.replace(f"{ROOT}/", ""))


@dataclass(frozen=True)
class Limits:
    """What a run may take: seconds, and MiB of the whole tree of its processes."""

    seconds: float = 4 * 3600
    mib: float = MEMORY_SHARE * psutil.virtual_memory().total / 2**20


def run_module(python: Path | str, module: str, given: Row, limits: Limits) -> Row:
    """Have `python` call `module.run(given)` in a process of its own."""
    once = [str(python), "-m", "benchmarks.harness.once", module, json.dumps(given)]
    return run_command(once, limits, {"PYSPARK_PYTHON": str(python)})


def run_command(command: Sequence[str], limits: Limits, more: dict[str, str] | None = None) -> Row:
    """Run a program that prints a JSON object; add `peak_mib` unless it says that itself.

    Raises NotRunError with its last words, or with the limit that it passed.
    """
    with tempfile.TemporaryFile("w+") as said, tempfile.TemporaryFile("w+") as answer:
        watch = _watched(command, {**os.environ, **(more or {})}, answer, said, limits)
        if watch.exit_code:
            raise NotRunError(_why(watch.exit_code, _last_words(said)))
        found = _answered(answer)
    own = found.pop("own_peak_mib", 0)
    return {"peak_mib": max(own, watch.peak_mib), **found}


def output(command: Sequence[str], cwd: Path = ROOT) -> str:
    """What a short program prints; raises NotRunError with its last words."""
    try:
        done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    except OSError as error:
        raise NotRunError(str(error)) from error
    if done.returncode:
        words = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
        raise NotRunError(words[-1])
    return done.stdout


def _watched(
    command: Sequence[str], env: dict[str, str], answer: IO[str], said: IO[str], limits: Limits
) -> Watch:
    try:
        child = psutil.Popen(
            command,
            cwd=ROOT,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=answer,
            stderr=said,
            start_new_session=True,
        )
    except OSError as error:
        raise NotRunError(str(error)) from error
    watch = Watch(child)
    try:
        while not watch.has_ended():
            _refuse(watch, limits)
        # A JVM outlives by a little the Python that started it; the next run must not meet it.
        watch.wait_for_all(PATIENCE)
    finally:
        watch.end_all()
    return watch


def _why(exit_code: int, words: str) -> str:
    if exit_code > 0:
        return words or f"exit code {exit_code}"
    # What it said before is hardly the reason.
    return f"ended by {signal.Signals(-exit_code).name}"


def _answered(answer: IO[str]) -> Row:
    answer.seek(0)
    text = answer.read()
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise NotRunError(f"answered no JSON object, but {text[:80]!r}")
    return found


def _refuse(watch: Watch, limits: Limits) -> None:
    if watch.seconds > limits.seconds:
        raise NotRunError(f"not done after {watch.seconds:,.0f} s, {limits.seconds:,.0f} are given")
    if watch.mib > limits.mib:
        raise NotRunError(f"took {watch.mib:,.0f} MiB of memory, {limits.mib:,.0f} are given")


def _last_words(said: IO[str]) -> str:
    said.seek(0)
    text = said.read()
    sys.stderr.write(text)
    words = [line for line in text.splitlines() if line.strip()]
    return words[-1].strip() if words else ""
