"""Spark: joined by the wafer's names, by its key, and without a join."""

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from benchmarks.join.summary import COLUMNS, GROUP, NAMES, VALUES, Paths

FACTS = ("product_id", "chamber")


def by_names(spark: SparkSession, paths: Paths) -> None:
    """Join by lot and wafer, as the factory names them; Spark broadcasts what is small."""
    results, wafers = _read(spark, paths)
    joined = results.select(*NAMES, *VALUES).join(
        wafers.select(*NAMES, *FACTS), list(NAMES), how="inner"
    )
    _write(_summary(joined, GROUP), paths)


def by_key(spark: SparkSession, paths: Paths) -> None:
    """Sum up each wafer's tests, then join those by one bigint, as gold is made and asked."""
    _write(_summed_first(*_read(spark, paths), ["wafer_key"]), paths)


def by_names_summed_first(spark: SparkSession, paths: Paths) -> None:
    """The same, by lot and wafer: what summing first gives without a key."""
    _write(_summed_first(*_read(spark, paths), list(NAMES)), paths)


def by_key_row_by_row(spark: SparkSession, paths: Paths) -> None:
    """Join each row by one bigint: what the key gives without summing first."""
    results, wafers = _read(spark, paths)
    known = wafers.select("wafer_key", *FACTS)
    joined = results.select("wafer_key", *VALUES).join(known, "wafer_key", how="inner")
    _write(_summary(joined, GROUP), paths)


def scan(spark: SparkSession, paths: Paths) -> None:
    """Read and aggregate the same values, joined to nothing."""
    results, _ = _read(spark, paths)
    _write(_summary(results.select(*VALUES), ("test_num",)), paths)


def _summed_first(results: DataFrame, wafers: DataFrame, wafer: list[str]) -> DataFrame:
    by_wafer = results.groupBy(*wafer, "test_num").agg(
        F.count("*").alias("_rows"),
        F.sum("result").alias("_sum"),
        F.count("result").alias("_valid"),
        F.sum(F.col("test_pass").cast("int")).alias("_passed"),
        F.count("test_pass").alias("_judged"),
    )
    known = F.broadcast(wafers.select(*wafer, *FACTS))
    groups = by_wafer.join(known, wafer, how="inner").groupBy(*GROUP)
    totals = {n: F.sum(f"_{n}") for n in ("rows", "sum", "valid", "passed", "judged")}
    found = groups.agg(*(total.alias(name) for name, total in totals.items()))
    means = {"mean_result": F.col("sum") / F.col("valid")}
    means["pass_ratio"] = F.col("passed") / F.col("judged")
    return found.withColumns(means)


def _read(spark: SparkSession, paths: Paths) -> tuple[DataFrame, DataFrame]:
    return spark.read.parquet(paths.results), spark.read.parquet(paths.wafers)


def _summary(rows: DataFrame, group: tuple[str, ...]) -> DataFrame:
    return rows.groupBy(*group).agg(
        F.count("*").alias("rows"),
        F.avg("result").alias("mean_result"),
        F.avg(F.col("test_pass").cast("int")).alias("pass_ratio"),
    )


def _write(summary: DataFrame, paths: Paths) -> None:
    found = summary.toPandas()
    found[[name for name in COLUMNS if name in found]].to_csv(paths.out, index=False)
