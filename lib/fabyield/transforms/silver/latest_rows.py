"""The latest row of each key in the factory database, by wafer key."""

from collections.abc import Iterable, Sequence
from functools import reduce

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from fabyield.transforms.shared.change_feed import CHANGE
from fabyield.transforms.shared.keys import CHANGED, WAFER_NAME
from fabyield.transforms.silver.wafer_names import with_wafer_key


def wafers_to_rebuild(
    last_changes: DataFrame, name_changes: DataFrame, wafer_names: DataFrame
) -> DataFrame:
    """Return the keys of the wafers that lost a row, or a name of which changed.

    Their other rows may belong to another wafer now. `last_changes` are those of the source, in
    canonical spelling; `name_changes` is the change feed of `wafer_names`.
    """
    moved = name_changes.where(F.col(CHANGE) != "insert").select("wafer_key")
    deleted = with_wafer_key(last_changes.where("is_gone"), wafer_names).select("wafer_key")
    return moved.unionByName(deleted).distinct()


def rows_to_update(
    source: DataFrame, last_changes: DataFrame, wafer_names: DataFrame, rebuilt: DataFrame
) -> DataFrame:
    """Return the changed rows of `source`, and all rows of the `rebuilt` wafers."""
    names = wafer_names.join(rebuilt, "wafer_key", how="left_semi").select(*WAFER_NAME)
    changed = last_changes.where("not is_gone").drop("is_gone")
    others = changed.join(names, WAFER_NAME, how="left_anti")
    return others.unionByName(source.join(names, WAFER_NAME, how="left_semi"))


def newest_first(
    new: DataFrame, stored: DataFrame, key: Sequence[str], values: Sequence[str]
) -> DataFrame:
    """Number the `new` rows of each `key` and the `stored` ones of the same keys: newest is 1.

    Adds is_stored, turn and differs (other `values` than the first row's). The row that the
    database changed last is first; of rows changed at the same or an unknown time, new ones come
    first, in a fixed order of their values.
    """
    rows = new.withColumn("is_stored", F.lit(False))
    same = stored.join(new.select(*key), list(key), how="left_semi")
    rows = rows.unionByName(same.withColumn("is_stored", F.lit(True)), allowMissingColumns=True)
    order = F.desc_nulls_last(CHANGED), F.col("is_stored"), F.struct(*new.columns)
    in_turn, compared = Window.partitionBy(*key).orderBy(*order), F.struct(*values)
    differs = ~compared.eqNullSafe(F.first(compared).over(in_turn))
    return rows.withColumns({"turn": F.row_number().over(in_turn), "differs": differs})


def count_duplicates(key: Sequence[str]) -> Column:
    """Count the rows of a frame beyond one for each `key`."""
    return F.count("*") - F.count_distinct(F.struct(*key))


def last_changed(rows: DataFrame, key: Sequence[str], required: Iterable[str]) -> DataFrame:
    """Drop the rows for which another row with the same key was changed later.

    A source may keep every measurement of a parameter, and two queries of one read may both meet a
    row that changes in between. Rows without one of the `required` columns stay.
    """
    has_key = reduce(Column.__and__, [F.col(name).isNotNull() for name in required])
    turn = F.row_number().over(Window.partitionBy(*key).orderBy(F.desc_nulls_last(CHANGED)))
    last = rows.withColumn("_turn", turn).where((F.col("_turn") == 1) | ~has_key)
    return last.drop("_turn")
