"""Rows of an answer, as text or in a file."""

import io
import json
from datetime import date, datetime
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
from rich.text import Text

from fabyield.errors import FabYieldError, plain


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
