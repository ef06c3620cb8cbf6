"""Columns of Arrow tables as numpy arrays, with a stand-in for nulls."""

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from fabyield.stdf.arrow.list_columns import ArrowArray
from fabyield.stdf.compiled.buffers import Flags, Longs


def numbers(table: pa.Table, name: str, absent: int = 0) -> Longs:
    """Return an integer column, `absent` where it is null."""
    column: ArrowArray = table[name]
    return np.asarray(column.cast(pa.int64()).fill_null(absent))


def flags(table: pa.Table, name: str) -> Flags:
    """Return a boolean column, false where it is null."""
    column: ArrowArray = table[name]
    return np.asarray(column.fill_null(False))


def known(table: pa.Table, name: str) -> Flags:
    """Return where a column is not null."""
    return np.asarray(table[name].is_valid())


def is_text(table: pa.Table, name: str, text: str) -> Flags:
    """Return where a text column, plain or a dictionary, equals `text`."""
    column: ArrowArray = table[name]
    return np.asarray(pc.equal(column.cast(pa.string()), pa.scalar(text)).fill_null(False))


def tuples(table: pa.Table, *names: str) -> list[tuple[Any, ...]]:
    """Return the rows of a small table."""
    return list(zip(*(table[name].to_pylist() for name in names), strict=True))
