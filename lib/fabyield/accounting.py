"""Where the rows of the test files go on their way to silver."""

from collections.abc import Sequence

from pyspark.sql import DataFrame

from fabyield.batch import Batch
from fabyield.table import Table
from fabyield.transforms.test_results import run_key


def of_runs(
    table: Table,
    df: DataFrame,
    source: DataFrame,
    test_runs: DataFrame,
    wafers: Sequence[int] | None,
) -> Batch:
    """`df` for `table`, with the count of the `source` rows that the runs hold.

    Rows of superseded runs are the duplicates. Counted without a join, so that a join in the
    transform that loses rows or doubles them is found out; runs are a few thousand a night.
    """
    if wafers == []:
        return Batch(table, df, wafers=wafers)
    runs = test_runs.select(run_key().alias("_run"), "is_superseded")
    per_run = source.groupBy(run_key().alias("_run")).count()
    counts = {row["_run"]: row["count"] for row in per_run.collect()}
    flags = {row["_run"]: row["is_superseded"] for row in runs.collect()}
    total = sum(counts.get(run, 0) for run in flags)
    twice = sum(counts.get(run, 0) for run, beaten in flags.items() if beaten)
    return Batch(table, df, total, twice, wafers=wafers)
