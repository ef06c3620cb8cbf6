"""What the factory database knows of wafers, under their keys."""

from collections.abc import Iterable, Sequence
from functools import reduce

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from fabyield.transforms.shared.change_feed import CHANGE
from fabyield.transforms.shared.keys import CHANGED, WAFER_NAME
from fabyield.transforms.silver.wafer_names import with_wafer_key


def wafers_to_rebuild(
    latest: DataFrame, name_changes: DataFrame, wafer_names: DataFrame
) -> DataFrame:
    """The keys of wafers that lost a row, or that gained or lost a name.

    `latest` are the last changes of the source, canonical; `name_changes` is the change feed of
    `wafer_names`. Their other rows may have to move although nothing in them changed.
    """
    moved = name_changes.where(F.col(CHANGE) != "insert").select("wafer_key")
    deleted = with_wafer_key(latest.where("is_gone"), wafer_names).select("wafer_key")
    return moved.unionByName(deleted).distinct()


def newest_first(
    told: DataFrame, stored: DataFrame, key: Sequence[str], values: Sequence[str]
) -> DataFrame:
    """Number the rows of each `key`, `told` ones and the `stored` ones they replace: newest is 1.

    Adds is_stored, turn and differs. The row that the database changed last is first. Of rows
    changed at the same time, or at an unknown one, a row of `told` comes first, by a fixed order
    of its values. A row differs if its `values` are not those of the first.
    """
    rows = told.withColumn("is_stored", F.lit(False))
    before = stored.join(told.select(*key), list(key), how="left_semi")
    rows = rows.unionByName(before.withColumn("is_stored", F.lit(True)), allowMissingColumns=True)
    order = F.desc_nulls_last(CHANGED), F.col("is_stored"), F.struct(*told.columns)
    in_turn, told_values = Window.partitionBy(*key).orderBy(*order), F.struct(*values)
    differs = ~told_values.eqNullSafe(F.first(told_values).over(in_turn))
    return rows.withColumns({"turn": F.row_number().over(in_turn), "differs": differs})


def duplicate_count(rows: DataFrame, key: Sequence[str]) -> int:
    """How many `rows` there are besides one of each `key`."""
    each = rows.groupBy(*key).agg(F.count("*").alias("rows"))
    return int(each.agg(F.coalesce(F.sum(F.col("rows") - 1), F.lit(0))).collect()[0][0])


def rows_to_update(
    source: DataFrame, latest: DataFrame, wafer_names: DataFrame, rebuilt: DataFrame
) -> DataFrame:
    """The rows of `source` that a night updates: changed ones, and all of the `rebuilt` wafers."""
    names = wafer_names.join(rebuilt, "wafer_key", how="left_semi").select(*WAFER_NAME)
    changed = latest.where("not is_gone").drop("is_gone")
    fresh = changed.join(names, WAFER_NAME, how="left_anti")
    return fresh.unionByName(source.join(names, WAFER_NAME, how="left_semi"))


def last_changed(rows: DataFrame, key: Sequence[str], required: Iterable[str]) -> DataFrame:
    """`rows` without those whose key another one bears that was changed later.

    A source may keep every measurement of a parameter; and a row that changes while the queries
    of one read follow each other may be met by two of them. Rows without one of the `required`
    columns are left alone.
    """
    has_key = reduce(Column.__and__, [F.col(name).isNotNull() for name in required])
    turn = F.row_number().over(Window.partitionBy(*key).orderBy(F.desc_nulls_last(CHANGED)))
    last = rows.withColumn("_turn", turn).where((F.col("_turn") == 1) | ~has_key)
    return last.drop("_turn")
