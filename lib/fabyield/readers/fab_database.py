"""The factory database over Spark JDBC."""

import re

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from fabyield.errors import ConfigError, FabYieldError
from fabyield.settings import Database
from fabyield.table import BATCH, Table

_STORED = {"timestamp": "bigint", "float": "double"}


def fab_rows(spark: SparkSession, database: Database, table: Table, fab_id: str) -> DataFrame:
    """The rows of the database's counterpart of `table`, tagged with `fab_id`.

    Times are stored as epoch microseconds, UTC. Raises ConfigError where conf names no
    counterpart, FabYieldError where the database does not answer or lacks a column.
    """
    ours = table.table.partition(".")[2]
    if ours not in database.tables:
        raise ConfigError(f"database.tables: no name for {ours}")
    wanted = {n: c.type for n, c in table.columns.items() if n not in ("fab_id", BATCH)}
    rows = _load(spark, database, database.tables[ours], wanted)
    columns = {
        name: F.timestamp_micros(name) if kind == "timestamp" else F.col(name).cast(kind)
        for name, kind in wanted.items()
    }
    return rows.select(F.lit(fab_id).alias("fab_id"), *(c.alias(n) for n, c in columns.items()))


def _load(spark: SparkSession, database: Database, name: str, wanted: dict[str, str]) -> DataFrame:
    options = {"url": database.url, "driver": database.driver, "dbtable": name}
    if database.user:
        options |= {"user": database.user, "password": database.password}
    # SQLite calls every whole number INTEGER, and Spark would cut microseconds to 32 bits.
    types = ", ".join(f"{column} {_STORED.get(kind, kind)}" for column, kind in wanted.items())
    try:
        rows = spark.read.format("jdbc").options(**options)
        found = rows.load().columns
        if missing := sorted(set(wanted) - set(found)):
            raise FabYieldError(
                f"factory database, table {name}: no column {', '.join(missing)}; it has "
                f"{', '.join(found)}; add a view of that name, or change database.tables"
            )
        return rows.option("customSchema", types).load().select(*wanted)
    except FabYieldError:
        raise
    except Exception as error:
        secret = database.password or re.search("[?;@]", database.url)
        # The driver's message may hold the URL, and that a password: name only the kind.
        reason = type(error).__name__ if secret else _reason(error)
        raise FabYieldError(f"factory database, table {name}: cannot be read: {reason}") from None


def _reason(error: Exception) -> str:
    # The bridge to the JVM says in its first line only that a call failed, then what failed.
    text = str(error)
    return (text.partition("\n: ")[2] or text).partition("\n")[0]
