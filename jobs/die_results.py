"""Silver: the first and the final verdict of every die."""

from fabyield.lake.catalog import DIE_RESULTS, TOUCHDOWNS, WAFER_RUNS
from fabyield.pipeline.job import Run, Step, main
from fabyield.transforms.silver.die_results import die_results

STEP = Step(reads=(WAFER_RUNS, TOUCHDOWNS), writes=(DIE_RESULTS,))


def job(run: Run) -> None:
    """Decide every die of the wafers whose runs or touchdowns changed."""
    wafers = run.touched(DIE_RESULTS, TOUCHDOWNS, WAFER_RUNS)
    run.write(DIE_RESULTS, die_results(run.read(TOUCHDOWNS, wafers)), wafers)


if __name__ == "__main__":
    main(job)
