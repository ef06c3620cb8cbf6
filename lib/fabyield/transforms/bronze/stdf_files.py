"""The manifest rows of new files."""

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

COMPLETE = "complete"
READABLE = (COMPLETE, "incomplete")


def stdf_files(decoded: DataFrame, stdf_files: DataFrame) -> DataFrame:
    """Set status `duplicate` on the rows of `decoded` whose content was read before.

    The hash of the decompressed content identifies a file, whatever its name; of equal files in
    one batch the one with the lowest file_key is read.
    """
    stored, new = (df.select("sha256", "file_key", "status") for df in (stdf_files, decoded))
    turns = stored.withColumn("turn", F.lit(0)).unionByName(new.withColumn("turn", F.lit(1)))
    in_turn = F.min(F.when(is_readable(), F.struct("turn", "file_key")))
    first = turns.groupBy("sha256").agg(in_turn["file_key"].alias("_first"))
    same = is_readable() & (F.col("_first") != F.col("file_key"))
    rows = decoded.join(first, "sha256", how="left")
    reason = F.lit("same content as another file")
    return rows.withColumns(
        {
            "duplicate_of": F.when(same, F.col("_first")),
            "reason": F.when(same, reason).otherwise(F.col("reason")),
            "status": F.when(same, "duplicate").otherwise(F.col("status")),
        }
    )


def is_readable() -> Column:
    """Whether a file's status says that its parts can be read."""
    return F.col("status").isin(*READABLE)
