"""Ops: the share of tests on wafers that the factory database does not know."""

from pyarrow import compute as pc

from fabyield.lake.catalog import METRIC_HISTORY, WAFER_RUNS, WAFERS
from fabyield.lake.table import BATCH
from fabyield.pipeline.job import Run, Step, main
from fabyield.transforms.ops.metric_history import metric_history, unmatched

STEP = Step(reads=(WAFER_RUNS, WAFERS), writes=(METRIC_HISTORY,))


def job(run: Run) -> None:
    """Count the unmatched tests of tonight, and compare them with earlier nights."""
    shares = unmatched(run.read(WAFER_RUNS), run.read(WAFERS), run.since)
    # A few rows a night. Read by Spark, the plan would depend on the table that it writes, and
    # would be made again as soon as that table changes.
    earlier = run.arrow(METRIC_HISTORY, where=pc.field(BATCH) < run.attempt.batch)
    run.write(METRIC_HISTORY, metric_history(shares, run.spark.createDataFrame(earlier)))


if __name__ == "__main__":
    main(job)
