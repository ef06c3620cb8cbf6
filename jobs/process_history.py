"""Silver: which wafer went through which chamber.

spark-submit --py-files dist/fabyield.zip jobs/process_history.py --lake s3a://fab/lake
"""

from fabyield.following import following
from fabyield.launch import main
from fabyield.run import Run
from fabyield.steps import Step
from fabyield.tables import FAB_PROCESS_HISTORY, PROCESS_HISTORY, WAFER_NAMES

STEP = Step(reads=(FAB_PROCESS_HISTORY, WAFER_NAMES), writes=(PROCESS_HISTORY,), conf=("fab",))


def job(run: Run) -> None:
    """Put new and changed steps of the factory database under their wafers' keys."""
    run.publish([following(run, FAB_PROCESS_HISTORY, PROCESS_HISTORY)])


if __name__ == "__main__":
    main(job)
