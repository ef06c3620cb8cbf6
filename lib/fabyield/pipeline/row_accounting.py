"""Account for the rows of test files on their way to silver."""

from dataclasses import replace

from pyspark.sql import DataFrame

from fabyield.lake.catalog import WAFER_RUNS
from fabyield.pipeline.run import Run
from fabyield.quality.batch import Batch


def with_source_rows(run: Run, batch: Batch, source: DataFrame) -> Batch:
    """Return `batch` with the number of `source` rows in the test runs of its wafers.

    Rows of superseded runs count as duplicates. There are a few thousand runs a night, counted
    without a join, so that a join in the transform that loses or doubles rows is noticed.
    """
    if batch.wafers == []:
        return batch
    per_run = source.groupBy(*WAFER_RUNS.key).count().collect()
    counts = {(row["file_key"], row["wafer_num"]): row["count"] for row in per_run}
    runs = run.wafer_runs(batch.wafers, [*WAFER_RUNS.key, "is_superseded"]).to_pylist()
    rows = [(counts.get((r["file_key"], r["wafer_num"]), 0), r["is_superseded"]) for r in runs]
    superseded = sum(count for count, is_superseded in rows if is_superseded)
    return replace(batch, source_rows=sum(count for count, _ in rows), duplicates=superseded)
