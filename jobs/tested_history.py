"""Silver: the chamber and recipe of every step that a wafer had been through when it was tested.

spark-submit --py-files dist/fabyield.zip jobs/tested_history.py --lake s3a://fab/lake
"""

from fabyield.lake.catalog import INSERTIONS, PROCESS_HISTORY, TEST_RUNS, TESTED_HISTORY
from fabyield.pipeline.ingest.factory_changes import tested_changes
from fabyield.pipeline.launch import main
from fabyield.pipeline.run import Run
from fabyield.pipeline.steps import Step
from fabyield.transforms.silver.state_at_test import tested_history

STEP = Step(reads=(INSERTIONS, PROCESS_HISTORY, TEST_RUNS), writes=(TESTED_HISTORY,))


def job(run: Run) -> None:
    """Look up all wafers whose runs changed, and tested ones whose history did."""
    wafers = run.touched(TESTED_HISTORY, TEST_RUNS, tested_changes(run, PROCESS_HISTORY))
    rows = tested_history(run.read(INSERTIONS, wafers), run.read(PROCESS_HISTORY, wafers))
    run.write(TESTED_HISTORY, rows, wafers)


if __name__ == "__main__":
    main(job)
