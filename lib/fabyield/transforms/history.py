"""What the factory database knows of wafers, under their keys."""

from collections.abc import Sequence

from pyspark.sql import DataFrame, Window
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


def told_again(latest: DataFrame, stored: DataFrame, key: Sequence[str]) -> DataFrame:
    """The keys of wafers of which new rows of the source tell what `stored` has from others.

    `latest` are the last changes, under wafer keys: the source has a wafer by two of its names,
    or by two spellings of one.
    """
    new = latest.where("is_new and not is_gone").select(*key)
    return new.join(stored, list(key), how="left_semi").select("wafer_key").distinct()


def one_each(rows: DataFrame, key: Sequence[str]) -> DataFrame:
    """Of rows that are one by `key` the one that the database changed last.

    Of those that it changed at once, or of no known time, the same one each time.
    """
    last = Window.partitionBy(*key).orderBy(
        F.desc_nulls_last("updated_at"), F.struct(*rows.columns)
    )
    return rows.withColumn("_turn", F.row_number().over(last)).where("_turn = 1").drop("_turn")


def doubled(rows: DataFrame, key: Sequence[str]) -> int:
    """How many `rows` there are besides one of each `key`."""
    each = rows.groupBy(*key).agg(F.count("*").alias("rows"))
    return int(each.agg(F.coalesce(F.sum(F.col("rows") - 1), F.lit(0))).collect()[0][0])


def followed(
    source: DataFrame, latest: DataFrame, wafer_names: DataFrame, remade: DataFrame
) -> DataFrame:
    """Which rows of `source` a night takes up: the changed ones, and all of the `remade` wafers."""
    names = wafer_names.join(remade, "wafer_key", how="left_semi").select(*WAFER)
    changed = latest.where("not is_gone").drop("is_gone", "is_new")
    fresh = changed.join(names, WAFER, how="left_anti")
    return fresh.unionByName(source.join(names, WAFER, how="left_semi"))
