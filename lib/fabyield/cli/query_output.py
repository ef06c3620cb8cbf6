"""Answers of the lake, as rows, as text or in a file."""

import io
import json
import re
from datetime import date, datetime
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
from rich.table import Column
from rich.table import Table as Grid
from rich.text import Text

from fabyield.errors import FabYieldError, near, plain
from fabyield.lake.catalog import ALL
from fabyield.lake.query import SHOW_TABLES, known_tables, open_lake


def grid(sql: str, lake: str, limit: int) -> Grid:
    """Return at most `limit` rows of the answer to `sql` as a grid to print; raises as `answer`."""
    rows = answer(sql, lake, limit + 1)
    is_cut = rows.num_rows > limit
    shown = cells(rows.slice(0, limit))
    caption = f"first {limit} rows; --limit shows more" if is_cut else None
    table = Grid(*(Column(name) for name in shown.names), caption=caption)
    for row in shown.rows:
        table.add_row(*row)
    return table


def answer(sql: str, lake: str, limit: int | None = None) -> pa.Table:
    """Return at most `limit` rows of the answer to `sql`; all with None.

    Raises ConfigError if there is no lake, FabYieldError if DuckDB refuses the query.
    """
    if SHOW_TABLES.fullmatch(sql):
        return known_tables(lake).slice(0, limit)
    connection = open_lake(lake, sql)
    try:
        found = connection.sql(sql)
        if found is None:
            return pa.table({})
        rows: pa.Table = (found if limit is None else found.limit(limit)).to_arrow_table()
        return rows
    except duckdb.Error as error:
        hint = _nearest(sql) if isinstance(error, duckdb.CatalogException) else ""
        raise FabYieldError(f"query: {str(error).splitlines()[0]}{hint}") from error


def _nearest(sql: str) -> str:
    """Propose a table for the first one of `sql` that is not declared."""
    bare = {name.partition(".")[2]: name for name in ALL}
    for name in re.findall(r"\b(?:from|join)\s+([\w.]+)", sql.lower()):
        if name in ALL:
            continue
        if name in bare:
            return f"; did you mean {bare[name]}?"
        if hint := near(name, ALL) or near(name.rpartition(".")[2], bare):
            return hint
    return ""


class Cells(NamedTuple):
    """The names and the values of rows as texts that rich does not read as markup."""

    names: list[Text]
    rows: list[list[Text]]


def cells(rows: pa.Table) -> Cells:
    """Return rows for a terminal: null is blank, single precision has its own few digits."""
    columns = [_texts(column) for column in rows.columns]
    found = [list(row) for row in zip(*columns, strict=True)]
    return Cells([Text(name) for name in rows.column_names], found)


def _texts(column: "pa.ChunkedArray[Any]") -> list[Text]:
    is_single = pa.types.is_float32(column.type)
    values = column.to_pylist()
    shown = (np.float32(v) if is_single and v is not None else v for v in values)
    return [Text("" if value is None else plain(str(value))) for value in shown]


def as_text(rows: pa.Table, kind: str) -> str:
    """Return rows as csv, nested values as JSON, or as JSON lines."""
    if kind == "csv":
        sink = io.BytesIO()
        pa_csv.write_csv(_flat(rows), sink)
        return sink.getvalue().decode()
    return "".join(f"{json.dumps(row, default=_plain_json)}\n" for row in _single(rows).to_pylist())


def write_rows(rows: pa.Table, kind: str, file: Path) -> None:
    """Write rows to a file; raises FabYieldError if it cannot be written."""
    try:
        if kind == "parquet":
            pq.write_table(rows, file)
        else:
            file.write_text(as_text(rows, kind), encoding="utf-8")
    except OSError as error:
        raise FabYieldError(f"{file}: cannot be written: {error.strerror or error}") from error


def _flat(rows: pa.Table) -> pa.Table:
    """Return rows in which lists, structs and maps are JSON."""
    for place, field in enumerate(rows.schema):
        if pa.types.is_nested(field.type):
            values = rows[field.name].to_pylist()
            texts = [None if v is None else json.dumps(v, default=_plain_json) for v in values]
            rows = rows.set_column(place, field.name, pa.array(texts, pa.string()))
    return rows


def _single(rows: pa.Table) -> pa.Table:
    """Return rows in which single precision has the shortest decimals that name it."""
    for place, field in enumerate(rows.schema):
        if pa.types.is_float32(field.type):
            values = rows[field.name].to_pylist()
            exact = [None if v is None else float(str(np.float32(v))) for v in values]
            rows = rows.set_column(place, field.name, pa.array(exact, pa.float64()))
    return rows


def _plain_json(value: object) -> str:
    return value.isoformat() if isinstance(value, date | datetime) else str(value)
