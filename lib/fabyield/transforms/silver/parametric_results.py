"""Test results joined to their wafers and die."""

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from fabyield.transforms.shared.keys import INSERTION
from fabyield.transforms.silver.wafer_runs import not_superseded

RESULT_INVALID = 0b0011_1111  # TEST_FLG bits 0-5
PARAMETER_INVALID = 0b0000_0111  # PARM_FLG bits 0-2
NO_VERDICT = 0b0100_0000  # TEST_FLG bit 6
FAILED = 0b1000_0000  # TEST_FLG bit 7
PROGRAM = ["test_program", "test_program_rev"]
RUN = [*INSERTION, "lot_id", "wafer_id", "product_id", *PROGRAM]


def parametric_results(
    test_values: DataFrame, wafer_runs: DataFrame, touchdowns: DataFrame
) -> DataFrame:
    """Return the PTRs of the runs that count; `result` is null if flags or value are invalid."""
    number = F.col("result").isNotNull() & ~F.isnan("result") & (F.abs("result") < F.lit("inf"))
    valid = flags_valid() & number
    columns = {"valid": valid, "result": F.when(valid, F.col("result"))}
    return join_results(test_values, wafer_runs, touchdowns).withColumns(columns)


def multi_results(
    multi_values: DataFrame, wafer_runs: DataFrame, touchdowns: DataFrame
) -> DataFrame:
    """Return the MPRs of the runs that count; `results` is null if the flags are invalid."""
    columns = {"valid": flags_valid(), "results": F.when(flags_valid(), F.col("results"))}
    return join_results(multi_values, wafer_runs, touchdowns).withColumns(columns)


def functional_results(
    functional_values: DataFrame, wafer_runs: DataFrame, touchdowns: DataFrame
) -> DataFrame:
    """Return the FTRs of the runs that count."""
    return join_results(functional_values, wafer_runs, touchdowns)


def join_results(values: DataFrame, wafer_runs: DataFrame, touchdowns: DataFrame) -> DataFrame:
    """Join the `values` of the runs that count to their wafer and touchdown, and add test_pass.

    test_pass is TEST_FLG bit 7, or null if bit 6 is set. Source: STDF V4, PTR.TEST_FLG.
    """
    runs = not_superseded(wafer_runs).select(run_key().alias("_run"), *RUN)
    rows = values.drop("batch").withColumn("_run", run_key())
    rows = rows.join(F.broadcast(runs), "_run", how="inner").drop("_run")
    # Few die are touched more than once, so these touchdowns can be broadcast.
    touched_once = F.col("is_final") & (F.col("touchdown_num") == 1)
    again = touchdowns.where(~touched_once)
    again = again.select(part_key().alias("_part"), "touchdown_num", "is_final")
    rows = rows.withColumn("_part", part_key()).join(again, "_part", how="left").drop("_part")
    flag = F.col("test_flg")
    verdict = F.when(flag.bitwiseAND(NO_VERDICT) == 0, flag.bitwiseAND(FAILED) == 0)
    return rows.withColumns(
        {
            "touchdown_num": F.coalesce("touchdown_num", F.lit(1)),
            "is_final": F.coalesce("is_final", F.lit(True)),
            "test_pass": verdict,
        }
    )


def flags_valid() -> Column:
    """Whether TEST_FLG bits 0-5 and PARM_FLG bits 0-2 are all 0. Source: STDF V4, PTR.RESULT."""
    tested = F.col("test_flg").bitwiseAND(RESULT_INVALID) == 0
    return tested & (F.col("parm_flg").bitwiseAND(PARAMETER_INVALID) == 0)


def run_key() -> Column:
    """Pack file_key and wafer_num into one bigint: a join on two integers is far slower."""
    return F.shiftleft("file_key", 20) + F.col("wafer_num") + 1


def part_key() -> Column:
    """Pack file_key and part_num into one bigint."""
    return F.shiftleft("file_key", 32) + F.col("part_num")
