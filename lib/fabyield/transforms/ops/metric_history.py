"""Metrics of data quality, with control limits from earlier nights."""

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from fabyield.transforms.shared.keys import WAFER
from fabyield.transforms.silver.wafer_runs import not_superseded

MAX_NIGHTS, MIN_NIGHTS = 30, 6
SIGMAS = 3.0
MEASURED = ("runs", "touchdowns", "wafers")


def unmatched(wafer_runs: DataFrame, wafers: DataFrame, since: int) -> DataFrame:
    """Count the runs, touchdowns and wafers that the factory database does not know.

    Columns fab_id, metric, counted, total: runs and touchdowns of files read after batch `since`,
    wafers of all files. Runs without wafer and die coordinates are packages, and do not count.
    """
    of_wafers = not_superseded(wafer_runs).where("wafer_num >= 0 OR placed > 0")
    on_wafers = F.when(F.col("wafer_num") >= 0, F.col("touchdowns")).otherwise(F.col("placed"))
    is_new = F.col("read_in") > since
    counts = of_wafers.groupBy(*WAFER).agg(
        F.count_if(is_new).alias("runs"),
        F.sum(F.when(is_new, on_wafers)).alias("touchdowns"),
        F.lit(1).cast("bigint").alias("wafers"),
    )
    known = counts.join(wafers.select(*WAFER, "is_known"), WAFER, how="inner")
    each = known.unpivot(["fab_id", "is_known"], [*MEASURED], "what", "count")
    metric = F.format_string("unmatched_%s_ratio", "what").alias("metric")
    shares = each.groupBy("fab_id", metric).agg(
        F.sum(F.when(~F.col("is_known"), F.col("count")).otherwise(0)).alias("counted"),
        F.sum("count").alias("total"),
    )
    return shares.where("total > 0")


def metric_history(shares: DataFrame, earlier: DataFrame) -> DataFrame:
    """Divide `shares`, and add the upper control limit of the last nights in `earlier`.

    It is mean + 3 sigma, with sigma between the nights or, if greater, the p chart's
    sqrt(mean (1 - mean) / total). Source: Montgomery, Statistical Quality Control, ch. 7.
    """
    newest = Window.partitionBy("fab_id", "metric").orderBy(F.desc("batch"))
    last = earlier.withColumn("_turn", F.row_number().over(newest)).where(
        F.col("_turn") <= MAX_NIGHTS
    )
    usual = last.groupBy("fab_id", "metric").agg(
        F.count("*").alias("nights"),
        F.avg("value").alias("mean"),
        F.stddev_samp("value").alias("_sigma"),
    )
    rows = shares.where("total > 0").withColumn("value", F.col("counted") / F.col("total"))
    rows = rows.join(usual, ["fab_id", "metric"], how="left")
    binomial = F.sqrt(F.col("mean") * (1 - F.col("mean")) / F.col("total"))
    upper = F.col("mean") + SIGMAS * F.greatest("_sigma", binomial)
    enough = F.col("nights") >= MIN_NIGHTS
    nights = F.coalesce("nights", F.lit(0))
    return rows.withColumns({"nights": nights, "upper_control_limit": F.when(enough, upper)})
