"""Gold: statistics and capability of every test on every wafer.

spark-submit --py-files dist/fabyield.zip jobs/test_summary.py --lake s3a://fab/lake
"""

from fabyield.lake.catalog import TEST_RESULTS, TEST_RUNS, TEST_SUMMARY, TESTS
from fabyield.pipeline.launch import main
from fabyield.pipeline.run import Run
from fabyield.pipeline.steps import Step
from fabyield.transforms.gold.parametric_summary import test_summary

STEP = Step(reads=(TEST_RESULTS, TEST_RUNS, TESTS), writes=(TEST_SUMMARY,))


def job(run: Run) -> None:
    """Summarise the tests of all wafers whose runs or results changed."""
    wafers = run.touched(TEST_SUMMARY, TEST_RESULTS, TEST_RUNS)
    runs = run.read(TEST_RUNS, wafers)
    tests = run.read_files(TESTS, run.tested_files(wafers))
    rows = test_summary(run.read(TEST_RESULTS, wafers), tests, runs)
    run.write(TEST_SUMMARY, rows, wafers)


if __name__ == "__main__":
    main(job)
