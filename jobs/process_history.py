"""Silver: the chambers that each wafer went through."""

from fabyield.lake.catalog import FAB_PROCESS_HISTORY, PROCESS_HISTORY, WAFER_NAMES
from fabyield.pipeline.ingest.factory_changes import update_batch
from fabyield.pipeline.job import Run, Step, main

STEP = Step(reads=(FAB_PROCESS_HISTORY, WAFER_NAMES), writes=(PROCESS_HISTORY,), conf=("fab",))


def job(run: Run) -> None:
    """Publish new and changed process steps of the factory database by wafer key."""
    run.publish([update_batch(run, FAB_PROCESS_HISTORY, PROCESS_HISTORY)])


if __name__ == "__main__":
    main(job)
