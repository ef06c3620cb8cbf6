"""Gold: statistics and capability of every test on every wafer."""

from fabyield.lake.catalog import PARAMETRIC_RESULTS, PARAMETRIC_SUMMARY, TESTS, WAFER_RUNS
from fabyield.pipeline.job import Run, Step, main
from fabyield.transforms.gold.parametric_summary import parametric_summary

STEP = Step(reads=(PARAMETRIC_RESULTS, WAFER_RUNS, TESTS), writes=(PARAMETRIC_SUMMARY,))


def job(run: Run) -> None:
    """Summarise the tests of the wafers whose runs or results changed."""
    wafers = run.touched(PARAMETRIC_SUMMARY, PARAMETRIC_RESULTS, WAFER_RUNS)
    runs = run.read(WAFER_RUNS, wafers)
    tests = run.read_files(TESTS, run.tested_files(wafers))
    rows = parametric_summary(run.read(PARAMETRIC_RESULTS, wafers), tests, runs)
    run.write(PARAMETRIC_SUMMARY, rows, wafers)


if __name__ == "__main__":
    main(job)
