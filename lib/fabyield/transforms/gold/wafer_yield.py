"""Yield of a wafer: at first touch, after retest, and of its gross die."""

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from fabyield.transforms.shared.keys import WAFER


def wafer_yield(die_results: DataFrame, wafers: DataFrame) -> DataFrame:
    """Compare each wafer's good die with its tested die and its gross die."""
    recovered = ~F.col("first_pass") & F.col("final_pass")
    counts = die_results.groupBy(*WAFER, "insertion").agg(
        F.count("*").alias("tested_die"),
        F.count_if("first_pass").alias("first_pass_die"),
        F.count_if("final_pass").alias("good_die"),
        F.count_if(recovered).alias("recovered_die"),
        F.min("tested_at").alias("tested_at"),
    )
    # More tested die than gross die means that gross_die is wrong.
    fits = F.col("tested_die") <= F.col("gross_die")
    return counts.join(wafers, WAFER, how="left").withColumns(
        {
            "first_pass_yield_pct": percent("first_pass_die", "tested_die"),
            "final_yield_pct": percent("good_die", "tested_die"),
            "gross_die_yield_pct": F.when(fits, percent("good_die", "gross_die")),
        }
    )


def percent(part: str, whole: str) -> Column:
    """Return `part` as a percentage of `whole`; null if `whole` is null or zero."""
    return 100 * F.try_divide(part, whole)
