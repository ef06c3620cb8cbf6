"""Run a job from the command line, with exit codes that a scheduler understands."""

import argparse
import logging
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from enum import IntEnum
from pathlib import Path

from pyspark.sql import SparkSession

from fabyield.errors import ConfigError, DataQualityError, FabYieldError, first_line
from fabyield.lake.catalog import ALL
from fabyield.lake.locks.single_writer import as_single_writer
from fabyield.lake.store import Store
from fabyield.pipeline.logs import logging_to
from fabyield.pipeline.run import Run
from fabyield.pipeline.run_history import Attempt, Ledger, Made, State
from fabyield.pipeline.spark import session
from fabyield.pipeline.steps import declared, sources_hash
from fabyield.quality import alerts
from fabyield.quality.checks import check_suites
from fabyield.settings.settings import Settings

log = logging.getLogger(__name__)
Job = Callable[[Run], None]


class Exit(IntEnum):
    """What the exit code of a job says."""

    DONE = 0
    FAILED = 1
    MISUSED = 2
    STOPPED = 3


def options(about: str | None) -> argparse.ArgumentParser:
    """The options that every job takes."""
    codes = (
        "exit codes: 0 done, 1 failed, 2 wrong usage or configuration, 3 stopped by data quality"
    )
    parser = argparse.ArgumentParser(description=about, epilog=codes)
    parser.add_argument("--conf", default="dev", help="dev, prod or a YAML file (default: dev)")
    parser.add_argument("--lake", help="root of the Delta tables")
    parser.add_argument("--landing", help="folder whose stdf/ the testers deliver to")
    parser.add_argument("--report", help="the page to write")
    return parser


def main(job: Job) -> None:
    """Run `job` as one step by itself, over all batches that it has not seen yet."""
    step = Path(sys.argv[0]).stem
    parser = options(job.__doc__)
    parser.add_argument("--full", action="store_true", help="take all rows, not only new ones")
    given = parser.parse_args()
    sys.exit(launch(given, step, lambda settings: alone(job, step, settings, given.full)))


def launch(given: argparse.Namespace, name: str, work: Callable[[Settings], None]) -> Exit:
    """Do `work` with the settings that the command line asks for, logged as `name`."""
    try:
        settings = Settings.load(
            given.conf, lake=given.lake, landing=given.landing, report=given.report
        )
        alerts.check(settings.alerts)
        check_suites(ALL.values())
        with logging_to(settings.log, name):
            try:
                return guarded(
                    lambda: as_single_writer(
                        settings.lake, lambda: work(settings), settings.lease, name
                    )
                )
            finally:
                # What an interrupt left of the session may not even stop.
                with suppress(Exception):
                    if (spark := SparkSession.getActiveSession()) is not None:
                        spark.stop()
    except ConfigError as error:
        sys.stderr.write(f"fabyield: {error}\n")
        return Exit.MISUSED


def alone(job: Job, step: str, settings: Settings, full: bool) -> None:
    """Run `job` as a batch of its own, or go on with the one that it did not finish.

    Raises ConfigError while any other run of the fab is unfinished.
    """
    store = Store(session(settings, f"fabyield {step}"), settings.lake, settings.retries)
    ledger = Ledger(store, settings.fab.fab_id)
    unfinished = ledger.open_batch()
    if unfinished is not None and ledger.lone_step(unfinished) != step:
        # Later runs would take its rows for seen, and pass over what it still brings.
        raise ConfigError(
            f"batch {unfinished} is not finished: run jobs/nightly.py first, then {step}"
        )
    # What did not finish may have been asked for with --full, which is not on record.
    batch = unfinished or ledger.next_batch()
    night = Run(store, settings, Attempt(batch, step))
    run = run_of(step, night, ledger, full=full or unfinished is not None)
    ledger.record(run.attempt, State.RUNNING)
    attempt(job, run, ledger)
    log.info("%s: %s rows written; --full takes all rows", step, f"{run.attempt.rows_out:,}")


def run_of(step: str, night: Run, ledger: Ledger, full: bool = False) -> Run:
    """The run of `step` in the batch of `night`: what is new since it was last done, or all."""
    if step not in declared():
        raise ConfigError(f"{step}: no step of the night; name its module in conf/nightly.yml")
    plan, settings = declared()[step], night.settings
    since = 0 if full else ledger.done_until(step)
    seen = {} if full else ledger.versions(step, settings.maintain.keep_days)
    attempt = Attempt(night.attempt.batch, step, is_full=since == 0 or not seen)
    attempt.seen = {name: night.store.version(table) for name, table in plan.tables.items()}
    attempt.made = Made(settings.hash_of(plan.conf), sources_hash(step))
    run = replace(night, attempt=attempt, since=since, seen=seen, notices=[], step=plan)
    return replace(run, settings=settings.only(plan.conf))


def attempt(job: Job, run: Run, ledger: Ledger) -> None:
    """Run `job` and record how it ended; what it raises goes on."""
    try:
        job(run)
    except BaseException as error:
        if not hasattr(error, "__notes__"):
            # The first to see it is the step; the night, around it, would say no more.
            error.add_note(f"step {run.attempt.step}: ")
        stopped = isinstance(error, DataQualityError)
        # A session that was interrupted cannot write; the first error is the one to tell.
        with suppress(Exception):
            state = State.STOPPED if stopped else State.FAILED
            ledger.record(run.attempt, state, str(error)[:2000])
        raise
    if run.step is not None:
        written = {table.table: run.store.version(table) for table in run.step.writes}
        run.attempt.seen |= written
    ledger.record(run.attempt, State.DONE)


def guarded(work: Callable[[], None]) -> Exit:
    """Do `work` and say how it ended; one line for errors of ours, the stack for others' too."""
    codes = {DataQualityError: Exit.STOPPED, ConfigError: Exit.MISUSED, FabYieldError: Exit.FAILED}
    try:
        work()
    except FabYieldError as error:
        code = next(code for kind, code in codes.items() if isinstance(error, kind))
        log.error("%s: %s%s", code.name, _step(error), error)
        return code
    except KeyboardInterrupt:
        log.error("FAILED: interrupted; run again to go on")
        return Exit.FAILED
    except Exception as error:
        log.error("FAILED: %s%s: %s", _step(error), type(error).__name__, first_line(error))
        log.debug("stack", exc_info=error)
        return Exit.FAILED
    return Exit.DONE


def _step(error: Exception) -> str:
    return next(iter(getattr(error, "__notes__", [])), "")
