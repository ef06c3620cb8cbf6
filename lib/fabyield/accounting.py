"""Where the rows of the test files go on their way to silver."""

from collections.abc import Sequence

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from fabyield.run import Batch
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

    Rows of superseded runs are the duplicates. A semi join counts them, so that a join in the
    transform that loses rows or doubles them is found out.
    """
    if wafers == []:
        return Batch(table, df, wafers=wafers)
    runs = test_runs.select(run_key().alias("_run"), "is_superseded")
    rows = source.select(run_key().alias("_run"))
    total = rows.join(F.broadcast(runs), "_run", how="left_semi").count()
    beaten = runs.where("is_superseded")
    twice = rows.join(F.broadcast(beaten), "_run", how="left_semi").count()
    return Batch(table, df, total, twice, wafers=wafers)
