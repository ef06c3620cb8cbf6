"""What the factory database knows of wafers, under their keys."""

from collections.abc import Sequence
from functools import reduce

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from fabyield.transforms.changes import CHANGE
from fabyield.transforms.wafer_names import keyed
from fabyield.transforms.wafer_registry import WAFER


def remade(latest: DataFrame, name_changes: DataFrame, wafer_names: DataFrame) -> DataFrame:
    """The keys of wafers of which rows were deleted, or that gained or lost a name.

    `latest` are the last changes of the source, canonical; `name_changes` is the change feed of
    `wafer_names`. Other rows of these wafers may belong where no change tells of them.
    """
    moved = name_changes.where(F.col(CHANGE) != "insert").select("wafer_key")
    deleted = keyed(latest.where("is_gone"), wafer_names).select("wafer_key")
    return moved.unionByName(deleted).distinct()


def last_told(told: DataFrame, stored: DataFrame, key: Sequence[str]) -> DataFrame:
    """Of each `key` of `told` the row that the database changed last, with is_stored.

    Among them are rows of `stored`, which the database told before. Of several that it changed at
    once, or of no known time, a told one counts, and of these the same one each time.
    """
    rows = told.withColumn("is_stored", F.lit(False))
    before = stored.join(told.select(*key), list(key), how="left_semi")
    rows = rows.unionByName(before.withColumn("is_stored", F.lit(True)), allowMissingColumns=True)
    order = F.desc_nulls_last("updated_at"), F.col("is_stored"), F.struct(*told.columns)
    turn = F.row_number().over(Window.partitionBy(*key).orderBy(*order))
    return rows.withColumn("_turn", turn).where("_turn = 1").drop("_turn")


def doubled(rows: DataFrame, key: Sequence[str]) -> int:
    """How many `rows` there are besides one of each `key`."""
    each = rows.groupBy(*key).agg(F.count("*").alias("rows"))
    return int(each.agg(F.coalesce(F.sum(F.col("rows") - 1), F.lit(0))).collect()[0][0])


def otherwise(told: DataFrame, counted: DataFrame, key: Sequence[str], values: list[str]) -> int:
    """How many rows of `told` have other `values` than the one of their `key` in `counted`."""
    both = told.alias("one").join(counted.alias("other"), list(key), how="inner")
    differs = [~F.col(f"one.{name}").eqNullSafe(F.col(f"other.{name}")) for name in values]
    return both.where(reduce(Column.__or__, differs)).count()


def followed(
    source: DataFrame, latest: DataFrame, wafer_names: DataFrame, remade: DataFrame
) -> DataFrame:
    """Which rows of `source` a night takes up: the changed ones, and all of the `remade` wafers."""
    names = wafer_names.join(remade, "wafer_key", how="left_semi").select(*WAFER)
    changed = latest.where("not is_gone").drop("is_gone")
    fresh = changed.join(names, WAFER, how="left_anti")
    return fresh.unionByName(source.join(names, WAFER, how="left_semi"))
