"""Columns to STDF records: many of one kind at once."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import numpy as np

from fabyield.errors import StdfError
from fabyield.stdf.kernels import Bytes, Longs, bounds, scatter
from fabyield.stdf.pieces import (
    LENGTH_TYPES,
    ByteOrder,
    Cells,
    Column,
    Pieces,
    is_single,
    of_cells,
    of_letters,
    of_numbers,
    of_texts,
    to_numbers,
)
from fabyield.stdf.records import RECORDS, Field, Record

MAX_RECORD = 65_535


@dataclass(frozen=True)
class Encoded:
    """Records of one kind: record i is `data[offsets[i]:offsets[i + 1]]`, header included."""

    data: Bytes
    offsets: Longs


def encode(name: str, columns: Mapping[str, Column], byte_order: ByteOrder = "<") -> Encoded:
    """Encode one `name` record per row of `columns`, which are arrays, lists or single values.

    Fields behind the last one named are left off the records, others that are not named get
    STDF's missing value. An array field takes one sequence per row and sets its count field.
    Raises StdfError where a field, a value or a length does not fit.
    """
    if name not in RECORDS:
        raise StdfError(f"{name}: no such STDF V4 record; use one of {', '.join(RECORDS)}")
    record = RECORDS[name]
    table = _Columns(record, columns)
    return _join(
        record,
        [piece for f in table.fields for piece in table.pieces(f, byte_order)],
        table.rows,
        byte_order,
    )


class _Columns:
    """The columns of one `encode` call, with what is missing filled in."""

    def __init__(self, record: Record, columns: Mapping[str, Column]) -> None:
        known = [field.name for field in record.fields]
        if unknown := set(columns) - set(known):
            raise StdfError(f"{record.name} has no field {', '.join(sorted(unknown))}")
        last = max((known.index(column) for column in columns), default=-1)
        self.record = record
        self.fields = record.fields[: last + 1]
        self.columns: dict[str, Any] = dict(columns)
        self.rows = self._rows()
        self._count_arrays()

    def _rows(self) -> int:
        sizes = {
            field.name: len(self.columns[field.name])
            for field in self.fields
            if field.name in self.columns and not is_single(self.columns[field.name])
        }
        if len(set(sizes.values())) > 1:
            raise StdfError(f"{self.record.name}: columns differ in length: {sizes}")
        return next(iter(sizes.values()), 1)

    def _count_arrays(self) -> None:
        for field in self.fields:
            if field.count is None or field.name not in self.columns:
                continue
            cells = Cells.of(self.columns[field.name], self.rows)
            counts = self.columns.setdefault(field.count, cells.counts)
            if np.any(np.asarray(counts) != cells.counts):
                raise StdfError(
                    f"{self.record.name}.{field.name}: {cells.counts.max()} values at most, "
                    f"but {field.count} says otherwise; leave {field.count} out"
                )
            self.columns[field.name] = cells

    def pieces(self, field: Field, byte_order: ByteOrder) -> list[Pieces]:
        """Bytes of `field`: one run of pieces, or two where a length goes before."""
        label = f"{self.record.name}.{field.name}"
        if field.count is not None:
            return [of_cells(label, field, self._cells(field), byte_order)]
        values = self.columns.get(field.name)
        values = self._fill(field) if values is None else values
        if field.type in LENGTH_TYPES:
            return of_texts(label, field, values, self.rows, byte_order)
        if field.type == "C1":
            return [of_letters(label, values, self.rows)]
        return [of_numbers(to_numbers(label, field, values, self.rows, byte_order))]

    def _cells(self, field: Field) -> "Cells":
        if field.name in self.columns:
            cells: Cells = self.columns[field.name]
            return cells
        counts = np.broadcast_to(self.columns.get(str(field.count), 0), self.rows).astype(np.int64)
        return Cells(np.zeros(int(counts.sum())), counts)

    def _fill(self, field: Field) -> int | str | bytes:
        """STDF's missing value; a flag field says which of the fields it rules are missing."""
        if field.type in ("Bn", "Dn"):
            return b""
        if isinstance(field.fill, str):
            return field.fill
        ruled = (f for f in self.record.fields if f.flag == field.name)
        absent, present = 0, 0
        for other in ruled:
            if self.columns.get(other.name) is None:
                absent |= 1 << (other.flag_mask.bit_length() - 1)
            else:
                present |= other.flag_mask
        return field.fill | absent & ~present


def _join(record: Record, parts: list[Pieces], rows: int, byte_order: ByteOrder) -> Encoded:
    sizes = np.zeros(rows, np.int64)
    for part in parts:
        sizes += part.lengths
    if rows and sizes.max() > MAX_RECORD:
        raise StdfError(f"{record.name}: {sizes.max():,} bytes, a record holds {MAX_RECORD:,}")
    code = np.tile(np.array([record.type, record.subtype], np.uint8), rows)
    header = [of_numbers(sizes.astype(np.dtype("u2").newbyteorder(byte_order))), Pieces(code, 2)]
    offsets = bounds(sizes + 4)
    return Encoded(_weave(_merge([*header, *parts], rows), offsets), offsets)


def _merge(parts: list[Pieces], rows: int) -> list[Pieces]:
    """Join neighbours of equal lengths, so that the weaving has fewer pieces to place."""
    merged: list[Pieces] = []
    for fixed, run in groupby(parts, lambda part: isinstance(part.lengths, int)):
        if not fixed:
            merged.extend(run)
            continue
        matrix = np.hstack([part.data.reshape(rows, int(part.lengths)) for part in run])
        merged.append(Pieces(matrix.ravel(), matrix.shape[1]))
    return merged


def _weave(parts: list[Pieces], offsets: Longs) -> Bytes:
    if len(parts) == 1:
        return parts[0].data
    data, at = np.empty(int(offsets[-1]), np.uint8), offsets[:-1].copy()
    for part in parts:
        lengths = np.broadcast_to(np.asarray(part.lengths, np.int64), at.size)
        scatter(data, at, part.data, bounds(lengths))
    return data
