"""Keys for new wafer names."""

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from fabyield.transforms.shared.keys import WAFER_NAME


def wafer_registry(names: DataFrame, wafer_registry: DataFrame) -> DataFrame:
    """Return a new wafer_key for each of `names` that `wafer_registry` lacks.

    Keys count on from the greatest one in order of fab, lot and wafer, so equal input gives equal
    keys.
    """
    unknown = names.select(*WAFER_NAME).distinct().join(wafer_registry, WAFER_NAME, how="left_anti")
    newest = wafer_registry.agg(F.coalesce(F.max("wafer_key"), F.lit(0)).alias("newest"))
    # One partition for all new wafers of a night: thousands, not billions.
    turn = F.row_number().over(Window.orderBy(*WAFER_NAME))
    key = (F.col("newest") + turn).alias("wafer_key")
    return unknown.crossJoin(newest).select(key, *WAFER_NAME)
