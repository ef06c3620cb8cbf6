"""Run a night: its steps in order, resumed where an earlier night did not finish."""

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from importlib import import_module

from fabyield.errors import ConfigError, first_line
from fabyield.lake.catalog import RUNS
from fabyield.lake.locks.lease import check_lease
from fabyield.lake.storage import remove_folder
from fabyield.lake.store import Store
from fabyield.pipeline.ingest.stdf_files import new_files, stages_folder
from fabyield.pipeline.launch import Job, run_job, step_run
from fabyield.pipeline.night_modes import NEW_FILES, NightMode
from fabyield.pipeline.parallel_steps import raise_gravest, run_in_parallel
from fabyield.pipeline.run import Run
from fabyield.pipeline.run_history import NIGHT, Attempt, Done, RunHistory, State
from fabyield.pipeline.spark import SMALL_NIGHT, session, session_conf
from fabyield.pipeline.steps import (
    Turn,
    can_be_rebuilt,
    declared,
    is_needed,
    job_modules,
    steps,
    waits_for,
)
from fabyield.quality import alerts
from fabyield.quality.alerts import Alert
from fabyield.settings.settings import Settings

log = logging.getLogger(__name__)
Work = Callable[[Run], None]


def nightly(
    settings: Settings, mode: NightMode = NEW_FILES, on_failure: Work | None = None
) -> None:
    """Finish the open night, if any, then run one in `mode`; call `on_failure` if one fails.

    Raises what a step raised: at once, or at the end if no other step needs that one.
    """
    _check_step(mode)
    store = Store(session(settings, "fabyield nightly"), settings.lake, settings.retries)
    history = RunHistory(store, settings.fab.fab_id)
    errors: list[Exception] = []
    unfinished = history.open_batch()
    if unfinished is not None:
        old = Run(store, settings, Attempt(unfinished, NIGHT), mode=history.mode(unfinished))
        resume(old, history, on_failure)
        errors += old.attempt.errors
        is_night = history.lone_step(unfinished) is None
        if is_night and old.mode == mode and (mode != NEW_FILES or not new_files(old)):
            raise_gravest(errors)
            return
    night = Run(store, settings, Attempt(history.next_batch(), NIGHT), mode=mode)
    one_night(night, history, on_failure)
    raise_gravest(errors + night.attempt.errors)


def _check_step(mode: NightMode) -> None:
    rebuildable = [name for name in steps() if can_be_rebuilt(name)]
    if mode.step is not None and mode.step not in rebuildable:
        raise ConfigError(
            f"{mode.step}: its tables cannot be rebuilt, or there is no such step; choose one "
            f"of {', '.join(rebuildable)}"
        )


def resume(night: Run, history: RunHistory, on_failure: Work | None = None) -> None:
    """Finish the batch of `night`, a night or a step that was run alone."""
    batch = night.attempt.batch
    log.info("batch %d (%s) did not finish: resuming it", batch, night.mode)
    step = history.lone_step(batch)
    if step is None:
        one_night(night, history, on_failure)
    elif step in declared():
        # With all rows: whether it was started with --full is not recorded.
        lone = replace(night, attempt=Attempt(batch, step))
        with alarmed_unless_needed(step, night, history):
            run_step(step_run(step, lone, history, full=True), history)


def one_night(night: Run, history: RunHistory, on_failure: Work | None = None) -> None:
    """Run every step of `night` that is not done.

    An error of a step ends it, but those of steps that no other needs are kept in its attempt.
    """
    history.record(night.attempt, State.RUNNING, str(night.mode))
    order = [step for step in steps() if night.mode.includes(step)]

    def run_steps(run: Run) -> None:
        titles = {step: f"{n:2d}/{len(order)} {step}" for n, step in enumerate(order, 1)}

        def work(step: str) -> None:
            with alarmed_unless_needed(step, run, history):
                run_if_changed(run, history, step, titles[step])

        with session_conf(run.spark, SMALL_NIGHT if _is_small(run, history, order) else {}):
            run_in_parallel(order, waits_for(declared()), work, run.settings.night.parallel_steps)
        check_lease(night.settings.lake)
        remove_folder(stages_folder(night))

    try:
        run_job(run_steps, night, history)
    except Exception:
        _sum_up(night, on_failure)
        raise
    pages = [step for step in order if declared()[step].turn is Turn.REPORT]
    if not all(history.is_done(night.attempt.batch, page) for page in pages):
        _sum_up(night, on_failure)


def _sum_up(night: Run, on_failure: Work | None) -> None:
    # The report step sums up a whole night; a failed one needs that more, but its own error is the
    # one to raise.
    with suppress(Exception):
        if on_failure is not None:
            on_failure(night)


@contextmanager
def alarmed_unless_needed(step: str, night: Run, history: RunHistory) -> Iterator[None]:
    """Alert to an error of `step` and keep it in the attempt at `night`, if no other needs it."""
    try:
        yield
    except Exception as error:
        if is_needed(step):
            raise
        log.debug("stack", exc_info=error)
        night.attempt.errors.append(error)
        table = next(iter(declared()[step].writes), RUNS)
        last = history.last_batch(step)
        observed = f"{first_line(error)}; {f'last done for batch {last}' if last else 'never done'}"
        look_at = f"ops.runs, batch {night.attempt.batch}; the next night does what was left undone"
        notice = Alert(table.owner, table.table, "critical", f"step {step}", observed, look_at)
        alerts.send([notice], night.settings.alerts)


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
