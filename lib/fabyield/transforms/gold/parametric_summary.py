"""Statistics and capability of every test on a wafer."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from fabyield.transforms.shared.keys import INSERTION
from fabyield.transforms.silver.parametric_results import PROGRAM
from fabyield.transforms.silver.wafer_runs import not_superseded

TEST = [*PROGRAM, "test_num", "test_txt"]
LIMITS = ["units", "lo_limit", "hi_limit"]


def parametric_summary(
    parametric_results: DataFrame, tests: DataFrame, wafer_runs: DataFrame
) -> DataFrame:
    """Return count, spread and capability of each test over the wafer's final touchdowns.

    A wafer is the subgroup, so sigma is within subgroups: Cp = (hi - lo) / 6 sigma and
    Cpk = min(hi - mean, mean - lo) / 3 sigma, one-sided if one limit is missing. Both are null
    without limits or spread.
    """
    final = with_test_names(parametric_results.where("is_final"))
    figures = final.groupBy(*INSERTION, "lot_id", "wafer_id", "product_id", *TEST).agg(
        F.count("*").alias("executed"),
        F.count("result").alias("valid_results"),
        F.count_if(~F.col("test_pass")).alias("failed"),
        F.avg("result").alias("mean"),
        F.stddev_samp(F.col("result").cast("double")).alias("sigma"),
        F.min("result").alias("minimum"),
        F.max("result").alias("maximum"),
    )
    rows = figures.join(test_limits(tests, wafer_runs), [*INSERTION, *TEST], how="left")
    lo, hi, mean, sigma = (F.col(name) for name in ("lo_limit", "hi_limit", "mean", "sigma"))
    # least() skips a null, so one limit alone decides.
    cpk = F.try_divide(F.least(hi - mean, mean - lo), 3 * sigma)
    return rows.withColumns({"cp": F.try_divide(hi - lo, 6 * sigma), "cpk": cpk})


def test_limits(tests: DataFrame, wafer_runs: DataFrame) -> DataFrame:
    """Return unit and limits of every test on a wafer, from the last file that ran it."""
    runs = not_superseded(wafer_runs)
    runs = runs.select("file_key", *INSERTION, *PROGRAM, "started_at").distinct()
    parametric = tests.where(F.col("test_kind") == "P")
    declared = with_test_names(parametric.join(F.broadcast(runs), "file_key", how="inner"))
    latest = F.max_by(F.struct(*LIMITS), F.struct("started_at", "file_key", "test_index"))
    limits = declared.groupBy(*INSERTION, *TEST).agg(latest.alias("_l"))
    return limits.select(*INSERTION, *TEST, "_l.*")


def with_test_names(df: DataFrame) -> DataFrame:
    """Replace missing names of tests and programs by empty strings, so that they can be joined."""
    texts = (*PROGRAM, "test_txt")
    return df.withColumns({name: F.coalesce(name, F.lit("")) for name in texts})
