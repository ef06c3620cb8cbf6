"""Columns to STDF records: many of one kind at once."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import numpy as np

from fabyield.errors import StdfError
from fabyield.stdf.compiled.buffers import Bytes, Longs, bounds, scatter
from fabyield.stdf.encode.arrays import Cells, encode_cells, encode_generic, encode_sized, widths
from fabyield.stdf.encode.values import (
    ByteOrder,
    Column,
    Pieces,
    encode_letters,
    encode_numbers,
    encode_texts,
    is_single,
    text_bytes,
    to_numbers,
)
from fabyield.stdf.spec.records import RECORDS, Field, Record, record_of
from fabyield.stdf.spec.types import LENGTHS

MAX_RECORD = 65_535


@dataclass(frozen=True)
class Encoded:
    """Records of one kind: record i is `data[offsets[i]:offsets[i + 1]]`, header included."""

    data: Bytes
    offsets: Longs


def encode(name: str, columns: Mapping[str, Column], byte_order: ByteOrder = "<") -> Encoded:
    """Encode one `name` record per row of `columns`, which are arrays, lists or single values.

    The records end with the last field named; other fields that are not named, or are None, get
    STDF's missing value. An array field takes one sequence per row and sets its count field, and
    its width field where that is not given. A flag field that is not given follows from the fields
    that are. A vendor's record has its body as `data`. Raises StdfError where a field, a value or a
    length does not fit.
    """
    record = record_of(name)
    if record is None:
        raise StdfError(f"{name}: no such STDF V4 record; use one of {', '.join(RECORDS)}")
    table = _Columns(record, columns, byte_order)
    parts = [piece for field in table.fields for piece in table.pieces(field)]
    return _join(record, parts, table.rows, byte_order)


class _Columns:
    """The columns of one `encode` call, with defaults for what is missing."""

    def __init__(
        self, record: Record, columns: Mapping[str, Column], byte_order: ByteOrder
    ) -> None:
        if unknown := columns.keys() - record.places.keys():
            raise StdfError(f"{record.name} has no field {', '.join(sorted(unknown))}")
        last = max((record.places[column] for column in columns), default=-1)
        self.record, self.byte_order = record, byte_order
        self.fields = record.fields[: last + 1]
        self.columns: dict[str, Any] = {n: c for n, c in columns.items() if c is not None}
        sizes = {n: len(column) for n, column in self.columns.items() if not is_single(column)}
        if len(set(sizes.values())) > 1:
            raise StdfError(f"{record.name}: columns differ in length: {sizes}")
        self.rows = next(iter(sizes.values()), 1)
        self._count_arrays()

    def _count_arrays(self) -> None:
        for field in self.fields:
            if field.count is None or field.name not in self.columns:
                continue
            label, column = f"{self.record.name}.{field.name}", self.columns[field.name]
            if field.type == "Vn":
                encoded, self.columns[field.count] = encode_generic(label, column, self.byte_order)
                self.columns[field.name] = encoded
                continue
            cells = Cells.of(column, self.rows, field.type)
            counts = self.columns.setdefault(field.count, cells.counts)
            if np.any(np.asarray(counts) != cells.counts):
                raise StdfError(
                    f"{label}: {cells.counts.max()} values at most, "
                    f"but {field.count} says otherwise; leave {field.count} out"
                )
            self.columns[field.name] = cells
            if field.width is not None:
                self.columns.setdefault(field.width, widths(field.type, cells))

    def pieces(self, field: Field) -> list[Pieces]:
        """Return the bytes of a field: one piece, two with a length in front, none if left out."""
        label = f"{self.record.name}.{field.name}"
        if not self._is_stored(label, field):
            return []
        values = self.columns.get(field.name)
        if field.count is not None:
            return self._array(label, field)
        values = self._fill(field) if values is None else values
        if field.type == "Xn":
            return [Pieces(*text_bytes(label, values))]
        if field.type in LENGTHS:
            return encode_texts(label, field.type, values, self.rows, self.byte_order)
        if field.type == "C1":
            return [encode_letters(label, values, self.rows)]
        return [encode_numbers(to_numbers(label, field.type, values, self.rows, self.byte_order))]

    def _is_stored(self, label: str, field: Field) -> bool:
        """Return whether the flag that rules it stores `field`, the same for all rows."""
        if field.stored is None:
            return True
        flag, mask, value = field.stored
        flags = self.columns.get(flag)
        flags = self._fill(self.record.field(flag)) if flags is None else flags
        stored = np.unique((np.asarray(flags) & mask) == value)
        if stored.size > 1:
            raise StdfError(f"{label}: {flag} stores it in some rows; encode those separately")
        if field.name in self.columns and not stored.all():
            raise StdfError(f"{label}: given, but {flag} {flags!r} says that it is not stored")
        return bool(stored.all())

    def _array(self, label: str, field: Field) -> list[Pieces]:
        cells = self.columns.get(field.name)
        if field.type == "Vn":
            return [] if cells is None else [cells]
        if cells is None:
            counts = self._per_row(str(field.count))
            cells = Cells(np.full(int(counts.sum()), field.fill, object), counts)
        if field.width is None:
            return [encode_cells(label, field.type, cells, self.byte_order)]
        sizes = self._per_row(field.width)
        return [encode_sized(label, field.type, cells, sizes, self.byte_order)]

    def _per_row(self, name: str) -> Longs:
        return np.broadcast_to(self.columns.get(name, 0), self.rows).astype(np.int64)

    def _fill(self, field: Field) -> int | str | bytes:
        """Return STDF's missing value; for a flag field, the bits that the given columns imply."""
        if field.type in ("Bn", "Dn", "Xn"):
            return b""
        if isinstance(field.fill, str):
            return field.fill
        bits = field.fill
        for mask, names in self.record.fields_by_mask(field.name).items():
            if self.columns.keys().isdisjoint(names):
                bits |= 1 << (mask.bit_length() - 1)
        for ruled in self.record.fields:
            if ruled.stored is not None and ruled.stored.flag == field.name:
                _, mask, value = ruled.stored
                given = ruled.name in self.columns
                bits |= value if given else 0 if value else mask
        return bits


