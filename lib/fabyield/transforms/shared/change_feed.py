"""The columns of Delta's change feed, and the last change of each key."""

from collections.abc import Sequence

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

CHANGE, VERSION = "_change_type", "_commit_version"


def latest(changes: DataFrame, key: Sequence[str]) -> DataFrame:
    """The last change of each key, with is_gone: the row was deleted, and nothing took its place.

    `changes` has CHANGE and VERSION.
    """
    is_gone = F.col(CHANGE).isin("delete", "update_preimage")
    # In one version a row may be deleted and come again.
    last = Window.partitionBy(*key).orderBy(F.desc(VERSION), is_gone)
    rows = changes.withColumns({"is_gone": is_gone, "_turn": F.row_number().over(last)})
    return rows.where("_turn = 1").drop("_turn", CHANGE, VERSION)
