"""Who answers: each is given a lake and SQL in which a table is called as it calls it."""

from collections.abc import Callable, Sequence
from typing import Any

from deltalake import DeltaTable, QueryBuilder

from benchmarks.harness import sparks
from benchmarks.queries.questions import LAYERS
from fabyield.lake.query import open_lake

Rows = list[tuple[Any, ...]]
# Takes SQL with tables in braces, and the names of those tables.
Ask = Callable[[str, Sequence[str]], Rows]
SPARK, DUCKDB, DELTA_RS = "Spark", "DuckDB", "delta-rs"
ENGINES = (SPARK, DUCKDB, DELTA_RS)


def started(name: str, lake: str) -> Ask:
    """Start the engine `name` over the tables of `lake`."""
    return {SPARK: _spark, DUCKDB: _duckdb, DELTA_RS: _delta_rs}[name](lake)


def path(lake: str, table: str) -> str:
    """Where a table is stored."""
    return f"{lake}/{LAYERS[table]}/{table}"


def _spark(lake: str) -> Ask:
    session = sparks.started()

    def ask(sql: str, tables: Sequence[str]) -> Rows:
        for name in tables:
            session.read.format("delta").load(path(lake, name)).createOrReplaceTempView(name)
        return [tuple(row) for row in session.sql(_named(sql, {n: n for n in tables})).collect()]

    return ask


def _duckdb(lake: str) -> Ask:
    def ask(sql: str, tables: Sequence[str]) -> Rows:
        named = _named(sql, {name: f"{LAYERS[name]}.{name}" for name in tables})
        return open_lake(lake, named).sql(named).fetchall()

    return ask


def _delta_rs(lake: str) -> Ask:
    def ask(sql: str, tables: Sequence[str]) -> Rows:
        builder = QueryBuilder()
        for name in tables:
            builder.register(name, DeltaTable(path(lake, name)))
        batches = builder.execute(_named(sql, {name: name for name in tables})).read_all()
        rows = batches.to_struct_array().to_pylist()
        return [tuple(row.values()) for row in rows]

    return ask


def _named(sql: str, names: dict[str, str]) -> str:
    return sql.format(**names)
