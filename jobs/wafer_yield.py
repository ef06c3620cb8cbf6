"""Gold: die counts and yield of every wafer."""

from fabyield.lake.catalog import DIE_RESULTS, WAFER_RUNS, WAFER_YIELD, WAFERS
from fabyield.pipeline.job import Run, Step, main
from fabyield.transforms.gold.wafer_yield import wafer_yield

STEP = Step(reads=(DIE_RESULTS, WAFER_RUNS, WAFERS), writes=(WAFER_YIELD,))


def job(run: Run) -> None:
    """Count the die of the wafers whose runs, die or products changed."""
    wafers = run.touched(WAFER_YIELD, DIE_RESULTS, WAFERS, WAFER_RUNS)
    rows = wafer_yield(run.read(DIE_RESULTS, wafers), run.read(WAFERS, wafers))
    run.write(WAFER_YIELD, rows, wafers)


if __name__ == "__main__":
    main(job)
