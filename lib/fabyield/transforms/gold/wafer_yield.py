"""Yield of a wafer: at first touch, after retest, and of all the die it has room for."""

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from fabyield.transforms.shared.keys import WAFER


def wafer_yield(die_results: DataFrame, wafers: DataFrame) -> DataFrame:
    """Count each wafer's good die against the die tested and the die sites it has."""
    recovered = ~F.col("first_pass") & F.col("final_pass")
    counts = die_results.groupBy(*WAFER, "insertion").agg(
        F.count("*").alias("tested_die"),
        F.count_if("first_pass").alias("first_pass_die"),
        F.count_if("final_pass").alias("good_die"),
        F.count_if(recovered).alias("recovered_die"),
        F.min("tested_at").alias("tested_at"),
    )
    # A wafer with more die than its product has room for says that gross_die is wrong.
    fits = F.col("tested_die") <= F.col("gross_die")
    return counts.join(wafers, WAFER, how="left").withColumns(
        {
            "first_pass_yield_pct": percent("first_pass_die", "tested_die"),
            "final_yield_pct": percent("good_die", "tested_die"),
            "gross_die_yield_pct": F.when(fits, percent("good_die", "gross_die")),
        }
    )


def percent(part: str, whole: str) -> Column:
    """`part` as a percentage of `whole`; null where `whole` is null or zero."""
    return 100 * F.try_divide(part, whole)
