"""Touch-downs of a die in their order, and the ones that decide."""

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from fabyield.transforms.shared.keys import DIE
from fabyield.transforms.silver.wafer_runs import not_superseded

PART_ID_FLAG, COORDINATE_FLAG = 1, 2


def touchdowns(parts: DataFrame, wafer_runs: DataFrame, retest_rule: str) -> DataFrame:
    """Number every die's touch-downs in order of test time and mark the two that decide.

    The first valid one decides the first verdict; the last valid one that supersedes those
    before it, the final verdict. `retest_rule` `touch`: each one supersedes; `flag`: only those
    that say so by PART_FLG bit 0 or 1 or stand in a retest file (RDR). Source: STDF V4, PRR, RDR.
    """
    runs = not_superseded(wafer_runs).drop("batch", "touchdowns")
    rows = parts.drop("batch").join(runs, ["file_key", "wafer_num"], how="inner")
    rows = rows.withColumns({"die_id": die_id(), "tested_at": F.col("started_at")})
    in_time = Window.partitionBy(*DIE).orderBy("started_at", "file_key", "part_num")
    rows = rows.withColumn("touchdown_num", F.row_number().over(in_time))
    rows = rows.withColumn("superseded_by", F.when(F.col("touchdown_num") > 1, rule(retest_rule)))
    turn, die = F.col("touchdown_num"), Window.partitionBy(*DIE)
    counts = (turn == 1) | F.col("superseded_by").isNotNull()
    valid = F.col("part_pass").isNotNull()
    first = F.coalesce(F.min(F.when(valid, turn)).over(die), F.lit(1))
    last_counting = F.max(F.when(counts, turn)).over(die)
    last_valid = F.max(F.when(valid & counts, turn)).over(die)
    final = F.coalesce(last_valid, F.min(F.when(valid, turn)).over(die), last_counting)
    return rows.withColumns({"is_first": turn == first, "is_final": turn == final})


def die_id() -> Column:
    """`x,y` where a part has coordinates, else sublot and part_id, else its place in its file."""
    place = F.concat(F.lit("part "), F.concat_ws("/", "file_key", "part_num"))
    # Testers number the parts of each sublot from 1.
    numbered = F.when(F.col("part_id").isNotNull(), F.concat_ws("/", "sblot_id", "part_id"))
    wafer_die = F.col("x_coord").isNotNull() & F.col("y_coord").isNotNull()
    return F.when(wafer_die, F.concat_ws(",", "x_coord", "y_coord")).otherwise(
        F.coalesce(numbered, place)
    )


def rule(retest_rule: str) -> Column:
    """The rule by which a later touch-down supersedes; null where it does not."""
    flag = F.col("part_flg")
    again = F.lit("same_die_again" if retest_rule == "touch" else None).cast("string")
    return (
        F.when(flag.bitwiseAND(PART_ID_FLAG) != 0, "part_id_flag")
        .when(flag.bitwiseAND(COORDINATE_FLAG) != 0, "coordinate_flag")
        .when(F.col("is_retest_file"), "retest_file")
        .otherwise(again)
    )
