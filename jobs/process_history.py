"""Silver: which wafer went through which chamber.

spark-submit --py-files dist/fabyield.zip jobs/process_history.py --lake s3a://fab/lake
"""

from fabyield.lake.catalog import FAB_PROCESS_HISTORY, PROCESS_HISTORY, WAFER_NAMES
from fabyield.pipeline.ingest.factory_changes import update_batch
from fabyield.pipeline.launch import main
from fabyield.pipeline.run import Run
from fabyield.pipeline.steps import Step

STEP = Step(reads=(FAB_PROCESS_HISTORY, WAFER_NAMES), writes=(PROCESS_HISTORY,), conf=("fab",))


def job(run: Run) -> None:
    """Put new and changed steps of the factory database under their wafers' keys."""
    run.publish([update_batch(run, FAB_PROCESS_HISTORY, PROCESS_HISTORY)])


if __name__ == "__main__":
    main(job)
