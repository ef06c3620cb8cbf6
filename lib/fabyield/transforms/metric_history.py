"""Shares that tell how good the data is, and what they usually are."""

from collections.abc import Mapping
from functools import reduce

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from fabyield.transforms.keys import WAFER
from fabyield.transforms.test_runs import counting

NIGHTS, FEWEST = 30, 6
SIGMAS = 3.0


def unmatched(test_runs: DataFrame, wafers: DataFrame, since: int) -> DataFrame:
    """How much of what was tested is of wafers that the factory database does not know.

    Columns fab_id, metric, counted, total: wafer runs and touch-downs of files that were read after
    batch `since`, and wafers of any file. Runs without a wafer and without die coordinates are of
    packages: silver.packaged_parts tells where those came from.
    """
    known = wafers.select(*WAFER, "is_known")
    of_wafers = counting(test_runs).where("wafer_num >= 0 OR placed > 0")
    runs = of_wafers.join(known, WAFER, how="inner")
    on_wafers = F.when(F.col("wafer_num") >= 0, F.col("touchdowns")).otherwise(F.col("placed"))
    tonight = runs.where(F.col("read_in") > since)
    figures = {
        "unmatched_runs_ratio": (tonight, F.lit(1)),
        "unmatched_touchdowns_ratio": (tonight, on_wafers),
        "unmatched_wafers_ratio": (runs.select(*WAFER, "is_known").distinct(), F.lit(1)),
    }
    return reduce(DataFrame.unionByName, _shares(figures))


def _shares(figures: Mapping[str, tuple[DataFrame, Column]]) -> list[DataFrame]:
    return [
        rows.groupBy("fab_id", F.lit(metric).alias("metric")).agg(
            F.sum(F.when(F.col("is_known"), 0).otherwise(weight)).alias("counted"),
            F.sum(weight).alias("total"),
        )
        for metric, (rows, weight) in figures.items()
    ]


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
