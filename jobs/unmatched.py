"""Ops: how much of what was tested is of wafers that the factory database does not know.

spark-submit --py-files dist/fabyield.zip jobs/unmatched.py --lake s3a://fab/lake
"""

from pyarrow import compute as pc

from fabyield.lake.catalog import METRIC_HISTORY, WAFER_RUNS, WAFERS
from fabyield.lake.table import BATCH
from fabyield.pipeline.launch import main
from fabyield.pipeline.run import Run
from fabyield.pipeline.steps import Step
from fabyield.transforms.ops.metric_history import metric_history, unmatched

STEP = Step(reads=(WAFER_RUNS, WAFERS), writes=(METRIC_HISTORY,))


def job(run: Run) -> None:
    """Count what is unmatched tonight, and hold it against the nights before."""
    shares = unmatched(run.read(WAFER_RUNS), run.read(WAFERS), run.since)
    # A few rows a night. Read by Spark, they would tie the plan to the table that it is for: all of
    # it would be planned once more as soon as that has changed.
    earlier = run.arrow(METRIC_HISTORY, where=pc.field(BATCH) < run.attempt.batch)
    run.write(METRIC_HISTORY, metric_history(shares, run.spark.createDataFrame(earlier)))


if __name__ == "__main__":
    main(job)
