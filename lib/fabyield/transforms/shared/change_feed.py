"""The columns of Delta's change feed, and the last change of each key."""

from collections.abc import Sequence

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

CHANGE, VERSION = "_change_type", "_commit_version"


def last_changes(changes: DataFrame, key: Sequence[str]) -> DataFrame:
    """Return the last change of each key; is_gone marks a row that was deleted and not replaced."""
    is_gone = F.col(CHANGE).isin("delete", "update_preimage")
    # One version may delete a row and insert it again.
    last = Window.partitionBy(*key).orderBy(F.desc(VERSION), is_gone)
    rows = changes.withColumns({"is_gone": is_gone, "_turn": F.row_number().over(last)})
    return rows.where("_turn = 1").drop("_turn", CHANGE, VERSION)
