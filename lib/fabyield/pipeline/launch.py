"""Run a job from the command line, with exit codes that a scheduler understands."""

import logging
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from enum import IntEnum
from pathlib import Path

import typer
from pyspark.sql import SparkSession

from fabyield.errors import ConfigError, DataQualityError, FabYieldError, first_line
from fabyield.lake.catalog import ALL
from fabyield.lake.locks.single_writer import as_single_writer
from fabyield.lake.store import Store
from fabyield.pipeline.commands import (
    EXIT_CODES,
    Conf,
    Full,
    Lake,
    Landing,
    Options,
    Report,
)
from fabyield.pipeline.logs import logging_to
from fabyield.pipeline.run import Run
from fabyield.pipeline.run_history import Attempt, Fingerprint, RunHistory, State
from fabyield.pipeline.spark import session
from fabyield.pipeline.steps import declared, sources_hash
from fabyield.quality import alerts
from fabyield.quality.checks import check_suites
from fabyield.settings.settings import Settings

log = logging.getLogger(__name__)
Job = Callable[[Run], None]


class Exit(IntEnum):
    """The exit codes of a job."""

    DONE = 0
    FAILED = 1
    MISUSED = 2
    STOPPED = 3


def main(job: Job) -> None:
    """Run `job` as one step alone, over all batches that it has not seen yet."""
    step = Path(sys.argv[0]).stem

    def run_job(
        conf: Conf = "dev",
        lake: Lake = None,
        landing: Landing = None,
        report: Report = None,
        full: Full = False,
    ) -> None:
        options = Options(conf, lake, landing, report)
        raise typer.Exit(
            launch(options, step, lambda settings: run_alone(job, step, settings, full))
        )

    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    app.command(help=job.__doc__, epilog=EXIT_CODES)(run_job)
    app()


def launch(options: Options, name: str, work: Callable[[Settings], None]) -> Exit:
    """Do `work` with the settings that `options` choose, and log it as `name`."""
    try:
        conf, lake, landing, report = options
        settings = Settings.load(conf, lake=lake, landing=landing, report=report)
        alerts.check(settings.alerts)
        check_suites(ALL.values())
        with logging_to(settings.log, name):
            try:
                return exit_code(
                    lambda: as_single_writer(
                        settings.lake, lambda: work(settings), settings.lease, name
                    )
                )
            finally:
                # After an interrupt the session may not even be able to stop.
                with suppress(Exception):
                    if (spark := SparkSession.getActiveSession()) is not None:
                        spark.stop()
    except ConfigError as error:
        sys.stderr.write(f"fabyield: {error}\n")
        return Exit.MISUSED


def run_alone(job: Job, step: str, settings: Settings, full: bool) -> None:
    """Run `job` as its own batch, or resume it; raise ConfigError if another run is open."""
    store = Store(session(settings, f"fabyield {step}"), settings.lake, settings.retries)
    history = RunHistory(store, settings.fab.fab_id)
    unfinished = history.open_batch()
    if unfinished is not None and history.lone_step(unfinished) != step:
        # Later runs would count its rows as seen, and miss those that it still adds.
        raise ConfigError(
            f"batch {unfinished} is not finished: run jobs/nightly.py first, then {step}"
        )
    # An unfinished batch may have been started with --full, which is not recorded.
    batch = unfinished or history.next_batch()
    night = Run(store, settings, Attempt(batch, step))
    run = step_run(step, night, history, full=full or unfinished is not None)
    history.record(run.attempt, State.RUNNING)
    run_job(job, run, history)
    written = sum(rows.rows_out for rows in run.attempt.tables)
    log.info("%s: %s rows written; --full takes all rows", step, f"{written:,}")


def step_run(step: str, night: Run, history: RunHistory, full: bool = False) -> Run:
    """Return the run of `step` in the batch of `night`, over the rows since its last run or all."""
    if step not in declared():
        raise ConfigError(f"{step}: no such step; add its module to conf/nightly.yml")
    plan, settings = declared()[step], night.settings
    since = 0 if full else history.last_batch(step)
    seen = {} if full else history.versions(step, settings.maintain.keep_days)
    attempt = Attempt(
        night.attempt.batch,
        step,
        seen={name: night.store.version(table) for name, table in plan.tables.items()},
        fingerprint=Fingerprint(settings.hash_of(plan.conf), sources_hash(step)),
        is_full=since == 0 or not seen,
    )
    run = replace(night, attempt=attempt, since=since, seen=seen, notices=[], step=plan)
    return replace(run, settings=settings.only(plan.conf))


def run_job(job: Job, run: Run, history: RunHistory) -> None:
    """Run `job`, record how it ended, and raise its error."""
    try:
        job(run)
    except BaseException as error:
        if not hasattr(error, "__notes__"):
            # The step comes first; the night around it has nothing to add.
            error.add_note(f"step {run.attempt.step}: ")
        state = State.STOPPED if isinstance(error, DataQualityError) else State.FAILED
        # A session that was interrupted cannot write; the first error is the one to raise.
        with suppress(Exception):
            history.record(run.attempt, state, str(error)[:2000])
        raise
    if run.step is not None:
        run.attempt.seen |= {table.table: run.store.version(table) for table in run.step.writes}
    errors = run.attempt.errors
    message = "; ".join(f"{_step(error)}{error}" for error in errors)
    history.record(run.attempt, State.INCOMPLETE if errors else State.DONE, message[:2000])


def exit_code(work: Callable[[], None]) -> Exit:
    """Do `work` and log in one line how it failed; log the stack of unexpected errors to DEBUG."""
    codes = {DataQualityError: Exit.STOPPED, ConfigError: Exit.MISUSED, FabYieldError: Exit.FAILED}
    try:
        work()
    except FabYieldError as error:
        code = next(code for kind, code in codes.items() if isinstance(error, kind))
        log.error("%s: %s%s", code.name, _step(error), error)
        return code
    except KeyboardInterrupt:
        log.error("FAILED: interrupted; run again to continue")
        return Exit.FAILED
    except Exception as error:
        log.error("FAILED: %s%s: %s", _step(error), type(error).__name__, first_line(error))
        log.debug("stack", exc_info=error)
        return Exit.FAILED
    return Exit.DONE


def _step(error: Exception) -> str:
    return next(iter(getattr(error, "__notes__", [])), "")
