"""Silver: parametric (PCM) results of the wafers.

spark-submit --py-files dist/fabyield.zip jobs/pcm_results.py --lake s3a://fab/lake
"""

from fabyield.lake.catalog import FAB_PCM, PCM_RESULTS, WAFER_NAMES
from fabyield.pipeline.ingest.factory_changes import update_batch
from fabyield.pipeline.launch import main
from fabyield.pipeline.run import Run
from fabyield.pipeline.steps import Step

STEP = Step(reads=(FAB_PCM, WAFER_NAMES), writes=(PCM_RESULTS,), conf=("fab",))


def job(run: Run) -> None:
    """Put new and changed results of the factory database under their wafers' keys."""
    run.publish([update_batch(run, FAB_PCM, PCM_RESULTS)])


if __name__ == "__main__":
    main(job)
