"""Silver: PCM results by wafer key."""

from fabyield.lake.catalog import FAB_PCM, PCM_RESULTS, WAFER_NAMES
from fabyield.pipeline.ingest.factory_changes import update_batch
from fabyield.pipeline.job import Run, Step, main

STEP = Step(reads=(FAB_PCM, WAFER_NAMES), writes=(PCM_RESULTS,), conf=("fab",))


def job(run: Run) -> None:
    """Publish new and changed PCM results of the factory database by wafer key."""
    run.publish([update_batch(run, FAB_PCM, PCM_RESULTS)])


if __name__ == "__main__":
    main(job)
