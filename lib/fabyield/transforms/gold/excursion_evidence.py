"""In what the wafers that an excursion affected differ from the others of their product."""

from collections.abc import Sequence

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from fabyield.transforms.gold.commonality import PLACE, PRODUCT
from fabyield.transforms.shared.keys import INSERTION

# The columns of suspects; `ended_at` is null while an excursion goes on.
SUSPECTED = (
    "excursion_id string, suspect_rank int, fab_id string, product_id string, insertion string, "
    "factor_kind string, process_step string, level string, since_at timestamp, "
    "until_at timestamp, ended_at timestamp"
)


def excursion_wafers(wafers: DataFrame, visits: DataFrame, suspects: DataFrame) -> DataFrame:
    """Return the compared wafers with the excursion that affected each, null if none did.

    `suspects` have the columns of SUSPECTED.
    """
    known = wafers.select(*PRODUCT, "wafer_key", "lot_id", "tested_die", "good_die")
    seen = known.join(visits, INSERTION, how="inner")
    hit = seen.join(F.broadcast(suspects), [*PRODUCT, *PLACE], how="inner")
    hit = hit.where(F.col("at").between(F.col("since_at"), F.col("until_at")))
    strongest = F.min_by("excursion_id", "suspect_rank").alias("excursion_id")
    return known.join(hit.groupBy(*INSERTION).agg(strongest), INSERTION, how="left")


def in_line_wafers(
    visits: DataFrame, suspects: DataFrame, wafers: DataFrame, wafer_yield: DataFrame
) -> DataFrame:
    """Return the wafers that went through a suspect since and are not tested: to be hit.

    `visits` have a wafer_key for each PLACE; `wafers` are silver.wafers.
    """
    names = wafers.select(
        "fab_id", "wafer_key", "product_id", F.col("current_lot_id").alias("lot_id")
    )
    keys = ["fab_id", "product_id", *PLACE]
    visited = visits.join(names, ["fab_id", "wafer_key"], how="inner")
    hit = visited.join(F.broadcast(suspects), keys, how="inner")
    is_after = F.col("at") >= F.col("since_at")
    is_before = F.col("ended_at").isNull() | (F.col("at") <= F.col("ended_at"))
    tested = wafer_yield.select(*INSERTION).distinct()
    untested = hit.where(is_after & is_before).join(tested, INSERTION, how="left_anti")
    return untested.groupBy(*PRODUCT, "excursion_id", "lot_id").agg(
        F.count_distinct("wafer_key").alias("wafers")
    )


def counted_evidence(
    arms: DataFrame, zone_yield: DataFrame, bin_pareto: DataFrame, parametric_summary: DataFrame
) -> DataFrame:
    """Count die, zones, bins, tests and lots per excursion, and of the others together.

    `arms` are the `excursion_wafers`. A row has kind, subject, unit; wafers; amount of total die;
    mean and spread of the wafer means of a test, and sigma within a wafer.
    """
    wafers = arms.select(*INSERTION, "product_id", "excursion_id")
    of_wafers = [_of(rows, wafers) for rows in (zone_yield, bin_pareto, parametric_summary)]
    kinds = (_zones(of_wafers[0]), _bins(of_wafers[1]), _tests(of_wafers[2]))
    hit = arms.where("excursion_id is not null")
    rows = _counted(arms, F.lit("die"), F.lit(""), _die("good_die", "tested_die"))
    for more in (*kinds, _counted(hit, F.lit("affected_lot"), F.col("lot_id"), [])):
        rows = rows.unionByName(more, allowMissingColumns=True)
    return rows


def _of(rows: DataFrame, wafers: DataFrame) -> DataFrame:
    return rows.drop("product_id").join(wafers, INSERTION, how="inner")


def _zones(zones: DataFrame) -> DataFrame:
    return _counted(zones, F.lit("zone"), F.col("zone"), _die("good_die", "tested_die"))


def _bins(bins: DataFrame) -> DataFrame:
    kind = F.when(F.col("bin_kind") == "S", "soft_bin").otherwise("hard_bin")
    name = F.concat_ws(" ", F.col("bin_num").cast("string"), "bin_nam")
    return _counted(bins.where("not is_pass"), kind, name, [F.sum("die").alias("amount")])


def _tests(tests: DataFrame) -> DataFrame:
    name = F.coalesce(F.nullif("test_txt", F.lit("")), F.col("test_num").cast("string"))
    figures = {"mean": F.avg("mean"), "spread": F.stddev_samp("mean"), "sigma": F.avg("sigma")}
    named = [column.alias(name) for name, column in figures.items()]
    return _counted(tests.where("mean is not null"), F.lit("test"), name, named, "units")


def _die(amount: str, total: str) -> list[Column]:
    return [F.sum(amount).alias("amount"), F.sum(total).alias("total")]


def _counted(
    rows: DataFrame, kind: Column, subject: Column, figures: Sequence[Column], unit: str = ""
) -> DataFrame:
    units = [F.col(unit).alias("unit")] if unit else []
    arm = ["product_id", "insertion", "excursion_id"]
    groups = rows.groupBy(*arm, kind.alias("kind"), subject.alias("subject"), *units)
    return groups.agg(F.count_distinct("wafer_key").alias("wafers"), *figures)
