"""Gold: the final bins of every wafer's die."""

from fabyield.lake.catalog import BIN_COUNTS, BIN_PARETO, DIE_RESULTS, WAFER_RUNS, WAFERS
from fabyield.pipeline.job import Run, Step, main
from fabyield.transforms.gold.bin_pareto import bin_names, bin_pareto

STEP = Step(reads=(BIN_COUNTS, DIE_RESULTS, WAFER_RUNS, WAFERS), writes=(BIN_PARETO,))


def job(run: Run) -> None:
    """Count the bins of the wafers whose runs, die or products changed."""
    wafers = run.touched(BIN_PARETO, DIE_RESULTS, WAFERS, WAFER_RUNS)
    runs = run.read(WAFER_RUNS, wafers)
    counts = run.read_files(BIN_COUNTS, run.tested_files(wafers))
    names = bin_names(counts, runs)
    rows = bin_pareto(run.read(DIE_RESULTS, wafers), names, run.read(WAFERS, wafers))
    run.write(BIN_PARETO, rows, wafers)


if __name__ == "__main__":
    main(job)
