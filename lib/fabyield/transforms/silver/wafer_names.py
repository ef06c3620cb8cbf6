"""Every name of every wafer, with the wafer's key."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from fabyield.transforms.shared.keys import WAFER_NAME


def wafer_names(wafer_registry: DataFrame, first_names: DataFrame) -> DataFrame:
    """Return the registered names with the wafer_key that their wafer's first name has."""
    names = wafer_registry.select(*WAFER_NAME, F.col("wafer_key").alias("name_key"))
    names = names.join(first_names, WAFER_NAME, how="left")
    first = wafer_registry.select(
        "fab_id", F.col("lot_id").alias("origin_lot_id"), "wafer_id", "wafer_key"
    )
    rows = names.withColumn("origin_lot_id", F.coalesce("origin_lot_id", "lot_id"))
    rows = rows.join(first, ["fab_id", "origin_lot_id", "wafer_id"], how="inner")
    return rows.withColumn("is_ambiguous", F.coalesce("is_ambiguous", F.lit(False)))


def with_wafer_key(rows: DataFrame, wafer_names: DataFrame) -> DataFrame:
    """Add wafer_key to `rows` with canonical names; drop rows of unknown wafers."""
    keys = wafer_names.select(*WAFER_NAME, "wafer_key")
    return rows.drop("batch").join(keys, WAFER_NAME, how="inner")
