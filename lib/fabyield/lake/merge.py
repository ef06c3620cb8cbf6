"""Find the rows that a merge must write to a Delta table."""

from typing import Any

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from fabyield.lake.table import BATCH, Table
from fabyield.transforms.shared.key_ranges import between

GONE = "_gone"


def rows_to_merge(
    table: Table,
    df: DataFrame,
    stored: DataFrame,
    gone: DataFrame | None,
    bounds: tuple[Any, Any] | None,
) -> tuple[DataFrame, Column]:
    """Return the rows to write, with GONE for deletions, and the condition on old and new rows."""
    same_key = same_key_condition(table)
    others = [name for name in table.columns if name not in (*table.key, BATCH)]
    equal = " and ".join([same_key, *(_equal(n, table.columns[n].type) for n in others)])
    new = df.withColumn(GONE, F.lit(False))
    if gone is not None:
        there = gone.alias("new").join(stored.alias("old"), F.expr(same_key), how="left_semi")
        there = there.select(*table.key).withColumn(GONE, F.lit(True))
        new, bounds = new.unionByName(there, allowMissingColumns=True), None
    within = _key_range(table, new, bounds)
    # A merge that matches a row rewrites it although nothing changed, and commits.
    unchanged = F.expr(f"{equal} and not new.{GONE}")
    old = stored.alias("old").where(within)
    rows = new.alias("new").join(old, unchanged, how="left_anti")
    return rows, within & F.expr(same_key)


def same_key_condition(table: Table) -> str:
    """Return the condition that the aliases old and new have the same key."""
    return " and ".join(f"old.{name} <=> new.{name}" for name in table.key)


def _key_range(table: Table, df: DataFrame, bounds: tuple[Any, Any] | None) -> Column:
    """Return a condition that contains all keys of `df`: a merge skips no files by its join key."""
    lead = table.leading_key
    if lead is None:
        return F.lit(True)
    name = f"old.{lead}"
    if bounds is None:
        bounds = df.agg(F.min(lead), F.max(lead)).collect()[0]
    return between(name, *bounds)


def _equal(column: str, kind: str) -> str:
    old, new = f"old.{column}", f"new.{column}"
    # Maps cannot be compared as they are.
    return f"to_json({old}) <=> to_json({new})" if "map<" in kind else f"{old} <=> {new}"
