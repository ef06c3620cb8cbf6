"""Silver: every touch-down in its place among those of its die.

spark-submit --py-files dist/fabyield.zip jobs/touchdowns.py --lake s3a://fab/lake
"""

from fabyield.lake.catalog import PARTS, TOUCHDOWNS, WAFER_RUNS
from fabyield.pipeline.launch import main
from fabyield.pipeline.row_accounting import with_source_rows
from fabyield.pipeline.run import Run
from fabyield.pipeline.steps import Step
from fabyield.quality.batch import Batch
from fabyield.transforms.silver.touchdowns import touchdowns

STEP = Step(reads=(PARTS, WAFER_RUNS), writes=(TOUCHDOWNS,), conf=("fab",))


def job(run: Run) -> None:
    """Order the touch-downs of all wafers whose runs are new or changed."""
    wafers = run.touched(TOUCHDOWNS, WAFER_RUNS)
    runs = run.read(WAFER_RUNS, wafers)
    parts = run.read_files(PARTS, run.tested_files(wafers))
    rows = touchdowns(parts, runs, run.settings.fab.retest_rule)
    run.publish([with_source_rows(run, Batch(TOUCHDOWNS, rows, wafers=wafers), parts)])


if __name__ == "__main__":
    main(job)
