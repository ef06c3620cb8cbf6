"""The final bins of a wafer's die."""

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from fabyield.transforms.gold.wafer_yield import percent
from fabyield.transforms.shared.keys import INSERTION, WAFER
from fabyield.transforms.silver.wafer_runs import not_superseded

BIN = ["bin_kind", "bin_num"]
NO_BIN = -1


def bin_pareto(die_results: DataFrame, bin_names: DataFrame, wafers: DataFrame) -> DataFrame:
    """Count each wafer's die by final hard and soft bin, the most frequent failing bin first."""
    bins = {"H": F.col("final_hard_bin"), "S": F.col("final_soft_bin")}
    filled = [F.coalesce(number, F.lit(NO_BIN)).alias(kind) for kind, number in bins.items()]
    rows = die_results.select(*INSERTION, "final_pass", *filled)
    rows = rows.unpivot([*INSERTION, "final_pass"], [*bins], *BIN)
    counts = rows.groupBy(*INSERTION, *BIN).agg(
        F.count("*").alias("die"), F.bool_or("final_pass").alias("is_pass")
    )
    counts = counts.withColumn("is_pass", F.coalesce("is_pass", F.lit(False)))
    kind = Window.partitionBy(*INSERTION, "bin_kind")
    frequency = Window.partitionBy(*INSERTION, "bin_kind", "is_pass").orderBy(
        F.desc("die"), "bin_num"
    )
    counts = counts.withColumns(
        {"tested_die": F.sum("die").over(kind), "bin_rank": F.row_number().over(frequency)}
    )
    known = wafers.select(*WAFER, "lot_id", "wafer_id", "product_id")
    named = counts.join(bin_names, [*INSERTION, *BIN], how="left").join(known, WAFER, how="left")
    return named.withColumn("die_pct", percent("die", "tested_die"))


def bin_names(bin_counts: DataFrame, wafer_runs: DataFrame) -> DataFrame:
    """Return the name of each bin on a wafer, from the last file that names it."""
    runs = not_superseded(wafer_runs).select("file_key", *INSERTION, "started_at").distinct()
    named = bin_counts.where(F.col("bin_nam").isNotNull()).join(runs, "file_key", how="inner")
    latest = F.max_by("bin_nam", F.struct("started_at", "file_key"))
    return named.groupBy(*INSERTION, *BIN).agg(latest.alias("bin_nam"))
