"""Silver: when, and by which program, every wafer was tested.

spark-submit --py-files dist/fabyield.zip jobs/insertions.py --lake s3a://fab/lake
"""

from fabyield.lake.catalog import INSERTIONS, WAFER_RUNS
from fabyield.pipeline.launch import main
from fabyield.pipeline.run import Run
from fabyield.pipeline.steps import Step
from fabyield.transforms.silver.insertions import insertions

STEP = Step(reads=(WAFER_RUNS,), writes=(INSERTIONS,))


def job(run: Run) -> None:
    """Sum up the runs of all wafers whose runs changed."""
    wafers = run.touched(INSERTIONS, WAFER_RUNS)
    run.write(INSERTIONS, insertions(run.read(WAFER_RUNS, wafers)), wafers)


if __name__ == "__main__":
    main(job)
