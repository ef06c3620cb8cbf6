"""The manifest rows of newly found files."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

WHOLE = "complete"
USABLE = (WHOLE, "incomplete")


def stdf_files(decoded: DataFrame, stdf_files: DataFrame) -> DataFrame:
    """`decoded` with the status `duplicate` where the same content was read before.

    A file's identity is the hash of its decompressed content, whatever its name; of equal files
    in one batch the first by file_key is read.
    """
    readable = F.col("status").isin(*USABLE)
    seen = stdf_files.unionByName(decoded, allowMissingColumns=True).where(readable)
    first = seen.groupBy("sha256").agg(F.min("file_key").alias("_first"))
    same = readable & (F.col("_first") != F.col("file_key"))
    rows = decoded.join(first, "sha256", how="left")
    reason = F.lit("same content as another file")
    return rows.withColumns(
        {
            "duplicate_of": F.when(same, F.col("_first")),
            "reason": F.when(same, reason).otherwise(F.col("reason")),
            "status": F.when(same, "duplicate").otherwise(F.col("status")),
        }
    )
