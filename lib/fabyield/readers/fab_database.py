"""The factory database over Spark JDBC."""

import re
from dataclasses import dataclass
from pathlib import Path

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from fabyield.errors import ConfigError, FabYieldError, first_line
from fabyield.settings import Database
from fabyield.table import BATCH, Table

_STORED = {"timestamp": "bigint", "float": "double"}
_SQLITE = "jdbc:sqlite:"
_REASON = "refused_because"


@dataclass(frozen=True)
class FabRows:
    """The rows of one table, and those that hold text where a number belongs (as run.REFUSED)."""

    rows: DataFrame
    refused: DataFrame


def fab_rows(spark: SparkSession, database: Database, table: Table, fab_id: str) -> FabRows:
    """The rows of the database's counterpart of `table`, tagged with `fab_id`.

    Times are stored as epoch microseconds, UTC. Raises ConfigError where conf names no
    counterpart or no file, FabYieldError where the database does not answer or lacks a column.
    """
    name = counterpart(database, table)
    if not name:
        raise ConfigError(f"database.tables: no name for {_ours(table)}")
    wanted = {n: c.type for n, c in table.columns.items() if n not in ("fab_id", BATCH)}
    rows = _load(spark, database, name, wanted)
    columns = {
        name: F.timestamp_micros(name) if kind == "timestamp" else F.col(name).cast(kind)
        for name, kind in wanted.items()
    }
    tagged = [F.lit(fab_id).alias("fab_id"), *(c.alias(n) for n, c in columns.items())]
    refused = rows.where(F.col(_REASON).isNotNull()).select(
        F.col(_REASON).alias("reason"),
        F.to_json(F.struct(*wanted)).alias("row"),
    )
    return FabRows(rows.where(F.col(_REASON).isNull()).select(*tagged), refused)


def counterpart(database: Database, table: Table) -> str:
    """What the database calls `table`; empty where conf names nothing."""
    return database.tables.get(_ours(table)) or ""


def _ours(table: Table) -> str:
    return table.table.partition(".")[2]


def _load(spark: SparkSession, database: Database, name: str, wanted: dict[str, str]) -> DataFrame:
    _check_file(database.url)
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
        if not database.url.startswith(_SQLITE):
            rows = rows.option("customSchema", types)
            return rows.load().select(*wanted, F.lit(None).cast("string").alias(_REASON))
        rows = rows.option("dbtable", f"(select *, {_no_number(wanted)} as {_REASON} from {name})")
        types += f", {_REASON} string"
        return rows.option("customSchema", types).load().select(*wanted, _REASON)
    except FabYieldError:
        raise
    except Exception as error:
        secret = database.password or re.search("[?;@]", database.url)
        # The driver's message may hold the URL, and that a password: name only the kind.
        reason = type(error).__name__ if secret else first_line(error)
        raise FabYieldError(f"factory database, table {name}: cannot be read: {reason}") from None


def _no_number(wanted: dict[str, str]) -> str:
    """SQLite puts any type into any column, and its driver reads text as 0: say which it is."""
    cases = [
        f"when typeof({name}) in ('text', 'blob') then '{name} is no number: ' || {name}"
        for name, kind in wanted.items()
        if kind != "string"
    ]
    return f"case {' '.join(cases)} end" if cases else "null"


def _check_file(url: str) -> None:
    path = url.removeprefix(_SQLITE).partition("?")[0]
    if url.startswith(_SQLITE) and not Path(path).is_file():
        # The driver would make an empty one.
        raise ConfigError(
            f"{path}: no such factory database; set database.url in conf, or remove the landing "
            "zone and run `make landing` for an embedded one"
        )
