"""From packaged parts back to the wafers and die that they came from."""

from collections.abc import Mapping

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from fabyield.transforms.shared.keys import DIE, WAFER, WAFER_NAME
from fabyield.transforms.shared.name_rules import NO_NAME, NameRules, canonical_lot, canonical_names
from fabyield.transforms.silver.parametric_results import part_key

GROUPS = ["lot_id", "wafer_id", "x_coord", "y_coord"]


def packages(touchdowns: DataFrame, wafers: DataFrame) -> DataFrame:
    """Return the final touchdowns of packages: parts that were on no wafer when tested."""
    nowhere = wafers.where(F.col("wafer_id") == NO_NAME).select(*WAFER)
    return touchdowns.where("is_final").join(nowhere, WAFER, how="left_semi")


def packaged_parts(
    packages: DataFrame, die_origins: DataFrame, wafers: DataFrame, only_lots: DataFrame
) -> DataFrame:
    """Return the final touchdown of every package, and the origin of its die.

    Without an origin in `die_origins`, the lot of the package (from `wafers`) may have one source
    lot in `only_lots`.
    """
    rows = packages.withColumn("_part", part_key())
    rows = rows.select(*DIE, "_part", "part_pass", "hard_bin", "soft_bin", "tested_at")
    lots = wafers.select(*WAFER, F.col("lot_id").alias("assembly_lot_id"))
    rows = rows.join(lots, WAFER, how="left")
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
    parts: DataFrame, wafer_names: DataFrame, fab_id: str, rule: Mapping[str, str], rules: NameRules
) -> DataFrame:
    """Return the wafer and die that each part's text names; the origin of unknown wafers is null.

    `rule` names a column of bronze.parts and a
    pattern in Java's syntax, with groups 1 to 4 for lot, wafer, x and y.
    """
    text, pattern = F.col(rule["column"]), rule["pattern"]
    groups = {name: F.regexp_extract(text, pattern, n) for n, name in enumerate(GROUPS, 1)}
    named = parts.where(text.rlike(pattern)).withColumns(groups)
    tagged = named.withColumns({"_part": part_key(), "fab_id": F.lit(fab_id)})
    names = _of_wafers(wafer_names).select(*WAFER_NAME, "wafer_key", "origin_lot_id")
    known = F.col("wafer_key").isNotNull()
    return (
        canonical_names(tagged, rules)
        .join(names, WAFER_NAME, how="left")
        .select(
            "fab_id",
            "_part",
            F.col("lot_id").alias("named_lot_id"),
            F.col("wafer_id").alias("named_wafer_id"),
            "origin_lot_id",
            F.col("wafer_key").alias("origin_wafer_key"),
            F.when(known, F.col("wafer_id")).alias("origin_wafer_id"),
            F.when(known, F.col("x_coord").try_cast("int")).alias("origin_x_coord"),
            F.when(known, F.col("y_coord").try_cast("int")).alias("origin_y_coord"),
        )
    )


def only_lots(fab_assembly: DataFrame, rules: NameRules) -> DataFrame:
    """Return the package lots with one source lot: fab_id, assembly_lot_id and _only_lot_id."""
    spelt = {n: canonical_lot(F.col(n), rules) for n in ("assembly_lot_id", "lot_id")}
    lots = fab_assembly.withColumns(spelt).groupBy("fab_id", "assembly_lot_id")
    only = lots.agg(
        F.min("lot_id").alias("_only_lot_id"), F.count_distinct("lot_id").alias("_lots")
    )
    return only.where("_lots = 1").drop("_lots")


def changed_names(name_changes: DataFrame) -> DataFrame:
    """Return the wafer names that came or moved: named_lot_id, fab_id and named_wafer_id."""
    lot, wafer = F.col("lot_id").alias("named_lot_id"), F.col("wafer_id").alias("named_wafer_id")
    return _of_wafers(name_changes).select(lot, "fab_id", wafer)


def changed_lots(assembly_changes: DataFrame, rules: NameRules) -> DataFrame:
    """Return the package lots whose sources changed: assembly_lot_id and fab_id."""
    lot = canonical_lot(F.col("assembly_lot_id"), rules).alias("assembly_lot_id")
    return assembly_changes.select(lot, "fab_id").where(F.col("assembly_lot_id") != NO_NAME)


def _of_wafers(wafer_names: DataFrame) -> DataFrame:
    # Packages have no wafer name, and a lot without a name starts with NO_NAME.
    has_lot = ~F.col("lot_id").startswith(NO_NAME)
    return wafer_names.where(has_lot & (F.col("wafer_id") != NO_NAME))
