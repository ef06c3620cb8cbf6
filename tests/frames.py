"""Small data frames."""

from collections.abc import Iterable

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import types as T

from fabyield.lake.few_rows import few_rows


def of_tuples(spark: SparkSession, rows: Iterable[tuple], ddl: str) -> DataFrame:
    """`rows` in the order of the columns of `ddl`.

    Each data frame that Spark makes of a list starts a Python process, which takes most of the
    time of a test of a few rows.
    """
    names = T.StructType.fromDDL(ddl).names
    return few_rows(spark, [dict(zip(names, row, strict=True)) for row in rows], ddl)
