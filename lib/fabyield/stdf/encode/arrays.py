"""One array field of many records as the bytes to store."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fabyield.errors import StdfError
from fabyield.stdf.compiled.buffers import Bytes, Longs, bounds
from fabyield.stdf.encode.values import ByteOrder, Pieces, encode_numbers, encode_texts, to_numbers
from fabyield.stdf.spec.types import GENERIC, LENGTHS, NUMBERS, PAD, width_of

CODES = {kind: code for code, kind in GENERIC.items()}
WIDTHS = (1, 2, 4, 8)


@dataclass(frozen=True)
class Cells:
    """Lists of values, one per row: the values of all rows, and how many each row has."""

    values: NDArray[Any]
    counts: Longs

    @classmethod
    def of(cls, column: NDArray[Any] | Sequence[Any], rows: int, kind: str) -> "Cells":
        """Convert a matrix with a row per record, or one sequence per record."""
        if isinstance(column, np.ndarray) and column.ndim == 2:
            return cls(column.ravel(), np.full(rows, column.shape[1], np.int64))
        counts = np.fromiter((len(cell) for cell in column), np.int64, len(column))
        if kind not in NUMBERS or kind == "U8":
            # Objects: texts, or integers that no float holds.
            values = np.empty(int(counts.sum()), object)
            values[:] = [value for cell in column for value in cell]
            return cls(values, counts)
        if not counts.sum():
            return cls(np.zeros(0), counts)
        return cls(np.concatenate([np.asarray(cell) for cell in column if len(cell)]), counts)

    def rows(self) -> list[list[Any]]:
        """Return the values of each row."""
        return [part.tolist() for part in np.split(self.values, bounds(self.counts)[1:-1])]


def encode_cells(label: str, kind: str, cells: Cells, byte_order: ByteOrder) -> Pieces:
    """Store one list of numbers or texts per record."""
    if kind in LENGTHS:
        return _encode_rows(
            cells.rows(), lambda row: b"".join(_one(label, kind, text, byte_order) for text in row)
        )
    numbers = to_numbers(label, kind, cells.values, cells.values.size, byte_order)
    if kind != "N1":
        return Pieces(encode_numbers(numbers).data, cells.counts * numbers.dtype.itemsize)
    sizes = (cells.counts + 1) // 2
    first = np.repeat(2 * bounds(sizes)[:-1] - bounds(cells.counts)[:-1], cells.counts)
    nibbles: Bytes = np.zeros(2 * int(sizes.sum()), np.uint8)
    nibbles[first + np.arange(numbers.size)] = numbers
    return Pieces((nibbles[::2] | nibbles[1::2] << 4).astype(np.uint8), sizes)


def _encode_rows(rows: Sequence[Any], store: Callable[[Any], bytes]) -> Pieces:
    """Store rare fields one record at a time."""
    stored = [store(row) for row in rows]
    sizes = np.fromiter(map(len, stored), np.int64, len(stored))
    # A copy is writable, as the compiled loops expect all their arrays to be.
    return Pieces(np.frombuffer(b"".join(stored), np.uint8).copy(), sizes)


def widths(kind: str, cells: Cells) -> Longs:
    """Return the bytes that the widest element (Uf or Cf) of each row needs, 0 without elements."""

    def widest(row: list[Any]) -> int:
        if kind == "Cf" or not row:
            return max((len(_encoded(text)) for text in row), default=0)
        return next((width for width in WIDTHS if max(row) < 256**width), 8)

    return np.array([widest(row) for row in cells.rows()], np.int64)


def encode_sized(
    label: str, kind: str, cells: Cells, sizes: Longs, byte_order: ByteOrder
) -> Pieces:
    """Store one list per record whose elements (Uf or Cf) take `sizes` bytes each."""

    def store(row: tuple[list[Any], int]) -> bytes:
        values, width = row
        if kind == "Cf":
            return b"".join(_padded(label, text, width) for text in values)
        if values and width not in WIDTHS:
            raise StdfError(f"{label}: {values!r} in {width} bytes each; use one of {WIDTHS}")
        numbers = np.array(values, object)
        return to_numbers(label, f"U{width or 1}", numbers, len(values), byte_order).tobytes()

    return _encode_rows(list(zip(cells.rows(), sizes.tolist(), strict=True)), store)


def _padded(label: str, text: str | bytes | None, width: int) -> bytes:
    stored = _encoded(text)
    if len(stored) > width:
        raise StdfError(f"{label}: {text!r} has {len(stored):,} bytes, the field holds {width:,}")
    return stored.ljust(width)


def _encoded(text: str | bytes | None) -> bytes:
    return text if isinstance(text, bytes) else (text or "").encode()


def encode_generic(
    label: str, rows: Sequence[Sequence[tuple[str, Any]]], byte_order: ByteOrder
) -> tuple[Pieces, Longs]:
    """Store the values of GDRs, padded so that wide numbers begin on even bytes; count both."""
    for kind in {kind for row in rows for kind, _ in row} - set(CODES):
        raise StdfError(f"{label}: no type {kind!r} in a GDR; use one of {', '.join(CODES)}")
    counts = np.array([len(row) for row in rows], np.int64)

    def store(numbered: tuple[int, Sequence[tuple[str, Any]]]) -> bytes:
        stored, (place, row) = b"", numbered
        for kind, value in row:
            # The value begins after its type code.
            if width_of(kind) > 1 and kind in NUMBERS and len(stored) % 2 == 0:
                stored += bytes([PAD])
                counts[place] += 1
            stored += bytes([CODES[kind]]) + _one(label, kind, value, byte_order)
        return stored

    return _encode_rows(list(enumerate(rows)), store), counts


def _one(label: str, kind: str, value: object, byte_order: ByteOrder) -> bytes:
    if kind in NUMBERS:
        return to_numbers(label, kind, np.array([value], object), 1, byte_order).tobytes()
    texts = encode_texts(label, kind, [value], 1, byte_order)
    return b"".join(part.data.tobytes() for part in texts)
