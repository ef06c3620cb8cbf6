"""Columns to STDF records: many of one kind at once."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import numpy as np

from fabyield.errors import StdfError
from fabyield.stdf.compiled.buffers import Bytes, Longs, bounds, scatter
from fabyield.stdf.encode.arrays import Cells, of_cells, of_generic, of_sized, widths
from fabyield.stdf.encode.values import (
    ByteOrder,
    Column,
    Pieces,
    is_single,
    of_letters,
    of_numbers,
    of_texts,
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

    Fields behind the last one named are left off the records, others that are not named, or are
    None, get STDF's missing value. An array field takes one sequence per row and sets its count
    field, and its width field where that is not given. A flag field that is not given is set by
    what is. A vendor's record has its body as `data`. Raises StdfError where a field, a value or a
    length does not fit.
    """
    record = record_of(name)
    if record is None:
        raise StdfError(f"{name}: no such STDF V4 record; use one of {', '.join(RECORDS)}")
    table = _Columns(record, columns)
    return _join(record, table.all_pieces(byte_order), table.rows, byte_order)


class _Columns:
    """The columns of one `encode` call, with what is missing filled in."""

    def __init__(self, record: Record, columns: Mapping[str, Column]) -> None:
        known = [field.name for field in record.fields]
        if unknown := set(columns) - set(known):
            raise StdfError(f"{record.name} has no field {', '.join(sorted(unknown))}")
        last = max((known.index(column) for column in columns), default=-1)
        self.record = record
        self.fields = record.fields[: last + 1]
        self.columns: dict[str, Any] = {n: c for n, c in columns.items() if c is not None}
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
            # Those of a GDR are counted with their pads, when they are stored.
            if field.count is None or field.name not in self.columns or field.type == "Vn":
                continue
            cells = Cells.of(self.columns[field.name], self.rows, field.type)
            counts = self.columns.setdefault(field.count, cells.counts)
            if np.any(np.asarray(counts) != cells.counts):
                raise StdfError(
                    f"{self.record.name}.{field.name}: {cells.counts.max()} values at most, "
                    f"but {field.count} says otherwise; leave {field.count} out"
                )
            self.columns[field.name] = cells
            if field.width is not None:
                self.columns.setdefault(field.width, widths(field.type, cells))

    def all_pieces(self, byte_order: ByteOrder) -> list[Pieces]:
        """Bytes of all fields in order of storage."""
        if self.record.name == "GDR":
            return self._generic(byte_order)
        return [piece for field in self.fields for piece in self.pieces(field, byte_order)]

    def _generic(self, byte_order: ByteOrder) -> list[Pieces]:
        count, data = self.record.fields
        if data.name not in self.columns:
            return [part for field in self.fields[:1] for part in self.pieces(field, byte_order)]
        found, self.columns[count.name] = of_generic(
            f"GDR.{data.name}", self.columns[data.name], byte_order
        )
        return [*self.pieces(count, byte_order), found]

    def pieces(self, field: Field, byte_order: ByteOrder) -> list[Pieces]:
        """Bytes of `field`: one run of pieces, two where a length goes before, none if left out."""
        label = f"{self.record.name}.{field.name}"
        if not self._is_stored(label, field):
            return []
        if field.count is not None:
            return [self._array(label, field, byte_order)]
        values = self.columns.get(field.name)
        values = self._fill(field) if values is None else values
        if field.type == "Xn":
            return [Pieces(*text_bytes(label, values))]
        if field.type in LENGTHS:
            return of_texts(label, field.type, values, self.rows, byte_order)
        if field.type == "C1":
            return [of_letters(label, values, self.rows)]
        return [of_numbers(to_numbers(label, field.type, values, self.rows, byte_order))]

    def _is_stored(self, label: str, field: Field) -> bool:
        """Tell whether the flag that rules it has `field` stored, the same for all rows."""
        if field.stored is None:
            return True
        flag, mask, value = field.stored
        flags = self.columns.get(flag)
        flags = self._fill(self.record.fields[self.record.index(flag)]) if flags is None else flags
        stored = np.unique((np.asarray(flags) & mask) == value)
        if stored.size > 1:
            raise StdfError(f"{label}: {flag} stores it in some rows; encode those by themselves")
        if field.name in self.columns and not stored.all():
            raise StdfError(f"{label}: given, but {flag} {flags!r} says that it is not stored")
        return bool(stored.all())

    def _array(self, label: str, field: Field, byte_order: ByteOrder) -> Pieces:
        cells = self.columns.get(field.name)
        if cells is None:
            counts = np.broadcast_to(self.columns.get(str(field.count), 0), self.rows)
            cells = Cells.filled(counts.astype(np.int64), field.fill)
        if field.width is None:
            return of_cells(label, field.type, cells, byte_order)
        taken = np.broadcast_to(self.columns.get(field.width, 0), self.rows).astype(np.int64)
        return of_sized(label, field.type, cells, taken, byte_order)

    def _fill(self, field: Field) -> int | str | bytes:
        """STDF's missing value; a flag field says which of the fields it rules are missing."""
        if field.type in ("Bn", "Dn", "Xn"):
            return b""
        if isinstance(field.fill, str):
            return field.fill
        return field.fill | self._missing(field) | self._left_out(field)

    def _missing(self, flag: Field) -> int:
        """Mark the fields that `flag` rules and that are not given, by the highest bit of each."""
        return sum(
            1 << (mask.bit_length() - 1)
            for mask, names in self.record.ruled_by(flag.name).items()
            if not any(name in self.columns for name in names)
        )

    def _left_out(self, flag: Field) -> int:
        bits = 0
        for field in self.record.fields:
            if field.stored is not None and field.stored.flag == flag.name:
                _, mask, value = field.stored
                given = field.name in self.columns
                bits |= value if given else 0 if value else mask
        return bits


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
