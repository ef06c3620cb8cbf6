"""The night: its steps in order, taken up again where an earlier one was stopped."""

import logging
from contextlib import suppress
from dataclasses import replace
from importlib import import_module

from fabyield.files import remove_folder
from fabyield.ingest import stages, waiting
from fabyield.launch import Job, attempt
from fabyield.lease import fenced
from fabyield.ledger import NIGHT, Attempt, Ledger, State
from fabyield.purpose import Purpose
from fabyield.reports.gather import gather
from fabyield.reports.summary import summary
from fabyield.run import Run
from fabyield.settings import Settings, steps
from fabyield.spark import session
from fabyield.store import Store

log = logging.getLogger(__name__)
NEW_FILES = Purpose()


def nightly(settings: Settings, purpose: Purpose = NEW_FILES) -> None:
    """Finish the night that is open, if any, then take one for `purpose`.

    Not where that is new files, and none has arrived since.
    """
    store = Store(session(settings, "fabyield nightly"), settings.lake, settings.retries)
    ledger = Ledger(store, settings.fab.fab_id)
    unfinished = ledger.open_batch()
    if unfinished is not None:
        begun = ledger.purpose(unfinished)
        log.info("batch %d (%s) was not finished: going on with it", unfinished, begun)
        night = Run(store, settings, Attempt(unfinished, NIGHT), purpose=begun)
        if (step := ledger.lone_step(unfinished)) is None:
            one_night(night, ledger)
            if begun == purpose and (purpose != NEW_FILES or not waiting(night)):
                return
        elif step in steps():
            # From the beginning: whether it was to take all rows is not on record.
            run_step(Run(store, settings, Attempt(unfinished, step)), ledger)
    one_night(Run(store, settings, Attempt(ledger.next_batch(), NIGHT), purpose=purpose), ledger)


def one_night(night: Run, ledger: Ledger) -> None:
    """Run every step of `night` that is not done; what a step raises ends it."""
    ledger.record(night.attempt, State.RUNNING, str(night.purpose))
    order = [step for step in steps() if night.purpose.takes(step)]

    def take_steps(run: Run) -> None:
        for place, step in enumerate(order, 1):
            take(run, ledger, step, f"{place:2d}/{len(order)} {step}")
        fenced(night.settings.lake)
        remove_folder(stages(night))

    try:
        attempt(take_steps, night, ledger)
    except Exception:
        # The report step ends a whole night with its summary; a stopped one needs it more, but
        # the first error is the one to tell.
        with suppress(Exception):
            log.info("\n%s", summary(gather(night)))
        raise


def take(night: Run, ledger: Ledger, step: str, title: str) -> None:
    """Run one step unless it is done."""
    batch = night.attempt.batch
    if ledger.is_done(batch, step):
        log.info("%s: done before", title)
        return
    log.info("%s", title)
    since = 0 if night.purpose.takes_all(step) else ledger.done_until(step)
    seen = ledger.versions(since, night.settings.maintain.keep_days)
    run = replace(night, attempt=Attempt(batch, step), since=since, seen=seen, notices=[])
    run_step(run, ledger)
    night.attempt.tables.extend(run.attempt.tables)


def run_step(run: Run, ledger: Ledger) -> None:
    """Run the job that the run's attempt is named after."""
    job: Job = import_module(f"fabyield.jobs.{run.attempt.step}").job
    attempt(job, run, ledger)
