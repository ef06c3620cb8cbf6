"""The last process visits and PCM results of a wafer before its test."""

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from fabyield.transforms.shared.keys import INSERTION, WAFER

VISIT = ["step_seq", "equipment_id", "chamber_id", "recipe_id", "started_at", "ended_at"]
RESULT = ["pcm_value", "unit", "measured_at"]


def process_history_at_test(insertions: DataFrame, process_history: DataFrame) -> DataFrame:
    """Return the last visit to every process step that ended before the wafer was tested.

    A visit without an end counts from its start; one without a start either is left out.
    """
    visits = process_history.withColumn("_at", F.coalesce("ended_at", "started_at"))
    return _last_before(insertions, visits, "process_step", VISIT, F.struct("_at", "step_seq"))


def pcm_at_test(insertions: DataFrame, pcm_results: DataFrame) -> DataFrame:
    """Return the last PCM result of every parameter measured before the wafer was tested."""
    results = pcm_results.withColumn("_at", F.col("measured_at"))
    return _last_before(insertions, results, "pcm_test", RESULT, F.col("_at")).drop("visits")


def _last_before(
    insertions: DataFrame, events: DataFrame, kind: str, columns: list[str], order: Column
) -> DataFrame:
    tests = insertions.select(*INSERTION, "tested_at")
    known = events.drop("batch").join(tests, WAFER, how="inner").where("_at <= tested_at")
    last = F.max_by(F.struct(*columns), order).alias("_last")
    rows = known.groupBy(*INSERTION, kind).agg(last, F.count("*").alias("visits"))
    return rows.select("*", "_last.*").drop("_last")
