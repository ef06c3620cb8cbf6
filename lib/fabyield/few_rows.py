"""Data frames of rows that are at hand."""

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import types as T
from pyspark.sql.pandas.types import to_arrow_schema


def few_rows(spark: SparkSession, rows: Sequence[Mapping[str, Any]], ddl: str) -> DataFrame:
    """A data frame of `rows`, held by the plan itself.

    Of a list Spark makes one that a Python process has to be started for, where it is read.
    """
    schema = T.StructType.fromDDL(ddl)
    assert isinstance(schema, T.StructType), ddl
    return spark.createDataFrame(pa.Table.from_pylist(list(rows), to_arrow_schema(schema)), schema)
