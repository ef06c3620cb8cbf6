"""Statistics and capability of every test on a wafer."""

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from fabyield.transforms.shared.keys import INSERTION
from fabyield.transforms.silver.parametric_results import PROGRAM
from fabyield.transforms.silver.wafer_runs import not_superseded

TEST = [*PROGRAM, "test_num", "test_txt"]
LIMITS = ["units", "lo_limit", "hi_limit"]


def parametric_summary(
    parametric_results: DataFrame, tests: DataFrame, wafer_runs: DataFrame
) -> DataFrame:
    """Count, spread and capability of each test over the wafer's final touch-downs.

    A wafer is the subgroup, so sigma is within subgroups: Cp = (hi - lo) / 6 sigma and
    Cpk = min(hi - mean, mean - lo) / 3 sigma, one-sided where one limit is missing.
    """
    final = named(parametric_results.where("is_final"))
    figures = final.groupBy(*INSERTION, "lot_id", "wafer_id", "product_id", *TEST).agg(
        F.count("*").alias("executed"),
        F.count("result").alias("valid_results"),
        F.count_if(~F.col("test_pass")).alias("failed"),
        F.avg("result").alias("mean"),
        F.stddev_samp(F.col("result").cast("double")).alias("sigma"),
        F.min("result").alias("minimum"),
        F.max("result").alias("maximum"),
    )
    limits = test_limits(tests, wafer_runs)
    rows = figures.join(limits, [*INSERTION, *TEST], how="left")
    return rows.withColumns({"cp": capability(), "cpk": capability_of_mean()})


def test_limits(tests: DataFrame, wafer_runs: DataFrame) -> DataFrame:
    """Unit and limits of every test on a wafer, as the last file that ran it declares them."""
    runs = not_superseded(wafer_runs)
    runs = runs.select("file_key", *INSERTION, *PROGRAM, "started_at").distinct()
    declared = tests.where(F.col("test_kind") == "P").join(
        F.broadcast(runs), "file_key", how="inner"
    )
    declared = named(declared)
    latest = F.max_by(F.struct(*LIMITS), F.struct("started_at", "file_key", "test_index"))
    return (
        declared.groupBy(*INSERTION, *TEST)
        .agg(latest.alias("_l"))
        .select(*INSERTION, *TEST, "_l.*")
    )


def named(df: DataFrame) -> DataFrame:
    """`df` with empty strings where a test has no name or its program none."""
    texts = (*PROGRAM, "test_txt")
    return df.withColumns({name: F.coalesce(name, F.lit("")) for name in texts})


def capability() -> Column:
    """Cp; null unless both limits exist and the results spread."""
    return F.try_divide(F.col("hi_limit") - F.col("lo_limit"), 6 * F.col("sigma"))


def capability_of_mean() -> Column:
    """Cpk, of the limits that exist; null without any, or where the results do not spread."""
    above, below = F.col("hi_limit") - F.col("mean"), F.col("mean") - F.col("lo_limit")
    # least() passes over a null, so one limit alone decides.
    return F.try_divide(F.least(above, below), 3 * F.col("sigma"))
