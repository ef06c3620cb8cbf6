"""Gold: statistics and capability of every test on every wafer.

spark-submit --py-files dist/fabyield.zip jobs/parametric_summary.py --lake s3a://fab/lake
"""

from fabyield.lake.catalog import PARAMETRIC_RESULTS, PARAMETRIC_SUMMARY, TESTS, WAFER_RUNS
from fabyield.pipeline.launch import main
from fabyield.pipeline.run import Run
from fabyield.pipeline.steps import Step
from fabyield.transforms.gold.parametric_summary import parametric_summary

STEP = Step(reads=(PARAMETRIC_RESULTS, WAFER_RUNS, TESTS), writes=(PARAMETRIC_SUMMARY,))


def job(run: Run) -> None:
    """Summarise the tests of all wafers whose runs or results changed."""
    wafers = run.touched(PARAMETRIC_SUMMARY, PARAMETRIC_RESULTS, WAFER_RUNS)
    runs = run.read(WAFER_RUNS, wafers)
    tests = run.read_files(TESTS, run.tested_files(wafers))
    rows = parametric_summary(run.read(PARAMETRIC_RESULTS, wafers), tests, runs)
    run.write(PARAMETRIC_SUMMARY, rows, wafers)


if __name__ == "__main__":
    main(job)
