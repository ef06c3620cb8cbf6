"""Silver: the touchdowns of every die, in order."""

from fabyield.lake.catalog import PARTS, TOUCHDOWNS, WAFER_RUNS
from fabyield.pipeline.job import Batch, Run, Step, main
from fabyield.pipeline.row_accounting import with_source_rows
from fabyield.transforms.silver.touchdowns import touchdowns

STEP = Step(reads=(PARTS, WAFER_RUNS), writes=(TOUCHDOWNS,), conf=("fab",))


def job(run: Run) -> None:
    """Order the touchdowns of the wafers whose runs are new or changed."""
    wafers = run.touched(TOUCHDOWNS, WAFER_RUNS)
    runs = run.read(WAFER_RUNS, wafers)
    parts = run.read_files(PARTS, run.tested_files(wafers))
    rows = touchdowns(parts, runs, run.part_rules)
    run.publish([with_source_rows(run, Batch(TOUCHDOWNS, rows, wafers=wafers), parts)])


if __name__ == "__main__":
    main(job)
