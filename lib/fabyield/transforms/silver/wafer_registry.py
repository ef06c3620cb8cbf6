"""Keys for wafers that were never seen before."""

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from fabyield.transforms.shared.keys import WAFER_NAME


def wafer_registry(sighted: DataFrame, wafer_registry: DataFrame) -> DataFrame:
    """The rows that `wafer_registry` lacks: a new wafer_key for every unknown wafer of `sighted`.

    Keys follow the greatest one given out so far, in order of fab, lot and wafer, so that the
    same sightings always get the same keys.
    """
    unknown = (
        sighted.select(*WAFER_NAME).distinct().join(wafer_registry, WAFER_NAME, how="left_anti")
    )
    newest = wafer_registry.agg(F.coalesce(F.max("wafer_key"), F.lit(0)).alias("newest"))
    # All new wafers of a night in one partition: thousands, not billions.
    turn = F.row_number().over(Window.orderBy(*WAFER_NAME))
    return unknown.crossJoin(newest).select(
        (F.col("newest") + turn).alias("wafer_key"), *WAFER_NAME
    )
