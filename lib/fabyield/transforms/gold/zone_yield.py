"""Yield of a wafer by zone."""

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from fabyield.transforms.gold.wafer_yield import percent
from fabyield.transforms.shared.keys import INSERTION, WAFER

# Shares of the radius at which the ring and the edge begin.
RING, EDGE = 0.5, 0.8
PRODUCT = ["fab_id", "product_id"]
EXTENT = ("x_min", "x_max", "y_min", "y_max")


def zone_yield(die_results: DataFrame, die_layout: DataFrame, wafers: DataFrame) -> DataFrame:
    """Count each wafer's die by zone, of products with a layout.

    The radius is that of the ellipse around the product's die, so that die need not be square.
    """
    names = wafers.select(*WAFER, "lot_id", "wafer_id", "product_id")
    die = die_results.where(_is_placed()).join(names, WAFER, how="inner")
    known = die.join(F.broadcast(die_layout), PRODUCT, how="inner")
    zoned = known.withColumn("zone", _zone())
    counts = zoned.groupBy(*INSERTION, "zone", "lot_id", "wafer_id", "product_id").agg(
        F.count("*").alias("tested_die"), F.count_if("final_pass").alias("good_die")
    )
    return counts.withColumn("final_yield_pct", percent("good_die", "tested_die"))


def die_layout(die_results: DataFrame, wafers: DataFrame) -> DataFrame:
    """Return the extent of each product's die, of places tested on at least half of the wafers."""
    die = die_results.where(_is_placed()).join(
        wafers.select(*WAFER, "product_id"), WAFER, how="inner"
    )
    count = F.count_distinct("wafer_key")
    places = die.groupBy(*PRODUCT, "x_coord", "y_coord").agg(count.alias("tested_on"))
    wafers_of = die.groupBy(*PRODUCT).agg(count.alias("wafers"))
    is_usual = 2 * F.col("tested_on") >= F.col("wafers")
    usual = places.join(wafers_of, PRODUCT, how="inner").where(is_usual)
    limits = (F.min("x_coord"), F.max("x_coord"), F.min("y_coord"), F.max("y_coord"))
    named = (limit.alias(name) for limit, name in zip(limits, EXTENT, strict=True))
    return usual.where("product_id is not null").groupBy(*PRODUCT).agg(*named)


def _is_placed() -> Column:
    return F.col("x_coord").isNotNull() & F.col("y_coord").isNotNull()


def _zone() -> Column:
    x, y = (
        (2 * F.col(f"{axis}_coord") - F.col(f"{axis}_min") - F.col(f"{axis}_max"))
        / (F.col(f"{axis}_max") - F.col(f"{axis}_min") + 1)
        for axis in "xy"
    )
    radius = F.sqrt(x * x + y * y)
    return F.when(radius < RING, "centre").when(radius < EDGE, "ring").otherwise("edge")
