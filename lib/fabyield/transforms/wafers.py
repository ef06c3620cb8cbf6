"""What is known of every wafer."""

from collections.abc import Sequence

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from fabyield.transforms.canonical import NOWHERE, canonical_lot, canonical_wafer, trimmed
from fabyield.transforms.wafer_registry import WAFER

LOT = ["fab_id", "lot_id"]


def canonical_wafers(df: DataFrame, rules: Sequence[Sequence[str]]) -> DataFrame:
    """`df` with its lot_id and wafer_id in canonical spelling."""
    lot = canonical_lot(F.col("lot_id"))
    wafer = canonical_wafer(F.col("wafer_id"), lot, rules)
    return df.withColumns({"wafer_id": wafer, "lot_id": lot})


def wafers(
    wafer_registry: DataFrame, fab_wafers: DataFrame, fab_lots: DataFrame, fab_products: DataFrame
) -> DataFrame:
    """Every registered wafer with its lot's product and die sites; `fab_wafers` is canonical.

    A wafer that the factory database spells in two ways is one; its first slot and start count.
    """
    known = fab_wafers.groupBy(*WAFER).agg(
        F.min("slot").alias("slot"), F.min("started_at").alias("started_at")
    )
    known = known.withColumn("is_known", F.lit(True))
    lots = fab_lots.select("fab_id", canonical_lot(F.col("lot_id")).alias("lot_id"), "product_id")
    lots = lots.groupBy(*LOT).agg(F.min("product_id").alias("product_id"))
    products = fab_products.select("fab_id", "product_id", "gross_die")
    return (
        wafer_registry.drop("batch")
        .join(known, WAFER, how="left")
        .join(lots, LOT, how="left")
        .join(products, ["fab_id", "product_id"], how="left")
        .withColumn("is_known", F.coalesce("is_known", F.lit(False)))
        # Parts tested outside any wafer share a product with wafers, not their map.
        .withColumn("gross_die", F.when(F.col("wafer_id") != NOWHERE, F.col("gross_die")))
    )


def sighted(rows: DataFrame, rules: Sequence[Sequence[str]]) -> DataFrame:
    """Fab, lot and wafer, in canonical spelling, of every wafer that `rows` name."""
    return canonical_wafers(rows, rules).select(*WAFER)


def tested(stdf_wafers: DataFrame, stdf_files: DataFrame) -> DataFrame:
    """Wafer runs with the lot that their file names."""
    lots = stdf_files.select("file_key", lot_or_session().alias("lot_id"))
    return stdf_wafers.join(lots, "file_key", how="inner")


def lot_or_session() -> Column:
    """A file's lot; where it names none, its session, so that no two of them become one lot."""
    nameless = F.concat(F.lit(NOWHERE), F.substring("session_id", 1, 8))
    return F.when(F.length(trimmed(F.col("lot_id"))) > 0, F.col("lot_id")).otherwise(nameless)
