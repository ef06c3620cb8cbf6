"""Silver: multi-result parametric records (MPR) joined to lot, product, wafer and die.

spark-submit --py-files dist/fabyield.zip jobs/multi_results.py --lake s3a://fab/lake
"""

from fabyield.lake.catalog import MULTI_RESULTS, MULTI_VALUES, TOUCHDOWNS, WAFER_RUNS
from fabyield.pipeline.launch import main
from fabyield.pipeline.row_accounting import with_source_rows
from fabyield.pipeline.run import Run
from fabyield.pipeline.steps import Step
from fabyield.quality.batch import Batch
from fabyield.transforms.silver.parametric_results import multi_results

STEP = Step(reads=(MULTI_VALUES, WAFER_RUNS, TOUCHDOWNS), writes=(MULTI_RESULTS,))


def job(run: Run) -> None:
    """Join the results of all wafers whose runs are new or changed."""
    wafers = run.touched(MULTI_RESULTS, WAFER_RUNS)
    runs = run.read(WAFER_RUNS, wafers)
    values = run.read_files(MULTI_VALUES, run.tested_files(wafers))
    rows = multi_results(values, runs, run.read(TOUCHDOWNS, wafers))
    # The audit reads few columns, so a second join takes less time than to cache the rows.
    batch = Batch(MULTI_RESULTS, rows, wafers=wafers, cached=False)
    run.publish([with_source_rows(run, batch, values)])


if __name__ == "__main__":
    main(job)
