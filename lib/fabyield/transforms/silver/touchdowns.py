"""The touchdowns of a die in order of test time, and the two that decide."""

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from fabyield.transforms.shared.keys import DIE
from fabyield.transforms.silver.wafer_runs import not_superseded

PART_ID_FLAG, COORDINATE_FLAG = 1, 2


def touchdowns(parts: DataFrame, wafer_runs: DataFrame, retest_rule: str) -> DataFrame:
    """Number every die's touchdowns in order of test time and mark the two that decide.

    The first valid one decides the first verdict; the last valid one that supersedes those
    before it decides the final verdict. With `retest_rule` `touch` each one supersedes; with `flag`
    only those with PART_FLG bit 0 or 1 set or in a retest file (RDR). Source: STDF V4, PRR, RDR.
    """
    runs = not_superseded(wafer_runs).drop("batch", "touchdowns")
    rows = parts.drop("batch").join(runs, ["file_key", "wafer_num"], how="inner")
    rows = rows.withColumns({"die_id": die_id(), "tested_at": F.col("started_at")})
    in_time = Window.partitionBy(*DIE).orderBy("started_at", "file_key", "part_num")
    rows = rows.withColumn("touchdown_num", F.row_number().over(in_time))
    later = F.col("touchdown_num") > 1
    rows = rows.withColumn("superseded_by", F.when(later, superseded_by(retest_rule)))
    turn, die = F.col("touchdown_num"), Window.partitionBy(*DIE)
    counts = (turn == 1) | F.col("superseded_by").isNotNull()
    valid = F.col("part_pass").isNotNull()
    first_valid = F.min(F.when(valid, turn)).over(die)
    last_counting = F.max(F.when(counts, turn)).over(die)
    last_valid = F.max(F.when(valid & counts, turn)).over(die)
    first = F.coalesce(first_valid, F.lit(1))
    final = F.coalesce(last_valid, first_valid, last_counting)
    return rows.withColumns({"is_first": turn == first, "is_final": turn == final})


def die_id() -> Column:
    """Return `x,y` if a part has coordinates, else sublot and part_id, else file and number."""
    place = F.concat(F.lit("part "), F.concat_ws("/", "file_key", "part_num"))
    # Testers number the parts of each sublot from 1.
    numbered = F.when(F.col("part_id").isNotNull(), F.concat_ws("/", "sblot_id", "part_id"))
    has_place = F.col("x_coord").isNotNull() & F.col("y_coord").isNotNull()
    by_place = F.when(has_place, F.concat_ws(",", "x_coord", "y_coord"))
    return F.coalesce(by_place, numbered, place)


def superseded_by(retest_rule: str) -> Column:
    """Return the rule by which a later touchdown supersedes; null if it does not."""
    flag = F.col("part_flg")
    again = F.lit("same_die_again" if retest_rule == "touch" else None).cast("string")
    return (
        F.when(flag.bitwiseAND(PART_ID_FLAG) != 0, "part_id_flag")
        .when(flag.bitwiseAND(COORDINATE_FLAG) != 0, "coordinate_flag")
        .when(F.col("is_retest_file"), "retest_file")
        .otherwise(again)
    )
