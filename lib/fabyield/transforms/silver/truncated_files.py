"""Which files that were cut off are the beginning of a longer one."""

from functools import reduce

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from fabyield.transforms.bronze.stdf_files import WHOLE, is_usable

# What the same touch-down is in both files: its place, and what was found there.
TOUCHDOWN = ["record_offset", "head_num", "site_num", "part_id", "part_flg", "hard_bin", "soft_bin"]


def candidates(stdf_files: DataFrame, since: int) -> DataFrame:
    """Pairs of a file that was cut off and a longer one of its session and kind.

    As fab_id, file_key, whole_key; only pairs of which one file was read after batch `since`.
    """
    files = stdf_files.where(is_usable())
    names = ("fab_id", "file_key", "session_id", "status", "content_bytes", "batch")
    files = files.select(*names, kind())
    mine, theirs = files.alias("mine"), files.alias("theirs")
    alike = [F.col(f"mine.{n}") == F.col(f"theirs.{n}") for n in ("fab_id", "session_id", "kind")]
    same = reduce(Column.__and__, alike)
    is_cut = F.col("mine.status") != WHOLE
    is_longer = F.col("mine.content_bytes") < F.col("theirs.content_bytes")
    is_new = F.greatest("mine.batch", "theirs.batch") > since
    pairs = mine.join(theirs, same & is_cut & is_longer & is_new, how="inner")
    return pairs.select("mine.fab_id", "mine.file_key", F.col("theirs.file_key").alias("whole_key"))


def truncated_files(candidates: DataFrame, parts: DataFrame) -> DataFrame:
    """The pairs in which every touch-down of the one stands at the same byte of the other."""
    held = parts.select(F.col("file_key").alias("whole_key"), *TOUCHDOWN)
    held = held.withColumn("is_held", F.lit(True)).alias("held")
    mine = candidates.join(parts, "file_key", how="inner").alias("mine")
    same = [F.col(f"mine.{n}").eqNullSafe(F.col(f"held.{n}")) for n in ("whole_key", *TOUCHDOWN)]
    pair = [f"mine.{name}" for name in ("fab_id", "file_key", "whole_key")]
    found = mine.join(held, same, how="left").groupBy(*pair)
    counts = found.agg(F.count("*").alias("touchdowns"), F.count("is_held").alias("held"))
    return counts.where("touchdowns = held").drop("held")


def still_held(truncated_files: DataFrame, stdf_files: DataFrame) -> DataFrame:
    """The pairs whose longer file can still be read."""
    usable = stdf_files.where(is_usable())
    held = usable.select("fab_id", F.col("file_key").alias("whole_key"))
    return truncated_files.join(held, ["fab_id", "whole_key"], how="left_semi")


def kind() -> Column:
    """The bins that a file retests, as text: a retest is never a better version of a first test."""
    return F.coalesce(F.to_json("retest_bins"), F.lit("no retest")).alias("kind")
