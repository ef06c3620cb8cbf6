"""One row per die, however often it was touched."""

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from fabyield.transforms.shared.keys import DIE


def die_results(touchdowns: DataFrame) -> DataFrame:
    """The first and the final verdict of every die, its bins, and the rule that decided."""
    return (
        touchdowns.groupBy(*DIE)
        .agg(
            F.max("x_coord").alias("x_coord"),
            F.max("y_coord").alias("y_coord"),
            F.count("*").alias("touchdowns"),
            F.min("tested_at").alias("tested_at"),
            _of("is_first", F.col("part_pass")).alias("first_pass"),
            _of("is_final", F.col("part_pass")).alias("final_pass"),
            _of("is_first", F.col("hard_bin")).alias("first_hard_bin"),
            _of("is_first", F.col("soft_bin")).alias("first_soft_bin"),
            _of("is_final", F.col("hard_bin")).alias("final_hard_bin"),
            _of("is_final", F.col("soft_bin")).alias("final_soft_bin"),
            _of("is_final", decided_by()).alias("_rule"),
        )
        .withColumn(
            "decided_by", F.when(F.col("touchdowns") > 1, F.col("_rule")).otherwise(_only())
        )
    )


def decided_by() -> Column:
    """The rule that makes a final touch-down decide over the others of its die."""
    later = F.coalesce("superseded_by", F.lit("first_touchdown"))
    return F.when(F.col("part_pass").isNull(), "no_valid_verdict").otherwise(later)


def _only() -> Column:
    none = F.col("final_pass").isNull()
    return F.when(none, "no_valid_verdict").otherwise("only_touchdown")


def _of(which: str, value: Column) -> Column:
    # One touch-down of a die is first and one is final, so the greatest of one is that one.
    return F.max(F.when(F.col(which), value))
