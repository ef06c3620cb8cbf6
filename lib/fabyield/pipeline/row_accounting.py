"""Account for the rows of test files on their way to silver."""

from collections.abc import Callable
from dataclasses import replace

from pyspark.sql import DataFrame

from fabyield.lake.catalog import TOUCHDOWNS, WAFER_RUNS
from fabyield.lake.table import Table
from fabyield.pipeline.run import Run
from fabyield.quality.batch import Batch


def publish_results(
    run: Run,
    target: Table,
    source: Table,
    join: Callable[[DataFrame, DataFrame, DataFrame], DataFrame],
) -> None:
    """Publish `join`(values of `source`, wafer runs, touchdowns) of the wafers that changed."""
    wafers = run.touched(target, WAFER_RUNS)
    values = run.read_files(source, run.tested_files(wafers))
    rows = join(values, run.read(WAFER_RUNS, wafers), run.read(TOUCHDOWNS, wafers))
    # The audit reads few columns, so joining twice costs less than caching the rows.
    batch = Batch(target, rows, wafers=wafers, cached=False)
    run.publish([with_source_rows(run, batch, values)])


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
