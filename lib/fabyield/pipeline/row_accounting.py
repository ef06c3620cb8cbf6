"""Where the rows of the test files go on their way to silver."""

from collections.abc import Callable, Sequence
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
    batch = of_runs(run, target, rows, values, wafers)
    # The audit reads few columns, so joining twice costs less than persisting the rows.
    run.publish([replace(batch, held=False)])


def of_runs(
    run: Run, table: Table, df: DataFrame, source: DataFrame, wafers: Sequence[int] | None
) -> Batch:
    """`df` for `table`, with the count of the `source` rows that the test runs of `wafers` hold.

    Rows of superseded runs are the duplicates. Counted without a join, so that a join in the
    transform that loses rows or doubles them is found out; runs are a few thousand a night.
    """
    if wafers == []:
        return Batch(table, df, wafers=wafers)
    per_run = source.groupBy(*WAFER_RUNS.key).count().collect()
    counts = {(row["file_key"], row["wafer_num"]): row["count"] for row in per_run}
    runs = run.wafer_runs(wafers, [*WAFER_RUNS.key, "is_superseded"]).to_pylist()
    held = [(counts.get((r["file_key"], r["wafer_num"]), 0), r["is_superseded"]) for r in runs]
    twice = sum(rows for rows, is_superseded in held if is_superseded)
    return Batch(table, df, sum(rows for rows, _ in held), twice, wafers=wafers)
