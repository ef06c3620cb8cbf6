"""The night: its steps in order, taken up again where an earlier one was stopped."""

import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from importlib import import_module

from fabyield.errors import ConfigError
from fabyield.lake.locks.lease import check_lease
from fabyield.lake.session_conf import session_conf
from fabyield.lake.storage import remove_folder
from fabyield.lake.store import Store
from fabyield.pipeline.ingest.stdf_files import stages, waiting
from fabyield.pipeline.launch import Job, attempt, run_of
from fabyield.pipeline.night_modes import NEW_FILES, NightMode
from fabyield.pipeline.parallel_steps import run_in_parallel
from fabyield.pipeline.run import Run
from fabyield.pipeline.run_history import NIGHT, Attempt, Done, Ledger, State
from fabyield.pipeline.spark import SMALL_NIGHT, session
from fabyield.pipeline.steps import can_be_rebuilt, declared, job_module, steps, waits_for
from fabyield.settings.settings import Settings

log = logging.getLogger(__name__)
Work = Callable[[Run], None]


def _nothing(night: Run) -> None:
    """Do nothing with `night`."""


def nightly(settings: Settings, mode: NightMode = NEW_FILES, on_failure: Work = _nothing) -> None:
    """Finish the night that is open, if any, then take one for `mode`.

    Not where that is new files, and none has arrived since. `on_failure` is called with a night
    that an error ends, before that is raised.
    """
    if mode.step is not None:
        _check_rebuilt(mode.step)
    store = Store(session(settings, "fabyield nightly"), settings.lake, settings.retries)
    ledger = Ledger(store, settings.fab.fab_id)
    unfinished = ledger.open_batch()
    if unfinished is not None:
        begun = ledger.mode(unfinished)
        log.info("batch %d (%s) did not finish: resuming it", unfinished, begun)
        night = Run(store, settings, Attempt(unfinished, NIGHT), mode=begun)
        if (step := ledger.lone_step(unfinished)) is None:
            one_night(night, ledger, on_failure)
            if begun == mode and (mode != NEW_FILES or not waiting(night)):
                return
        elif step in declared():
            # From the beginning: whether it was to take all rows is not on record.
            lone = Run(store, settings, Attempt(unfinished, step))
            run_step(run_of(step, lone, ledger, full=True), ledger)
    night = Run(store, settings, Attempt(ledger.next_batch(), NIGHT), mode=mode)
    one_night(night, ledger, on_failure)


def _check_rebuilt(step: str) -> None:
    derived = [name for name in steps() if can_be_rebuilt(name)]
    if step not in derived:
        raise ConfigError(
            f"{step}: no step whose tables can be made anew; there are {', '.join(derived)}"
        )


def one_night(night: Run, ledger: Ledger, on_failure: Work = _nothing) -> None:
    """Run every step of `night` that is not done; what a step raises ends it."""
    ledger.record(night.attempt, State.RUNNING, str(night.mode))
    order = [step for step in steps() if night.mode.takes(step)]

    def take_steps(run: Run) -> None:
        titles = {step: f"{n:2d}/{len(order)} {step}" for n, step in enumerate(order, 1)}

        def work(step: str) -> None:
            take(run, ledger, step, titles[step])

        with session_conf(run.spark, SMALL_NIGHT if _is_small(run, ledger, order) else {}):
            run_in_parallel(order, waits_for(declared()), work, run.settings.night.parallel_steps)
        check_lease(night.settings.lake)
        remove_folder(stages(night))

    try:
        attempt(take_steps, night, ledger)
    except Exception:
        # The report step ends a whole night with its summary; a stopped one needs it more, but
        # the first error is the one to tell.
        with suppress(Exception):
            on_failure(night)
        raise


def _is_small(night: Run, ledger: Ledger, order: Sequence[str]) -> bool:
    """Whether plans cost more to compile than to run; a rebuild may take up all there is."""
    most, batch = night.settings.night.small_mb, night.attempt.batch
    # One that goes on with files that are decoded, or after one that was stopped, has more to do.
    behind = {ledger.done_until(step) for step in order}
    is_plain = len(behind) == 1 and 0 not in behind and not ledger.is_done(batch, order[0])
    if night.mode != NEW_FILES or not most or not is_plain:
        return False
    return sum(file.size_bytes for file in waiting(night)) < most * 1e6


def take(night: Run, ledger: Ledger, step: str, title: str) -> None:
    """Run one step, unless it is done or nothing that it reads has changed since it was."""
    if ledger.is_done(night.attempt.batch, step):
        log.info("%s: already done", title)
        return
    run = run_of(step, night, ledger, night.mode.takes_all(step))
    tell_if_due(run, ledger)
    if is_unchanged(run, ledger.last(step)):
        log.info("%s: unchanged", title)
        ledger.record(run.attempt, State.UNCHANGED)
        return
    log.info("%s", title)
    run_step(run, ledger)
    night.attempt.tables.extend(run.attempt.tables)


def is_unchanged(run: Run, last: Done | None) -> bool:
    """Whether the run's step would find all as it was when it was `last` done."""
    step, seen = run.step, run.seen
    if step is None or step.every_night or run.attempt.is_full or last is None:
        return False
    if last.made.conf != run.attempt.made.conf or step.tables.keys() - seen.keys():
        return False
    return not any(run.store.changed_since(table, seen[n]) for n, table in step.tables.items())


def run_step(run: Run, ledger: Ledger) -> None:
    """Run the job that the run's attempt is named after."""
    # So that Spark's own pages and logs tell the jobs of a step.
    context = run.spark.sparkContext
    context.setJobGroup(run.attempt.step, f"step {run.attempt.step}")
    # Within one pool, tasks wait for those of the jobs before them.
    context.setLocalProperty("spark.scheduler.pool", run.attempt.step)
    job: Job = import_module(job_module(run.attempt.step)).job
    attempt(job, run, ledger)


def tell_if_due(run: Run, ledger: Ledger) -> None:
    """Say so where rows of earlier nights were made by other code or settings than today's."""
    step, made = run.attempt.step, ledger.made(run.attempt.step)
    is_settled = made in (None, run.attempt.made) or run.attempt.is_full
    if can_be_rebuilt(step) and not is_settled:
        log.info("%s: its code or settings have changed: `fabyield rebuild %s` is due", step, step)
