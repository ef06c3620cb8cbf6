"""One row per wafer: its lot, product, slot, start and die sites."""

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from fabyield.transforms.shared.keys import WAFER, WAFER_NAME
from fabyield.transforms.shared.name_rules import (
    NO_NAME,
    NameRules,
    canonical_lot,
    canonical_names,
    trimmed,
)
from fabyield.transforms.silver.wafer_names import with_wafer_key

LOT = ["fab_id", "lot_id"]


def wafers(
    wafer_names: DataFrame,
    renamings: DataFrame,
    fab_wafers: DataFrame,
    lots: DataFrame,
    fab_products: DataFrame,
) -> DataFrame:
    """Return every wafer by its first name, with its current lot, that lot's product and die sites.

    `renamings`, `fab_wafers` and `lots` (fab_id, lot_id, product_id) have canonical names. A wafer
    is known if `fab_wafers` has any of its names; of several slots and starts the first counts.
    """
    found = with_wafer_key(fab_wafers, wafer_names).groupBy(*WAFER)
    known = found.agg(F.min("slot").alias("slot"), F.min("started_at").alias("started_at"))
    moves = F.collect_list(F.struct("renamed_at", "lot_id", "from_lot_id"))
    moved = with_wafer_key(renamings, wafer_names).groupBy(*WAFER).agg(moves.alias("_moves"))
    now = moved.select(*WAFER, current_lot(F.col("_moves")).alias("_renamed_to"))
    first = wafer_names.where("name_key = wafer_key").select(*WAFER, "lot_id", "wafer_id")
    products = fab_products.select("fab_id", "product_id", "gross_die")
    rows = first.join(known.withColumn("is_known", F.lit(True)), WAFER, how="left")
    rows = rows.join(now, WAFER, how="left")
    rows = rows.withColumn("current_lot_id", F.coalesce("_renamed_to", "lot_id"))
    # The product of the current lot or, if it has none, of the first lot.
    current = lots.select("fab_id", F.col("lot_id").alias("current_lot_id"), "product_id")
    rows = rows.join(current, ["fab_id", "current_lot_id"], how="left")
    first_product = F.col("product_id").alias("_first_product")
    rows = rows.join(lots.select(*LOT, first_product), LOT, how="left")
    rows = rows.withColumn("product_id", F.coalesce("product_id", "_first_product"))
    rows = rows.join(products, ["fab_id", "product_id"], how="left")
    # Parts tested outside any wafer have a product, but no wafer map.
    gross_die = F.when(F.col("wafer_id") != NO_NAME, F.col("gross_die"))
    is_known = F.coalesce("is_known", F.lit(False))
    return rows.withColumns({"is_known": is_known, "gross_die": gross_die})


def current_lot(moves: Column) -> Column:
    """Return the lot of the last of a wafer's `moves` (renamed_at, lot_id, from_lot_id).

    Of several at the same time it is the one that no other move leaves.
    """
    last_at = F.array_max(F.transform(moves, lambda move: move["renamed_at"]))
    last = F.filter(moves, lambda move: move["renamed_at"] == last_at)
    left = F.transform(last, lambda move: move["from_lot_id"])
    ends = F.filter(last, lambda move: ~F.array_contains(left, move["lot_id"]))
    # A ring of moves at the same time has no end.
    return F.coalesce(F.array_max(ends), F.array_max(last))["lot_id"]


def canonical_lots(fab_lots: DataFrame, rules: NameRules) -> DataFrame:
    """Return fab, lot and product, one row per canonical lot."""
    lots = fab_lots.withColumn("lot_id", canonical_lot(F.col("lot_id"), rules))
    return lots.groupBy(*LOT).agg(F.min("product_id").alias("product_id"))


def names_in(rows: DataFrame, rules: NameRules) -> DataFrame:
    """Return the canonical fab, lot and wafer of all `rows`."""
    return canonical_names(rows, rules).select(*WAFER_NAME)


def both_names(renamings: DataFrame) -> DataFrame:
    """Return the names before and after each of `renamings`."""
    before = renamings.select("fab_id", F.col("from_lot_id").alias("lot_id"), "wafer_id")
    return before.unionByName(renamings.select(*WAFER_NAME))


def with_lot(stdf_wafers: DataFrame, stdf_files: DataFrame) -> DataFrame:
    """Add the lot of its file to every wafer run."""
    lots = stdf_files.select("file_key", lot_or_session().alias("lot_id"))
    return stdf_wafers.join(lots, "file_key", how="inner")


def lot_or_session() -> Column:
    """Return a file's lot, or `-` and its session, so that files without a lot stay apart."""
    nameless = F.concat(F.lit(NO_NAME), F.substring("session_id", 1, 8))
    return F.when(F.length(trimmed(F.col("lot_id"))) > 0, F.col("lot_id")).otherwise(nameless)
