"""When and with which program a wafer was tested."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from fabyield.transforms.shared.keys import INSERTION
from fabyield.transforms.silver.wafer_runs import not_superseded

LAST = ["test_program", "test_program_rev", "tester_id"]


def insertions(wafer_runs: DataFrame) -> DataFrame:
    """Return one row per wafer and insertion, from the runs that count."""
    order = F.struct("started_at", "file_key", "wafer_num")
    program = F.concat_ws("/", "test_program", "test_program_rev")
    rows = not_superseded(wafer_runs).groupBy(*INSERTION)
    found = rows.agg(
        F.min("started_at").alias("tested_at"),
        F.max("started_at").alias("last_started_at"),
        F.max_by(F.struct(*LAST), order).alias("_last"),
        F.sort_array(F.collect_set(program)).alias("programs"),
        F.count("*").alias("runs"),
        F.count_if("is_retest_file").alias("retest_runs"),
    )
    return found.select("*", "_last.*").drop("_last")
