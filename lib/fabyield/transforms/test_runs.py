"""Wafer runs of test files, joined to their wafers."""

from collections.abc import Sequence
from dataclasses import dataclass

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from fabyield.transforms.wafer_registry import WAFER
from fabyield.transforms.wafers import canonical_wafers

WHOLE = "complete"
USABLE = (WHOLE, "incomplete")


@dataclass(frozen=True)
class TesterRules:
    """How a fab's testers spell wafers and insertions, and in which IANA time zone they run."""

    time_zone: str
    wafer_id_rules: Sequence[Sequence[str]]
    insertion_rules: Sequence[dict[str, str]]
    default_insertion: str


def test_runs(
    stdf_wafers: DataFrame, stdf_files: DataFrame, wafers: DataFrame, rules: TesterRules
) -> DataFrame:
    """One row per wafer run: its wafer, product, insertion, program, and whether it counts."""
    files = superseded(stdf_files.where(F.col("status").isin(*USABLE)))
    # Parts outside any wafer have no start of their own: they started with their session.
    files = files.withColumnRenamed("start_t", "_session_t").drop("fab_id", "batch")
    runs = files.join(stdf_wafers, "file_key", how="inner")
    raw = {"raw_lot_id": F.col("lot_id"), "raw_wafer_id": F.col("wafer_id")}
    runs = canonical_wafers(runs.withColumns(raw), rules.wafer_id_rules)
    known = wafers.select(*WAFER, "wafer_key", "product_id")
    start_t = F.coalesce("start_t", "_session_t")
    started = F.timestamp_seconds(start_t).cast("timestamp_ntz")
    return runs.join(known, WAFER, how="left").withColumns(
        {
            "insertion": insertion(rules),
            "test_program": F.col("job_nam"),
            "test_program_rev": F.col("job_rev"),
            "tester_id": F.col("node_nam"),
            "started_at": F.convert_timezone(F.lit(rules.time_zone), F.lit("UTC"), started).cast(
                "timestamp"
            ),
            "is_retest_file": F.col("retest_bins").isNotNull(),
        }
    )


def usable(stdf_wafers: DataFrame, stdf_files: DataFrame) -> DataFrame:
    """`stdf_wafers` of files in which parts were tested."""
    files = stdf_files.where(F.col("status").isin(*USABLE)).select("file_key")
    return stdf_wafers.join(files, "file_key", how="left_semi")


def superseded(files: DataFrame) -> DataFrame:
    """`files` with is_superseded: a more complete file of the same session holds its wafers too.

    More complete: it has its MRR and the other does not, or else more content; of equals the
    one that came first counts.
    """
    ours = F.struct(F.col("status") == WHOLE, "content_bytes", -F.col("file_key"))
    files = files.withColumns({"_rank": ours, "_wafers": F.coalesce("wafer_ids", F.array())})
    others = files.select(
        "session_id", F.col("_rank").alias("_better"), F.col("_wafers").alias("_theirs")
    )
    same = (files["session_id"] == others["session_id"]) & (F.col("_rank") < F.col("_better"))
    holds = F.size(F.array_except("_wafers", "_theirs")) == 0
    beaten = files.join(others, same & holds, how="left_semi").select("file_key")
    marked = beaten.withColumn("is_superseded", F.lit(True))
    joined = files.join(marked, "file_key", how="left").drop("_rank", "_wafers")
    return joined.withColumn("is_superseded", F.coalesce("is_superseded", F.lit(False)))


def insertion(rules: TesterRules) -> Column:
    """The insertion that the first matching rule names, in upper case; else the default."""
    found = F.lit(None).cast("string")
    for rule in reversed(rules.insertion_rules):
        column = F.trim(F.col(rule["column"]))
        named = F.upper(F.regexp_replace(column, rule["pattern"], rule["insertion"]))
        found = F.when(column.rlike(rule["pattern"]), named).otherwise(found)
    return F.coalesce(found, F.lit(rules.default_insertion))
