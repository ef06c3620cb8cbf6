"""Shares that tell how good the data is, and what they usually are."""

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from fabyield.transforms.shared.keys import WAFER
from fabyield.transforms.silver.wafer_runs import not_superseded

NIGHTS, FEWEST = 30, 6
SIGMAS = 3.0
MEASURED = ("runs", "touchdowns", "wafers")


def unmatched(wafer_runs: DataFrame, wafers: DataFrame, since: int) -> DataFrame:
    """How much of what was tested is of wafers that the factory database does not know.

    Columns fab_id, metric, counted, total: wafer runs and touch-downs of files that were read after
    batch `since`, and wafers of any file. Runs without a wafer and without die coordinates are of
    packages: silver.packaged_parts tells where those came from.
    """
    known = wafers.select(*WAFER, "is_known")
    of_wafers = not_superseded(wafer_runs).where("wafer_num >= 0 OR placed > 0")
    on_wafers = F.when(F.col("wafer_num") >= 0, F.col("touchdowns")).otherwise(F.col("placed"))
    is_new = F.col("read_in") > since
    tonight = of_wafers.groupBy(*WAFER).agg(
        F.count_if(is_new).alias("runs"), F.sum(F.when(is_new, on_wafers)).alias("touchdowns")
    )
    each = tonight.join(known, WAFER, how="inner").withColumn("wafers", F.lit(1))
    sums = [
        total.alias(name)
        for what in MEASURED
        for name, total in (
            (f"{what}_total", F.sum(what)),
            (f"{what}_counted", F.sum(F.when(~F.col("is_known"), F.col(what)).otherwise(0))),
        )
    ]
    shares = [
        F.struct(
            F.lit(f"unmatched_{what}_ratio").alias("metric"),
            F.col(f"{what}_counted").alias("counted"),
            F.col(f"{what}_total").alias("total"),
        )
        for what in MEASURED
    ]
    told = each.groupBy("fab_id").agg(*sums).select("fab_id", F.inline(F.array(*shares)))
    return told.where("total > 0")


def metric_history(shares: DataFrame, earlier: DataFrame) -> DataFrame:
    """`shares` as ratios, with the upper control limit of the last nights in `earlier`.

    mean + 3 sigma, where sigma is that between the nights or, if greater, the p chart's
    sqrt(mean (1 - mean) / total). Source: Montgomery, Statistical Quality Control, ch. 7.
    """
    newest = Window.partitionBy("fab_id", "metric").orderBy(F.desc("batch"))
    last = earlier.withColumn("_turn", F.row_number().over(newest)).where(F.col("_turn") <= NIGHTS)
    usual = last.groupBy("fab_id", "metric").agg(
        F.count("*").alias("nights"),
        F.avg("value").alias("mean"),
        F.stddev_samp("value").alias("_sigma"),
    )
    rows = shares.where("total > 0").withColumn("value", F.col("counted") / F.col("total"))
    rows = rows.join(usual, ["fab_id", "metric"], how="left")
    binomial = F.sqrt(F.col("mean") * (1 - F.col("mean")) / F.col("total"))
    upper = F.col("mean") + SIGMAS * F.greatest("_sigma", binomial)
    enough = F.col("nights") >= FEWEST
    nights = F.coalesce("nights", F.lit(0))
    return rows.withColumns({"nights": nights, "upper_control_limit": F.when(enough, upper)})
