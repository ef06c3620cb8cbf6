"""Silver: first and final verdict of every die.

spark-submit --py-files dist/fabyield.zip jobs/die_results.py --lake s3a://fab/lake
"""

from fabyield.lake.catalog import DIE_RESULTS, TOUCHDOWNS, WAFER_RUNS
from fabyield.pipeline.launch import main
from fabyield.pipeline.run import Run
from fabyield.pipeline.steps import Step
from fabyield.transforms.silver.die_results import die_results

STEP = Step(reads=(WAFER_RUNS, TOUCHDOWNS), writes=(DIE_RESULTS,))


def job(run: Run) -> None:
    """Decide the die of all wafers whose runs or touch-downs changed."""
    wafers = run.touched(DIE_RESULTS, TOUCHDOWNS, WAFER_RUNS)
    run.write(DIE_RESULTS, die_results(run.read(TOUCHDOWNS, wafers)), wafers)


if __name__ == "__main__":
    main(job)
