"""From packaged parts back to the die of the wafers that they were."""

from collections.abc import Mapping

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from fabyield.transforms.shared.key_ranges import in_key_range
from fabyield.transforms.shared.keys import DIE, WAFER_NAME
from fabyield.transforms.shared.name_rules import (
    NOWHERE,
    NameRules,
    canonical_lot,
    canonical_names,
)
from fabyield.transforms.silver.parametric_results import part_key

NAMED = {"named_lot_id": "lot_id", "named_wafer_id": "wafer_id"}
GROUPS = ["lot_id", "wafer_id", "x_coord", "y_coord"]


def packages(touchdowns: DataFrame) -> DataFrame:
    """The final touch-downs of parts without coordinates: no wafer holds them any more."""
    return touchdowns.where("is_final and x_coord is null")


def packaged_parts(
    packages: DataFrame, die_origins: DataFrame, wafers: DataFrame, only_lots: DataFrame
) -> DataFrame:
    """The final touch-down of every package, and where its die came from.

    `wafers` names the lot of packages that a part is tested in, `only_lots` its one source.
    """
    rows = packages.withColumn("_part", part_key())
    rows = rows.select(*DIE, "_part", "part_pass", "hard_bin", "soft_bin", "tested_at")
    lots = wafers.select("fab_id", "wafer_key", F.col("lot_id").alias("assembly_lot_id"))
    rows = rows.join(lots, ["fab_id", "wafer_key"], how="left")
    rows = rows.join(die_origins, ["fab_id", "_part"], how="left")
    rows = rows.join(only_lots, ["fab_id", "assembly_lot_id"], how="left")
    by_lot = F.when(F.col("_only_lot_id").isNotNull(), "assembly").otherwise("none")
    by_part = F.col("origin_wafer_key").isNotNull()
    return rows.withColumns(
        {
            "traced_by": F.when(by_part, "part").otherwise(by_lot),
            "origin_lot_id": F.coalesce("origin_lot_id", "_only_lot_id"),
            "final_pass": F.col("part_pass"),
        }
    )


def die_origins(
    parts: DataFrame,
    wafer_names: DataFrame,
    fab_id: str,
    rule: Mapping[str, str],
    rules: NameRules,
) -> DataFrame:
    """The wafer that each part's text names, as named_lot_id and named_wafer_id, and its die.

    The origin is null where there is no such wafer yet. `rule` has a column of bronze.parts, and a
    pattern in Java's syntax whose groups 1 to 4 are lot, wafer, x and y.
    """
    pattern = rule["pattern"]
    named = {
        n: F.regexp_extract(rule["column"], pattern, 1 + turn) for turn, n in enumerate(GROUPS)
    }
    said = parts.where(F.col(rule["column"]).rlike(pattern)).withColumns(named)
    tagged = said.withColumns({"_part": part_key(), "fab_id": F.lit(fab_id)})
    said = canonical_names(tagged, rules)
    names = _named(wafer_names).select(*WAFER_NAME, "wafer_key", "origin_lot_id")
    known = F.col("wafer_key").isNotNull()
    return said.join(names, WAFER_NAME, how="left").select(
        "fab_id",
        "_part",
        *(F.col(ours).alias(name) for name, ours in NAMED.items()),
        "origin_lot_id",
        F.col("wafer_key").alias("origin_wafer_key"),
        F.when(known, F.col("wafer_id")).alias("origin_wafer_id"),
        F.when(known, F.col("x_coord").try_cast("int")).alias("origin_x_coord"),
        F.when(known, F.col("y_coord").try_cast("int")).alias("origin_y_coord"),
    )


def only_lots(fab_assembly: DataFrame, rules: NameRules) -> DataFrame:
    """Lots of packages that are made of one lot: fab_id, assembly_lot_id and _only_lot_id."""
    spelt = {n: canonical_lot(F.col(n), rules) for n in ("assembly_lot_id", "lot_id")}
    lots = fab_assembly.withColumns(spelt).groupBy("fab_id", "assembly_lot_id")
    only = lots.agg(
        F.min("lot_id").alias("_only_lot_id"), F.count_distinct("lot_id").alias("_lots")
    )
    return only.where("_lots = 1").drop("_lots")


def to_retrace(
    packaged_parts: DataFrame,
    name_changes: DataFrame,
    assembly_changes: DataFrame,
    rules: NameRules,
) -> DataFrame:
    """Rows whose text names a wafer whose name came or moved, or whose lot's sources changed."""
    names = _named(name_changes)
    names = names.select("fab_id", *(F.col(ours).alias(n) for n, ours in NAMED.items()))
    lot = canonical_lot(F.col("assembly_lot_id"), rules)
    lots = assembly_changes.select("fab_id", lot.alias("assembly_lot_id"))
    lots = lots.where(F.col("assembly_lot_id") != NOWHERE)
    by_name = _told(packaged_parts, names, *NAMED)
    return by_name.unionByName(_told(packaged_parts, lots, "assembly_lot_id"))


def _named(wafer_names: DataFrame) -> DataFrame:
    # NOWHERE stands for the wafer of packages, and begins what stands for a lot without a name.
    is_lot = ~F.col("lot_id").startswith(NOWHERE)
    return wafer_names.where(is_lot & (F.col("wafer_id") != NOWHERE))


def _told(packaged_parts: DataFrame, changes: DataFrame, lot: str, *more: str) -> DataFrame:
    told = changes.localCheckpoint()
    # Lots are mostly numbered as they come: Delta passes over the files of other times by the span.
    near = packaged_parts.where(in_key_range(lot, told, lot))
    return near.join(told, ["fab_id", lot, *more], how="left_semi")