def _join(record: Record, parts: list[Pieces], rows: int, byte_order: ByteOrder) -> Encoded:
    sizes = np.zeros(rows, np.int64)
    for part in parts:
        sizes += part.lengths
    if rows and sizes.max() > MAX_RECORD:
        raise StdfError(f"{record.name}: {sizes.max():,} bytes, a record holds {MAX_RECORD:,}")
    code = np.tile(np.array([record.type, record.subtype], np.uint8), rows)
    lengths = sizes.astype(np.dtype("u2").newbyteorder(byte_order))
    offsets = bounds(sizes + 4)
    merged = _merge([encode_numbers(lengths), Pieces(code, 2), *parts], rows)
    if len(merged) == 1:
        return Encoded(merged[0].data, offsets)
    data, at = np.empty(int(offsets[-1]), np.uint8), offsets[:-1].copy()
    for part in merged:
        each = np.broadcast_to(np.asarray(part.lengths, np.int64), at.size)
        scatter(data, at, part.data, bounds(each))
    return Encoded(data, offsets)


def _merge(parts: list[Pieces], rows: int) -> list[Pieces]:
    """Join neighbours of equal lengths, so that there are fewer pieces to scatter."""
    merged: list[Pieces] = []
    for fixed, run in groupby(parts, lambda part: isinstance(part.lengths, int)):
        if not fixed:
            merged.extend(run)
            continue
        matrix = np.hstack([part.data.reshape(rows, int(part.lengths)) for part in run])
        merged.append(Pieces(matrix.ravel(), matrix.shape[1]))
    return merged
