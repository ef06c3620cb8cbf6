"""Data frames of a few rows that Python already has."""

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import types as T
from pyspark.sql.pandas.types import to_arrow_schema


def few_rows(spark: SparkSession, rows: Sequence[Mapping[str, Any]], ddl: str) -> DataFrame:
    """Return a data frame of `rows`, times in UTC, that Spark reads without a Python worker."""
    schema = T.StructType.fromDDL(ddl)
    assert isinstance(schema, T.StructType), ddl
    for row in rows:
        if row.keys() != set(schema.names):
            raise ValueError(f"a row has {sorted(row)}, not {sorted(schema.names)}")
    return spark.createDataFrame(pa.Table.from_pylist(list(rows), to_arrow_schema(schema)), schema)
