"""Silver: functional results (FTR) joined to lot, product, wafer and die.

spark-submit --py-files dist/fabyield.zip jobs/functional_results.py --lake s3a://fab/lake
"""

from fabyield.lake.catalog import FUNCTIONAL_RESULTS, FUNCTIONAL_VALUES, TOUCHDOWNS, WAFER_RUNS
from fabyield.pipeline.launch import main
from fabyield.pipeline.row_accounting import with_source_rows
from fabyield.pipeline.run import Run
from fabyield.pipeline.steps import Step
from fabyield.quality.batch import Batch
from fabyield.transforms.silver.parametric_results import functional_results

STEP = Step(reads=(FUNCTIONAL_VALUES, WAFER_RUNS, TOUCHDOWNS), writes=(FUNCTIONAL_RESULTS,))


def job(run: Run) -> None:
    """Join the results of all wafers whose runs are new or changed."""
    wafers = run.touched(FUNCTIONAL_RESULTS, WAFER_RUNS)
    runs = run.read(WAFER_RUNS, wafers)
    values = run.read_files(FUNCTIONAL_VALUES, run.tested_files(wafers))
    rows = functional_results(values, runs, run.read(TOUCHDOWNS, wafers))
    # The audit reads few columns, so a second join takes less time than to cache the rows.
    batch = Batch(FUNCTIONAL_RESULTS, rows, wafers=wafers, cached=False)
    run.publish([with_source_rows(run, batch, values)])


if __name__ == "__main__":
    main(job)
