"""Silver: multi-result parametric records (MPR) joined to lot, product, wafer and die."""

from fabyield.lake.catalog import MULTI_RESULTS, MULTI_VALUES, TOUCHDOWNS, WAFER_RUNS
from fabyield.pipeline.job import Run, Step, main
from fabyield.pipeline.row_accounting import publish_results
from fabyield.transforms.silver.parametric_results import multi_results

STEP = Step(reads=(MULTI_VALUES, WAFER_RUNS, TOUCHDOWNS), writes=(MULTI_RESULTS,))


def job(run: Run) -> None:
    """Join the results of the wafers whose runs are new or changed."""
    publish_results(run, MULTI_RESULTS, MULTI_VALUES, multi_results)


if __name__ == "__main__":
    main(job)
