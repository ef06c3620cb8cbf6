"""What the factory database knows of wafers, under their keys."""

from pyspark.sql import DataFrame
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


def followed(
    source: DataFrame, latest: DataFrame, wafer_names: DataFrame, remade: DataFrame
) -> DataFrame:
    """Which rows of `source` a night takes up: the changed ones, and all of the `remade` wafers."""
    names = wafer_names.join(remade, "wafer_key", how="left_semi").select(*WAFER)
    changed = latest.where("not is_gone").drop("is_gone")
    fresh = changed.join(names, WAFER, how="left_anti")
    return fresh.unionByName(source.join(names, WAFER, how="left_semi"))
