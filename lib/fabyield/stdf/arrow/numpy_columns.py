"""Columns of Arrow tables as numpy arrays, with a stand-in for what is null."""

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from fabyield.stdf.compiled.buffers import Flags, Longs

# The published stubs type a column by its element, which a column named at run time has not.
Column = Any


def numbers(table: pa.Table, name: str, absent: int = 0) -> Longs:
    """Give an integer column, `absent` where it is null."""
    column: Column = table[name]
    found: Longs = np.asarray(column.cast(pa.int64()).fill_null(absent))
    return found


def flags(table: pa.Table, name: str) -> Flags:
    """Give a boolean column, false where it is null."""
    column: Column = table[name]
    found: Flags = np.asarray(column.fill_null(False))
    return found


def known(table: pa.Table, name: str) -> Flags:
    """Tell where a column is not null."""
    found: Flags = np.asarray(table[name].is_valid())
    return found


def is_text(table: pa.Table, name: str, text: str) -> Flags:
    """Tell where a column, plain or a dictionary, holds `text`."""
    wanted: Column = pa.scalar(text)
    column: Column = table[name]
    equal: Column = pc.equal(column.cast(pa.string()), wanted)
    found: Flags = np.asarray(equal.fill_null(False))
    return found


def chosen(table: pa.Table, rows: Flags) -> pa.Table:
    """Keep some of the rows."""
    return table.filter(pa.array(rows))


def taken(table: pa.Table, rows: Longs) -> pa.Table:
    """Take rows by number."""
    places: Column = pa.array(rows)
    return table.take(places)


def listed(table: pa.Table, *names: str) -> list[tuple[Any, ...]]:
    """Give the rows of a small table as tuples."""
    return list(zip(*(table[name].to_pylist() for name in names), strict=True))
