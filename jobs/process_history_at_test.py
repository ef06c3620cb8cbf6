"""Silver: the chamber and recipe of every step that a wafer had been through when it was tested.

spark-submit --py-files dist/fabyield.zip jobs/process_history_at_test.py --lake s3a://fab/lake
"""

from fabyield.lake.catalog import INSERTIONS, PROCESS_HISTORY, PROCESS_HISTORY_AT_TEST, WAFER_RUNS
from fabyield.pipeline.ingest.factory_changes import tested_changes
from fabyield.pipeline.launch import main
from fabyield.pipeline.run import Run
from fabyield.pipeline.steps import Step
from fabyield.transforms.silver.state_at_test import process_history_at_test

STEP = Step(reads=(INSERTIONS, PROCESS_HISTORY, WAFER_RUNS), writes=(PROCESS_HISTORY_AT_TEST,))


def job(run: Run) -> None:
    """Look up all wafers whose runs changed, and tested ones whose history did."""
    wafers = run.touched(PROCESS_HISTORY_AT_TEST, WAFER_RUNS, tested_changes(run, PROCESS_HISTORY))
    rows = process_history_at_test(run.read(INSERTIONS, wafers), run.read(PROCESS_HISTORY, wafers))
    run.write(PROCESS_HISTORY_AT_TEST, rows, wafers)


if __name__ == "__main__":
    main(job)
