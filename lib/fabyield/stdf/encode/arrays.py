"""What one array field of many records is stored as."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fabyield.errors import StdfError
from fabyield.stdf.compiled.buffers import Bytes, Longs, bounds
from fabyield.stdf.encode.values import ByteOrder, Pieces, bytes_of, of_texts, to_numbers
from fabyield.stdf.spec.types import GENERIC, LENGTHS, NUMBERS, PAD, width_of

CODES = {kind: code for code, kind in GENERIC.items()}
WIDTHS = (1, 2, 4, 8)


@dataclass(frozen=True)
class Cells:
    """Lists of values, one per row: all values behind one another, and how many in each."""

    values: NDArray[Any]
    counts: Longs

    @classmethod
    def of(cls, column: NDArray[Any] | Sequence[Any], rows: int, kind: str) -> "Cells":
        """Take a matrix with a row per record, or one sequence per record."""
        if isinstance(column, np.ndarray) and column.ndim == 2:
            return cls(column.ravel(), np.full(rows, column.shape[1], np.int64))
        counts = np.fromiter((len(cell) for cell in column), np.int64, len(column))
        if kind not in NUMBERS or kind == "U8":
            # Each value as it is: a text, or an integer that no float holds.
            values = np.empty(int(counts.sum()), object)
            values[:] = [value for cell in column for value in cell]
            return cls(values, counts)
        if not counts.sum():
            return cls(np.zeros(0), counts)
        return cls(np.concatenate([np.asarray(cell) for cell in column if len(cell)]), counts)

    @classmethod
    def filled(cls, counts: Longs, fill: int | str) -> "Cells":
        """Make lists of what stands for a missing value."""
        return cls(np.full(int(counts.sum()), fill, object), counts)

    def rows(self) -> list[list[Any]]:
        """Give each row's values."""
        return [part.tolist() for part in np.split(self.values, bounds(self.counts)[1:-1])]


def of_cells(label: str, kind: str, cells: Cells, byte_order: ByteOrder) -> Pieces:
    """Store one list of numbers or texts per record."""
    if kind in LENGTHS:
        return of_rows(cells.rows(), lambda texts: _texts(label, kind, texts, byte_order))
    numbers = to_numbers(label, kind, cells.values, cells.values.size, byte_order)
    if kind != "N1":
        return Pieces(bytes_of(numbers), cells.counts * numbers.dtype.itemsize)
    sizes = (cells.counts + 1) // 2
    first = np.repeat(2 * bounds(sizes)[:-1] - bounds(cells.counts)[:-1], cells.counts)
    nibbles: Bytes = np.zeros(2 * int(sizes.sum()), np.uint8)
    nibbles[first + np.arange(numbers.size)] = numbers
    return Pieces((nibbles[::2] | nibbles[1::2] << 4).astype(np.uint8), sizes)


def of_rows(rows: Sequence[Any], store: Callable[[Any], bytes]) -> Pieces:
    """Store rare fields one record at a time."""
    stored = [store(row) for row in rows]
    sizes = np.fromiter(map(len, stored), np.int64, len(stored))
    # A copy is writable, as the compiled loops expect all their arrays to be.
    return Pieces(np.frombuffer(b"".join(stored), np.uint8).copy(), sizes)


def _texts(label: str, kind: str, texts: list[Any], byte_order: ByteOrder) -> bytes:
    return b"".join(_one(label, kind, text, byte_order) for text in texts)


def widths(kind: str, cells: Cells) -> Longs:
    """Find the bytes that each row's widest element (Uf or Cf) needs; 0 for no elements."""
    return np.array([_width(kind, row) for row in cells.rows()], np.int64)


def _width(kind: str, values: list[Any]) -> int:
    if kind == "Cf":
        return max((len(_encoded(text)) for text in values), default=0)
    most = max(values, default=-1)
    return next((width for width in WIDTHS if most < 256**width), 8) if values else 0


def of_sized(label: str, kind: str, cells: Cells, taken: Longs, byte_order: ByteOrder) -> Pieces:
    """Store one list per record whose elements (Uf or Cf) take `taken` bytes each."""

    def store(row: tuple[list[Any], int]) -> bytes:
        values, width = row
        if kind == "Cf":
            return b"".join(_padded(label, text, width) for text in values)
        if values and width not in WIDTHS:
            raise StdfError(f"{label}: {values!r} in {width} bytes each; use one of {WIDTHS}")
        numbers = np.array(values, object)
        return to_numbers(label, f"U{width or 1}", numbers, len(values), byte_order).tobytes()

    return of_rows(list(zip(cells.rows(), taken.tolist(), strict=True)), store)


def _padded(label: str, text: str | bytes | None, width: int) -> bytes:
    stored = _encoded(text)
    if len(stored) > width:
        raise StdfError(f"{label}: {text!r} has {len(stored):,} bytes, the field holds {width:,}")
    return stored.ljust(width)


def _encoded(text: str | bytes | None) -> bytes:
    return text if isinstance(text, bytes) else (text or "").encode()


def padded(label: str, values: Sequence[tuple[str, Any]]) -> list[tuple[str, Any] | None]:
    """Put pads (None) between the values of a GDR, so that wide numbers stand on even bytes."""
    places: list[tuple[str, Any] | None] = []
    at = 0
    for kind, value in values:
        # The value stands behind its code, and all before it begins on an even byte.
        if width_of(kind) > 1 and kind in NUMBERS and at % 2 == 0:
            places.append(None)
            at += 1
        places.append((kind, value))
        at += len(_one(label, kind, value, "<")) + 1
    return places


def of_generic(
    label: str, rows: Sequence[Sequence[tuple[str, Any]]], byte_order: ByteOrder
) -> tuple[Pieces, Longs]:
    """Store the values of GDRs, and count them with their pads."""
    for kind in {kind for row in rows for kind, _ in row} - set(CODES):
        raise StdfError(f"{label}: no type {kind!r} in a GDR; use one of {', '.join(CODES)}")
    places = [padded(label, row) for row in rows]
    counts = np.array([len(row) for row in places], np.int64)

    def store(row: list[tuple[str, Any] | None]) -> bytes:
        return b"".join(
            bytes([PAD])
            if value is None
            else bytes([CODES[value[0]]]) + _one(label, *value, byte_order)
            for value in row
        )

    return of_rows(places, store), counts


def _one(label: str, kind: str, value: object, byte_order: ByteOrder) -> bytes:
    if kind in NUMBERS:
        return to_numbers(label, kind, np.array([value], object), 1, byte_order).tobytes()
    return b"".join(part.data.tobytes() for part in of_texts(label, kind, [value], 1, byte_order))
