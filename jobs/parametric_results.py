"""Silver: parametric results (PTR) joined to lot, product, wafer and die.

spark-submit --py-files dist/fabyield.zip jobs/parametric_results.py --lake s3a://fab/lake
"""

from fabyield.lake.catalog import PARAMETRIC_RESULTS, TEST_VALUES, TOUCHDOWNS, WAFER_RUNS
from fabyield.pipeline.launch import main
from fabyield.pipeline.row_accounting import with_source_rows
from fabyield.pipeline.run import Run
from fabyield.pipeline.steps import Step
from fabyield.quality.batch import Batch
from fabyield.transforms.silver.parametric_results import parametric_results

STEP = Step(reads=(WAFER_RUNS, TEST_VALUES, TOUCHDOWNS), writes=(PARAMETRIC_RESULTS,))


def job(run: Run) -> None:
    """Join the results of all wafers whose runs are new or changed."""
    wafers = run.touched(PARAMETRIC_RESULTS, WAFER_RUNS)
    runs = run.read(WAFER_RUNS, wafers)
    values = run.read_files(TEST_VALUES, run.tested_files(wafers))
    rows = parametric_results(values, runs, run.read(TOUCHDOWNS, wafers))
    # The audit reads few columns, so a second join takes less time than to cache the rows.
    batch = Batch(PARAMETRIC_RESULTS, rows, wafers=wafers, cached=False)
    run.publish([with_source_rows(run, batch, values)])


if __name__ == "__main__":
    main(job)
