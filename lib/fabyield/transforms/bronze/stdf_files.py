"""The manifest rows of newly found files."""

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

WHOLE = "complete"
USABLE = (WHOLE, "incomplete")


def stdf_files(decoded: DataFrame, stdf_files: DataFrame) -> DataFrame:
    """`decoded` with the status `duplicate` where the same content was read before.

    A file's identity is the hash of its decompressed content, whatever its name; of equal files
    in one batch the first by file_key is read, unless one was read before.
    """
    stored, new = (df.select("sha256", "file_key", "status") for df in (stdf_files, decoded))
    turns = stored.withColumn("turn", F.lit(0)).unionByName(new.withColumn("turn", F.lit(1)))
    in_turn = F.min(F.when(is_usable(), F.struct("turn", "file_key")))
    first = turns.groupBy("sha256").agg(in_turn["file_key"].alias("_first"))
    same = is_usable() & (F.col("_first") != F.col("file_key"))
    rows = decoded.join(first, "sha256", how="left")
    reason = F.lit("same content as another file")
    return rows.withColumns(
        {
            "duplicate_of": F.when(same, F.col("_first")),
            "reason": F.when(same, reason).otherwise(F.col("reason")),
            "status": F.when(same, "duplicate").otherwise(F.col("status")),
        }
    )


def is_usable() -> Column:
    """Whether parts can be read of a file, by its status."""
    return F.col("status").isin(*USABLE)
