"""One row per die, for any number of touchdowns."""

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from fabyield.transforms.shared.keys import DIE


def die_results(touchdowns: DataFrame) -> DataFrame:
    """Return the first and the final verdict of every die, its bins, and the rule that decided."""
    later = F.coalesce("superseded_by", F.lit("first_touchdown"))
    rule = F.when(F.col("part_pass").isNull(), "no_valid_verdict").otherwise(later)
    found = touchdowns.groupBy(*DIE).agg(
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
        _of("is_final", F.col("identified_by")).alias("identified_by"),
        _of("is_final", rule).alias("_rule"),
    )
    is_only = (F.col("touchdowns") == 1) & F.col("final_pass").isNotNull()
    decided_by = F.when(is_only, "only_touchdown").otherwise(F.col("_rule"))
    return found.withColumn("decided_by", decided_by)


def _of(which: str, value: Column) -> Column:
    # One touchdown of a die is first and one is final, so the maximum is over one value.
    return F.max(F.when(F.col(which), value))
