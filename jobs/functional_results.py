"""Silver: functional results (FTR) joined to lot, product, wafer and die."""

from fabyield.lake.catalog import FUNCTIONAL_RESULTS, FUNCTIONAL_VALUES, TOUCHDOWNS, WAFER_RUNS
from fabyield.pipeline.job import Run, Step, main
from fabyield.pipeline.row_accounting import publish_results
from fabyield.transforms.silver.parametric_results import functional_results

STEP = Step(reads=(FUNCTIONAL_VALUES, WAFER_RUNS, TOUCHDOWNS), writes=(FUNCTIONAL_RESULTS,))


def job(run: Run) -> None:
    """Join the results of the wafers whose runs are new or changed."""
    publish_results(run, FUNCTIONAL_RESULTS, FUNCTIONAL_VALUES, functional_results)


if __name__ == "__main__":
    main(job)
