"""Silver: parametric (PCM) results of the wafers.

spark-submit --py-files dist/fabyield.zip jobs/pcm_results.py --lake s3a://fab/lake
"""

from fabyield.following import following
from fabyield.launch import main
from fabyield.run import Run
from fabyield.steps import Step
from fabyield.tables import FAB_PCM, PCM_RESULTS, WAFER_NAMES

STEP = Step(reads=(FAB_PCM, WAFER_NAMES), writes=(PCM_RESULTS,), conf=("fab",))


def job(run: Run) -> None:
    """Put new and changed results of the factory database under their wafers' keys."""
    run.publish([following(run, FAB_PCM, PCM_RESULTS)])


if __name__ == "__main__":
    main(job)
