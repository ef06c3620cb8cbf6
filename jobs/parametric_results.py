"""Silver: parametric results (PTR) joined to lot, product, wafer and die."""

from fabyield.lake.catalog import PARAMETRIC_RESULTS, TEST_VALUES, TOUCHDOWNS, WAFER_RUNS
from fabyield.pipeline.job import Run, Step, main
from fabyield.pipeline.row_accounting import publish_results
from fabyield.transforms.silver.parametric_results import parametric_results

STEP = Step(reads=(WAFER_RUNS, TEST_VALUES, TOUCHDOWNS), writes=(PARAMETRIC_RESULTS,))


def job(run: Run) -> None:
    """Join the results of the wafers whose runs are new or changed."""
    publish_results(run, PARAMETRIC_RESULTS, TEST_VALUES, parametric_results)


if __name__ == "__main__":
    main(job)
