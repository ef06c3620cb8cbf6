"""Silver: parametric results (PTR) joined to lot, product, wafer and die.

spark-submit --py-files dist/fabyield.zip jobs/parametric_results.py --lake s3a://fab/lake
"""

from dataclasses import replace

from fabyield.lake.catalog import PARAMETRIC_RESULTS, TEST_VALUES, TOUCHDOWNS, WAFER_RUNS
from fabyield.pipeline.launch import main
from fabyield.pipeline.row_accounting import of_runs
from fabyield.pipeline.run import Run
from fabyield.pipeline.steps import Step
from fabyield.transforms.silver.parametric_results import parametric_results

STEP = Step(reads=(WAFER_RUNS, TEST_VALUES, TOUCHDOWNS), writes=(PARAMETRIC_RESULTS,))


def job(run: Run) -> None:
    """Join the results of all wafers whose runs are new or changed."""
    wafers = run.touched(PARAMETRIC_RESULTS, WAFER_RUNS)
    runs = run.read(WAFER_RUNS, wafers)
    values = run.read_files(TEST_VALUES, run.tested_files(wafers))
    rows = parametric_results(values, runs, run.read(TOUCHDOWNS, wafers))
    batch = of_runs(run, PARAMETRIC_RESULTS, rows, values, wafers)
    # The audit reads few of the columns: to join twice takes less than to hold the rows.
    run.publish([replace(batch, held=False)])


if __name__ == "__main__":
    main(job)
