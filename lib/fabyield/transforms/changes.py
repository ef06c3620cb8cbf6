"""What became of rows, from Delta's change feed."""

from collections.abc import Sequence

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

CHANGE, VERSION = "_change_type", "_commit_version"


def latest(changes: DataFrame, key: Sequence[str]) -> DataFrame:
    """The last change of each key, with is_new and is_gone.

    New: it was inserted, if not changed since. Gone: it was deleted, and nothing took its place.
    `changes` has CHANGE and VERSION.
    """
    is_gone = F.col(CHANGE).isin("delete", "update_preimage")
    of_key = Window.partitionBy(*key)
    is_new = F.max(F.col(CHANGE) == "insert").over(of_key)
    # In one version a row may be deleted and come again.
    last = of_key.orderBy(F.desc(VERSION), is_gone)
    told = {"is_gone": is_gone, "is_new": is_new, "_turn": F.row_number().over(last)}
    rows = changes.withColumns(told)
    return rows.where("_turn = 1").drop("_turn", CHANGE, VERSION)
