"""Run a night: its steps in order, resumed where an earlier night did not finish."""

import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from importlib import import_module

from fabyield.errors import ConfigError
from fabyield.lake.locks.lease import check_lease
from fabyield.lake.storage import remove_folder
from fabyield.lake.store import Store
from fabyield.pipeline.ingest.stdf_files import new_files, stages_folder
from fabyield.pipeline.launch import Job, run_job, step_run
from fabyield.pipeline.night_modes import NEW_FILES, NightMode
from fabyield.pipeline.parallel_steps import run_in_parallel
from fabyield.pipeline.run import Run
from fabyield.pipeline.run_history import NIGHT, Attempt, Done, RunHistory, State
from fabyield.pipeline.spark import SMALL_NIGHT, session, session_conf
from fabyield.pipeline.steps import can_be_rebuilt, declared, job_modules, steps, waits_for
from fabyield.settings.settings import Settings

log = logging.getLogger(__name__)
Work = Callable[[Run], None]


def nightly(
    settings: Settings, mode: NightMode = NEW_FILES, on_failure: Work | None = None
) -> None:
    """Finish the open night, if any, then run one in `mode`; call `on_failure` if one fails."""
    if mode.step is not None:
        rebuildable = [name for name in steps() if can_be_rebuilt(name)]
        if mode.step not in rebuildable:
            raise ConfigError(
                f"{mode.step}: its tables cannot be rebuilt, or there is no such step; choose one "
                f"of {', '.join(rebuildable)}"
            )
    store = Store(session(settings, "fabyield nightly"), settings.lake, settings.retries)
    history = RunHistory(store, settings.fab.fab_id)
    unfinished = history.open_batch()
    if unfinished is not None:
        old_mode = history.mode(unfinished)
        log.info("batch %d (%s) did not finish: resuming it", unfinished, old_mode)
        night = Run(store, settings, Attempt(unfinished, NIGHT), mode=old_mode)
        if (step := history.lone_step(unfinished)) is None:
            one_night(night, history, on_failure)
            if old_mode == mode and (mode != NEW_FILES or not new_files(night)):
                return
        elif step in declared():
            # With all rows: whether it was started with --full is not recorded.
            lone = Run(store, settings, Attempt(unfinished, step))
            run_step(step_run(step, lone, history, full=True), history)
    night = Run(store, settings, Attempt(history.next_batch(), NIGHT), mode=mode)
    one_night(night, history, on_failure)


def one_night(night: Run, history: RunHistory, on_failure: Work | None = None) -> None:
    """Run every step of `night` that is not done; an error of a step ends it."""
    history.record(night.attempt, State.RUNNING, str(night.mode))
    order = [step for step in steps() if night.mode.includes(step)]

    def run_steps(run: Run) -> None:
        titles = {step: f"{n:2d}/{len(order)} {step}" for n, step in enumerate(order, 1)}

        def work(step: str) -> None:
            run_if_changed(run, history, step, titles[step])

        with session_conf(run.spark, SMALL_NIGHT if _is_small(run, history, order) else {}):
            run_in_parallel(order, waits_for(declared()), work, run.settings.night.parallel_steps)
        check_lease(night.settings.lake)
        remove_folder(stages_folder(night))

    try:
        run_job(run_steps, night, history)
    except Exception:
        # The report step sums up a whole night; a failed one needs that more, but its own error
        # is the one to raise.
        with suppress(Exception):
            if on_failure is not None:
                on_failure(night)
        raise


def _is_small(night: Run, history: RunHistory, order: Sequence[str]) -> bool:
    """Return whether the plans of `night` take longer to compile than to run."""
    most, batch = night.settings.night.small_mb, night.attempt.batch
    # A night has more to do if it resumes with decoded files, or if one before was stopped.
    behind = {history.last_batch(step) for step in order}
    is_plain = len(behind) == 1 and 0 not in behind and not history.is_done(batch, order[0])
    if night.mode != NEW_FILES or not most or not is_plain:
        return False
    return sum(file.size_bytes for file in new_files(night)) < most * 1e6


def run_if_changed(night: Run, history: RunHistory, step: str, title: str) -> None:
    """Run one step, unless it is done or nothing that it reads has changed since it was."""
    if history.is_done(night.attempt.batch, step):
        log.info("%s: already done", title)
        return
    run = step_run(step, night, history, night.mode.takes_all_rows(step))
    log_due_rebuild(run, history)
    if is_unchanged(run, history.last(step)):
        log.info("%s: unchanged", title)
        history.record(run.attempt, State.UNCHANGED)
        return
    log.info("%s", title)
    run_step(run, history)
    night.attempt.tables.extend(run.attempt.tables)


def is_unchanged(run: Run, last: Done | None) -> bool:
    """Return whether the run's step would find everything as it was when it was `last` done."""
    step, seen = run.step, run.seen
    if step is None or step.every_night or run.attempt.is_full or last is None:
        return False
    is_new_conf = last.fingerprint.conf != run.attempt.fingerprint.conf
    if is_new_conf or step.tables.keys() - seen.keys():
        return False
    return not any(run.store.changed_since(table, seen[n]) for n, table in step.tables.items())


def run_step(run: Run, history: RunHistory) -> None:
    """Run the job of the step that the run attempts."""
    # Spark's pages and logs then show which jobs belong to a step.
    context = run.spark.sparkContext
    context.setJobGroup(run.attempt.step, f"step {run.attempt.step}")
    # Within one pool, tasks wait for those of earlier jobs.
    context.setLocalProperty("spark.scheduler.pool", run.attempt.step)
    job: Job = import_module(job_modules()[run.attempt.step]).job
    run_job(job, run, history)


def log_due_rebuild(run: Run, history: RunHistory) -> None:
    """Log that other code or settings than today's made the rows of earlier nights."""
    step, full_run = run.attempt.step, history.full_run_fingerprint(run.attempt.step)
    is_settled = full_run in (None, run.attempt.fingerprint) or run.attempt.is_full
    if can_be_rebuilt(step) and not is_settled:
        log.info("%s: its code or settings have changed: `fabyield rebuild %s` is due", step, step)
