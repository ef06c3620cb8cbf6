"""What one field of many records is stored as."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from reprlib import repr as brief
from typing import Any, Literal

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from fabyield.errors import StdfError
from fabyield.stdf.arrow.list_columns import decode_one
from fabyield.stdf.compiled.buffers import Bytes, Longs
from fabyield.stdf.spec.types import LENGTHS, NUMBERS, Bits

ByteOrder = Literal["<", ">"]
Column = NDArray[Any] | Sequence[Any] | int | float | str | bytes | None
# Of types with a length; a union would be made anew in each of very many calls.
SINGLE = (str, bytes, Bits)
MOST_BYTES = {"Cn": 255, "Sn": 65_535, "Bn": 255, "Dn": 8_191}


@dataclass(frozen=True)
class Pieces:
    """What one field puts into each record, one behind another; one length if all are equal."""

    data: Bytes
    lengths: Longs | int


def is_single(values: Column) -> bool:
    """Tell whether one value stands for all records."""
    return isinstance(values, SINGLE) or not hasattr(values, "__len__")


def bytes_of(numbers: NDArray[Any]) -> Bytes:
    """Give the bytes of an array as they lie in memory."""
    return np.ascontiguousarray(numbers).view(np.uint8)


def of_numbers(numbers: NDArray[Any]) -> Pieces:
    """Store one number per record, in the byte order it has."""
    return Pieces(bytes_of(numbers), numbers.dtype.itemsize)


def to_numbers(
    label: str, kind: str, values: Column, rows: int, byte_order: ByteOrder
) -> NDArray[Any]:
    """Convert to an STDF type; raises StdfError, naming `label`, if a value does not fit."""
    # Numbers of 8 bytes as they are: numpy would take a list of such for floats.
    listed = np.asarray(values, object if kind == "U8" and isinstance(values, list) else None)
    try:
        # One value for all rows is looked at once.
        _check_range(label, kind, np.atleast_1d(listed))
        stored = listed.astype(np.dtype(NUMBERS[kind]).newbyteorder(byte_order))
        return stored if stored.shape == (rows,) else np.full(rows, stored, stored.dtype)
    except (TypeError, ValueError) as error:
        raise StdfError(f"{label}: {brief(values)} is no {kind}: {error}") from error


def _check_range(label: str, kind: str, numbers: NDArray[Any]) -> None:
    low, high = _range(kind)
    if isinstance(low, float):
        numbers = numbers.astype(np.float64) if numbers.dtype.kind == "O" else numbers
        wrong = np.isfinite(numbers) & ((numbers < low) | (numbers > high))
    else:
        wrong = ~((numbers >= low) & (numbers <= high)).astype(np.bool_)
        if numbers.dtype.kind in "fO":
            wrong |= (numbers // 1 != numbers).astype(np.bool_)
    if wrong.any():
        value = numbers[int(np.argmax(wrong))]
        raise StdfError(f"{label}: {value} is not a {kind} from {low:,} to {high:,}")


@cache
def _range(kind: str) -> tuple[float, float]:
    """The least and the largest number that a type can hold."""
    if kind == "N1":
        return 0, 15
    dtype = np.dtype(NUMBERS[kind])
    if dtype.kind == "f":
        return -float(np.finfo(dtype).max), float(np.finfo(dtype).max)
    return int(np.iinfo(dtype).min), int(np.iinfo(dtype).max)


def of_texts(
    label: str, kind: str, values: Column, rows: int, byte_order: ByteOrder
) -> list[Pieces]:
    """Store one text per record, its length before it; raises StdfError where one is too long."""
    values, counts = _bits(label, values) if kind == "Dn" else (values, None)
    data, lengths = text_bytes(label, values)
    most = MOST_BYTES[kind]
    if kind in ("Cn", "Sn") and lengths.size and lengths.max() > most:
        values = _shorter(values, most)
        data, lengths = text_bytes(label, values)
    if lengths.size and lengths.max() > most:
        text = data[int(lengths[: int(lengths.argmax())].sum()) :][:20].tobytes()
        raise StdfError(f"{label}: {text!r}... has {lengths.max():,} bytes, {kind} holds {most:,}")
    counts = lengths * (8 if kind == "Dn" else 1) if counts is None else counts
    sizes = counts.astype(np.dtype(LENGTHS[kind]).newbyteorder(byte_order))
    if is_single(values):
        return [of_numbers(np.repeat(sizes, rows)), Pieces(np.tile(data, rows), data.size)]
    return [of_numbers(sizes), Pieces(data, lengths)]


def _shorter(values: Column, most: int) -> Column:
    """Put texts too long in UTF-8 in Latin-1, where that is read as the same text."""
    listed: Any = values
    return _fitting(values, most) if is_single(values) else [_fitting(v, most) for v in listed]


def _fitting(text: Any, most: int) -> Any:  # noqa: ANN401
    if not isinstance(text, str):
        return text
    long, short = text.encode(), text.encode("latin-1", "ignore")
    return short if len(long) > most and decode_one(short) == text else long


def _bits(label: str, values: Column) -> tuple[Column, Longs | None]:
    """Part bits from their number, which is that of whole bytes where none is given."""
    single = is_single(values)
    listed: Any = [values] if single else values
    if not any(isinstance(value, Bits) for value in listed):
        return values, None
    bits = [_as_bits(value) for value in listed]
    for size, part in bits:
        if len(part) != (size + 7) // 8:
            raise StdfError(f"{label}: {size:,} bits do not take the {len(part):,} bytes given")
    data = [bit.data for bit in bits]
    return data[0] if single else data, np.array([bit.size for bit in bits], np.int64)


def _as_bits(value: Bits | bytes | None) -> Bits:
    return value if isinstance(value, Bits) else Bits(8 * len(value or b""), value or b"")


def text_bytes(label: str, values: Column) -> tuple[Bytes, Longs]:
    """Give all texts behind one another, and the length of each."""
    listed: Any = [values] if is_single(values) else values
    try:
        if isinstance(values, str | bytes):
            one = np.frombuffer(values.encode() if isinstance(values, str) else values, np.uint8)
            return one.copy(), np.array([one.size])
        texts = pa.array(listed).cast(pa.large_binary()).fill_null(b"")
    except (pa.ArrowException, UnicodeError) as error:
        raise StdfError(f"{label}: {brief(values)} is no text: {error}") from error
    _, ends_buffer, data_buffer = (np.frombuffer(b or b"", np.uint8) for b in texts.buffers())
    ends = ends_buffer.view(np.int64)[texts.offset : texts.offset + len(texts) + 1]
    # A copy is writable, as the compiled loops expect all their arrays to be.
    return data_buffer[ends[0] : ends[-1]].copy(), np.diff(ends)


def of_letters(label: str, values: Column, rows: int) -> Pieces:
    """Store one character per record, a space for none."""
    data, lengths = text_bytes(label, _one_byte_each(values))
    if np.any(lengths > 1):
        raise StdfError(f"{label}: {brief(values)} is longer than one character")
    letters = np.full(lengths.size, ord(" "), np.uint8)
    letters[lengths == 1] = data
    return of_numbers(np.broadcast_to(letters, rows))


def _one_byte_each(values: Column) -> Column:
    """Letters beyond ASCII as testers wrote them, in Latin-1."""
    if isinstance(values, str):
        return values if values.isascii() else values.encode("latin-1", "replace")
    listed: Any = values
    if not is_single(values) and any(isinstance(v, str) and not v.isascii() for v in listed):
        return [v.encode("latin-1", "replace") if isinstance(v, str) else v for v in listed]
    return values
