"""Statistics and capability of every test on a wafer."""

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from fabyield.transforms.shared.keys import INSERTION
from fabyield.transforms.silver.parametric_results import PROGRAM
from fabyield.transforms.silver.wafer_runs import not_superseded

TEST = [*PROGRAM, "test_num", "test_txt"]
FIGURES = ["mean", "sigma", "minimum", "maximum"]


def parametric_summary(
    parametric_results: DataFrame, tests: DataFrame, wafer_runs: DataFrame
) -> DataFrame:
    """Return count, spread and capability of each test over the wafer's final touchdowns.

    Results in another unit than their test's are a row of their own. A wafer is the subgroup, so
    sigma is within subgroups: Cp = (hi - lo) / 6 sigma and Cpk = min(hi - mean, mean - lo) / 3
    sigma, one-sided if one limit is missing. Both are null without limits or spread, and where
    `no_capability` says why.
    """
    final = with_test_names(parametric_results.where("is_final"))
    final = final.withColumn("own_unit", F.col("own_limits.units"))
    wafer = [*INSERTION, "lot_id", "wafer_id", "product_id"]
    figures = final.groupBy(*wafer, *TEST, "own_unit").agg(
        F.count("*").alias("executed"),
        F.count("result").alias("valid_results"),
        F.count_if(~F.col("test_pass")).alias("failed"),
        F.avg("result").alias("mean"),
        F.stddev_samp(F.col("result").cast("double")).alias("sigma"),
        F.min("result").alias("minimum"),
        F.max("result").alias("maximum"),
        *_own("lo_limit"),
        *_own("hi_limit"),
    )
    rows = figures.join(test_limits(tests, wafer_runs), [*INSERTION, *TEST], how="left")
    return with_capability(rows.withColumns(_limits()))


def _own(limit: str) -> list[Column]:
    own = F.col(f"own_limits.{limit}")
    aggregates = {"count": F.count(own), "least": F.min(own), "most": F.max(own)}
    return [column.alias(f"{limit}_{name}") for name, column in aggregates.items()]


def _limits() -> dict[str, Column]:
    """Return unit and limits of a row, and why it has none."""
    several_units = F.col("own_unit").isNull() & F.coalesce("several_units", F.lit(False))
    lo, hi = _limit("lo_limit"), _limit("hi_limit")
    reason = (
        F.when(several_units, "several units")
        .when(_has_several("lo_limit") | _has_several("hi_limit"), "several limits")
        .when(lo > hi, "low limit above high limit")
    )
    known = {name: F.when(~several_units, F.col(name)) for name in FIGURES}
    bounds = {name: F.when(reason.isNull(), c) for name, c in (("lo_limit", lo), ("hi_limit", hi))}
    unit = F.coalesce("own_unit", F.when(~several_units, F.col("units")))
    return {"no_capability": reason, "units": unit} | known | bounds


def _limit(limit: str) -> Column:
    """Return the limit of all results of a row; an infinite one is none."""
    held = F.when(F.col(f"{limit}_count") == 0, F.col(limit)).otherwise(F.col(f"{limit}_least"))
    return F.when(F.abs(held) < F.lit("inf").cast("float"), held)


def _has_several(limit: str) -> Column:
    """Whether the results of a row have different limits: by file, or by record."""
    own = F.col(f"{limit}_count")
    by_file = (own == 0) & F.col(f"several_{limit}s")
    one = (own == F.col("executed")) & (F.col(f"{limit}_least") == F.col(f"{limit}_most"))
    return by_file | ((own > 0) & ~one)


def with_capability(rows: DataFrame) -> DataFrame:
    """Add Cp and Cpk."""
    lo, hi, mean, sigma = (F.col(name) for name in ("lo_limit", "hi_limit", "mean", "sigma"))
    # least() skips a null, so one limit alone decides.
    cpk = F.try_divide(F.least(hi - mean, mean - lo), 3 * sigma)
    return rows.withColumns({"cp": F.try_divide(hi - lo, 6 * sigma), "cpk": cpk})


def test_limits(tests: DataFrame, wafer_runs: DataFrame) -> DataFrame:
    """Return unit and limits of every test on a wafer, and whether its files differ in them."""
    runs = not_superseded(wafer_runs).select("file_key", *INSERTION, *PROGRAM).distinct()
    parametric = tests.where(F.col("test_kind") == "P")
    declared = with_test_names(parametric.join(F.broadcast(runs), "file_key", how="inner"))
    names = ("units", "lo_limit", "hi_limit")
    flags = ("several_units", "several_lo_limits", "several_hi_limits")
    stated = [F.max_by(F.struct(*names), "file_key").alias("_l")]
    # As a hash, which a null has too.
    several = [
        (F.min(F.xxhash64(name)) != F.max(F.xxhash64(name))).alias(flag)
        for name, flag in zip(names, flags, strict=True)
    ]
    limits = declared.groupBy(*INSERTION, *TEST).agg(*stated, *several)
    return limits.select(*INSERTION, *TEST, *flags, "_l.*")


def with_test_names(df: DataFrame) -> DataFrame:
    """Replace missing names of tests and programs by empty strings, so that they can be joined."""
    texts = (*PROGRAM, "test_txt")
    return df.withColumns({name: F.coalesce(name, F.lit("")) for name in texts})
