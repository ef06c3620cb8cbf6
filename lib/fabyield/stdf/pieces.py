"""What one field of many records is stored as."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from fabyield.errors import StdfError
from fabyield.stdf.kernels import Bytes, Longs, bounds
from fabyield.stdf.records import Field

ByteOrder = Literal["<", ">"]
Column = NDArray[Any] | Sequence[Any] | int | float | str | bytes | None
DTYPES = {
    **{"U1": "u1", "U2": "u2", "U4": "u4", "I1": "i1", "I2": "i2", "I4": "i4"},
    **{"R4": "f4", "R8": "f8", "B1": "u1", "N1": "u1"},
}
LENGTH_TYPES = {"Cn": "u1", "Bn": "u1", "Dn": "u2"}
MOST_BYTES = {"Cn": 255, "Bn": 255, "Dn": 8_191}


@dataclass(frozen=True)
class Pieces:
    """What one field puts into each record, one behind another; one length if all are equal."""

    data: Bytes
    lengths: Longs | int


@dataclass(frozen=True)
class Cells:
    """Lists of numbers, one per row: all values behind one another, and how many in each."""

    values: NDArray[Any]
    counts: Longs

    @classmethod
    def of(cls, column: NDArray[Any] | Sequence[Any], rows: int) -> "Cells":
        """Take a matrix with a row per record, or one sequence per record."""
        if isinstance(column, np.ndarray) and column.ndim == 2:
            return cls(column.ravel(), np.full(rows, column.shape[1], np.int64))
        counts = np.fromiter((len(cell) for cell in column), np.int64, len(column))
        if not counts.sum():
            return cls(np.zeros(0), counts)
        return cls(np.concatenate([np.asarray(cell) for cell in column if len(cell)]), counts)


def is_single(values: Column) -> bool:
    """Tell whether one value stands for all records."""
    return isinstance(values, str | bytes) or not hasattr(values, "__len__")


def _bytes(numbers: NDArray[Any]) -> Bytes:
    return np.ascontiguousarray(numbers).view(np.uint8)


def of_numbers(numbers: NDArray[Any]) -> Pieces:
    """Store one number per record, in the byte order it has."""
    return Pieces(_bytes(numbers), numbers.dtype.itemsize)


def to_numbers(
    label: str, field: Field, values: Column, rows: int, byte_order: ByteOrder
) -> NDArray[Any]:
    """Convert to the type of `field`; raises StdfError, naming `label`, if a value does not fit."""
    try:
        numbers = np.broadcast_to(np.asarray(values), rows)
        _check_range(label, field, numbers)
    except (TypeError, ValueError) as error:
        raise StdfError(f"{label}: {values!r} is no {field.type}: {error}") from error
    return numbers.astype(np.dtype(DTYPES[field.type]).newbyteorder(byte_order))


def _check_range(label: str, field: Field, numbers: NDArray[Any]) -> None:
    dtype = np.dtype(DTYPES[field.type])
    if dtype.kind == "f":
        low, high = -float(np.finfo(dtype).max), float(np.finfo(dtype).max)
        wrong = np.isfinite(numbers) & ((numbers < low) | (numbers > high))
    else:
        low, high = (0, 15) if field.type == "N1" else (np.iinfo(dtype).min, np.iinfo(dtype).max)
        wrong = ~((numbers >= low) & (numbers <= high))
        if numbers.dtype.kind == "f":
            wrong |= numbers != np.trunc(numbers)
    if wrong.any():
        value = numbers[int(np.argmax(wrong))]
        raise StdfError(f"{label}: {value} is not a {field.type} from {low:,} to {high:,}")


def of_cells(label: str, field: Field, cells: Cells, byte_order: ByteOrder) -> Pieces:
    """Store one list of numbers per record."""
    numbers = to_numbers(label, field, cells.values, cells.values.size, byte_order)
    if field.type != "N1":
        return Pieces(_bytes(numbers), cells.counts * numbers.dtype.itemsize)
    sizes = (cells.counts + 1) // 2
    first = np.repeat(2 * bounds(sizes)[:-1] - bounds(cells.counts)[:-1], cells.counts)
    nibbles: Bytes = np.zeros(2 * int(sizes.sum()), np.uint8)
    nibbles[first + np.arange(numbers.size)] = numbers
    return Pieces((nibbles[::2] | nibbles[1::2] << 4).astype(np.uint8), sizes)


def of_texts(
    label: str, field: Field, values: Column, rows: int, byte_order: ByteOrder
) -> list[Pieces]:
    """Store one text per record, its length before it; raises StdfError where one is too long."""
    data, lengths = _text_bytes(label, values)
    most = MOST_BYTES[field.type]
    if lengths.size and lengths.max() > most:
        text = data[int(lengths[: int(lengths.argmax())].sum()) :][:20].tobytes()
        raise StdfError(
            f"{label}: {text!r}... has {lengths.max():,} bytes, {field.type} holds {most:,}"
        )
    unit = 8 if field.type == "Dn" else 1
    sizes = (lengths * unit).astype(np.dtype(LENGTH_TYPES[field.type]).newbyteorder(byte_order))
    if is_single(values):
        return [of_numbers(np.repeat(sizes, rows)), Pieces(np.tile(data, rows), data.size)]
    return [of_numbers(sizes), Pieces(data, lengths)]


def _text_bytes(label: str, values: Column) -> tuple[Bytes, Longs]:
    listed: Any = [values] if is_single(values) else values
    try:
        texts = pa.array(listed).cast(pa.large_binary()).fill_null(b"")
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError) as error:
        raise StdfError(f"{label}: {values!r} is no text: {error}") from error
    _, ends_buffer, data_buffer = (np.frombuffer(b or b"", np.uint8) for b in texts.buffers())
    ends = ends_buffer.view(np.int64)[texts.offset : texts.offset + len(texts) + 1]
    # A copy is writable, as the compiled loops expect all their arrays to be.
    return data_buffer[ends[0] : ends[-1]].copy(), np.diff(ends)


def of_letters(label: str, values: Column, rows: int) -> Pieces:
    """Store one character per record, a space for none."""
    data, lengths = _text_bytes(label, values)
    if np.any(lengths > 1):
        raise StdfError(f"{label}: {values!r} is longer than one character")
    letters = np.full(lengths.size, ord(" "), np.uint8)
    letters[lengths == 1] = data
    return of_numbers(np.broadcast_to(letters, rows))
