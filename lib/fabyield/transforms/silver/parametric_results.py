"""Test results joined to their wafers and die."""

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from fabyield.transforms.silver.wafer_runs import not_superseded

RESULT_INVALID = 0b0011_1111  # TEST_FLG bits 0-5
PARAMETER_INVALID = 0b0000_0111  # PARM_FLG bits 0-2
NO_VERDICT = 0b0100_0000  # TEST_FLG bit 6
FAILED = 0b1000_0000  # TEST_FLG bit 7
RUN = ["wafer_key", "insertion", "fab_id", "lot_id", "wafer_id", "product_id"]
PROGRAM = ["test_program", "test_program_rev"]


def parametric_results(
    test_values: DataFrame, wafer_runs: DataFrame, touchdowns: DataFrame
) -> DataFrame:
    """Every PTR of the runs that count; `result` is null where flags or value make it invalid."""
    number = F.col("result").isNotNull() & ~F.isnan("result") & (F.abs("result") < F.lit("inf"))
    valid = flags_valid() & number
    columns = {"valid": valid, "result": F.when(valid, F.col("result")), "test_pass": test_pass()}
    return joined(test_values, wafer_runs, touchdowns).withColumns(columns)


def functional_results(
    functional_values: DataFrame, wafer_runs: DataFrame, touchdowns: DataFrame
) -> DataFrame:
    """Every FTR of the runs that count."""
    rows = joined(functional_values, wafer_runs, touchdowns)
    return rows.withColumn("test_pass", test_pass())


def multi_results(
    multi_values: DataFrame, wafer_runs: DataFrame, touchdowns: DataFrame
) -> DataFrame:
    """Every MPR of the runs that count; `results` is null where flags make it invalid."""
    valid = flags_valid()
    columns = {"valid": valid, "results": F.when(valid, F.col("results")), "test_pass": test_pass()}
    return joined(multi_values, wafer_runs, touchdowns).withColumns(columns)


def flags_valid() -> Column:
    """TEST_FLG bits 0-5 and PARM_FLG bits 0-2 are all 0. Source: STDF V4, PTR.RESULT."""
    tested = F.col("test_flg").bitwiseAND(RESULT_INVALID) == 0
    return tested & (F.col("parm_flg").bitwiseAND(PARAMETER_INVALID) == 0)


def test_pass() -> Column:
    """TEST_FLG bit 7, null unless bit 6 is 0. Source: STDF V4, PTR.TEST_FLG."""
    flag = F.col("test_flg")
    return F.when(flag.bitwiseAND(NO_VERDICT) == 0, flag.bitwiseAND(FAILED) == 0)


def joined(values: DataFrame, wafer_runs: DataFrame, touchdowns: DataFrame) -> DataFrame:
    """`values` of the runs that count, with their wafer and their place among the touch-downs."""
    runs = not_superseded(wafer_runs).select(run_key().alias("_run"), *RUN, *PROGRAM)
    rows = values.drop("batch").withColumn("_run", run_key())
    rows = rows.join(F.broadcast(runs), "_run", how="inner").drop("_run")
    again = retested(touchdowns)
    rows = rows.withColumn("_part", part_key()).join(again, "_part", how="left").drop("_part")
    return rows.withColumns(
        {
            "touchdown_num": F.coalesce("touchdown_num", F.lit(1)),
            "is_final": F.coalesce("is_final", F.lit(True)),
        }
    )


def retested(touchdowns: DataFrame) -> DataFrame:
    """The touch-downs of die that were touched more than once: few, so they can be broadcast."""
    touched_once = F.col("is_final") & (F.col("touchdown_num") == 1)
    return touchdowns.where(~touched_once).select(
        part_key().alias("_part"), "touchdown_num", "is_final"
    )


def run_key() -> Column:
    """file_key and wafer_num as one bigint: a join on two integers is slow by far."""
    return F.shiftleft("file_key", 20) + F.col("wafer_num") + 1


def part_key() -> Column:
    """file_key and part_num as one bigint."""
    return F.shiftleft("file_key", 32) + F.col("part_num")
