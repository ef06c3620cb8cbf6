"""Truncated files of which a longer file has all the touchdowns."""

from functools import reduce

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from fabyield.transforms.bronze.stdf_files import COMPLETE, is_readable

# The same touchdown in two files has the same place and result.
TOUCHDOWN = ["record_offset", "head_num", "site_num", "part_id", "part_flg", "hard_bin", "soft_bin"]


def candidates(stdf_files: DataFrame, since: int) -> DataFrame:
    """Return pairs of a truncated file and a longer one of the same session and retest bins.

    As fab_id, file_key, whole_key; one file of each pair was read after batch `since`.
    """
    columns = ("fab_id", "file_key", "session_id", "status", "content_bytes", "batch")
    files = stdf_files.where(is_readable()).select(*columns, retest_bins_text())
    mine, theirs = files.alias("mine"), files.alias("theirs")
    names = ("fab_id", "session_id", "retest_kind")
    same = reduce(Column.__and__, [F.col(f"mine.{n}") == F.col(f"theirs.{n}") for n in names])
    is_cut = F.col("mine.status") != COMPLETE
    is_longer = F.col("mine.content_bytes") < F.col("theirs.content_bytes")
    is_new = F.greatest("mine.batch", "theirs.batch") > since
    pairs = mine.join(theirs, same & is_cut & is_longer & is_new, how="inner")
    return pairs.select("mine.fab_id", "mine.file_key", F.col("theirs.file_key").alias("whole_key"))


def truncated_files(candidates: DataFrame, parts: DataFrame) -> DataFrame:
    """Keep the pairs whose longer file has every touchdown of the other at the same byte."""
    theirs = parts.select(F.col("file_key").alias("whole_key"), *TOUCHDOWN)
    theirs = theirs.withColumn("is_found", F.lit(True)).alias("theirs")
    mine = candidates.join(parts, "file_key", how="inner").alias("mine")
    names = ("whole_key", *TOUCHDOWN)
    same = [F.col(f"mine.{name}").eqNullSafe(F.col(f"theirs.{name}")) for name in names]
    pair = [f"mine.{name}" for name in ("fab_id", "file_key", "whole_key")]
    pairs = mine.join(theirs, same, how="left").groupBy(*pair)
    counts = pairs.agg(F.count("*").alias("touchdowns"), F.count("is_found").alias("found"))
    return counts.where("touchdowns = found").drop("found")


def with_readable_file(truncated_files: DataFrame, stdf_files: DataFrame) -> DataFrame:
    """Keep the pairs whose longer file can still be read."""
    files = stdf_files.where(is_readable())
    files = files.select("fab_id", F.col("file_key").alias("whole_key"))
    return truncated_files.join(files, ["fab_id", "whole_key"], how="left_semi")


def retest_bins_text() -> Column:
    """Return a file's retest bins as text, retest_kind: a retest never replaces a first test."""
    return F.coalesce(F.to_json("retest_bins"), F.lit("no retest")).alias("retest_kind")
