"""One field of many records as the bytes to store."""

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
# Single values that have a length; a tuple, because building a union takes time in every call.
SINGLE = (str, bytes, Bits)
MOST_BYTES = {"Cn": 255, "Sn": 65_535, "Bn": 255, "Dn": 8_191}


@dataclass(frozen=True)
class Pieces:
    """The bytes of one field in all records, and the length per record or of every record."""

    data: Bytes
    lengths: Longs | int


def is_single(values: Column) -> bool:
    """Return whether one value is given for all records."""
    return isinstance(values, SINGLE) or not hasattr(values, "__len__")


def encode_numbers(numbers: NDArray[Any]) -> Pieces:
    """Store one number per record, in the byte order it has."""
    return Pieces(np.ascontiguousarray(numbers).view(np.uint8), numbers.dtype.itemsize)


def to_numbers(
    label: str, kind: str, values: Column, rows: int, byte_order: ByteOrder
) -> NDArray[Any]:
    """Convert to an STDF type; raise StdfError, naming `label`, if a value does not fit."""
    # Numbers of 8 bytes stay objects: numpy would turn a list of them into floats.
    given = np.asarray(values, object if kind == "U8" and isinstance(values, list) else None)
    try:
        # One value for all rows is checked once.
        _check_range(label, kind, np.atleast_1d(given))
        stored = given.astype(np.dtype(NUMBERS[kind]).newbyteorder(byte_order))
        return stored if stored.shape == (rows,) else np.full(rows, stored, stored.dtype)
    except (TypeError, ValueError) as error:
        raise StdfError(f"{label}: {brief(values)} is not a {kind}: {error}") from error


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
    if kind == "N1":
        return 0, 15
    dtype = np.dtype(NUMBERS[kind])
    if dtype.kind == "f":
        return -float(np.finfo(dtype).max), float(np.finfo(dtype).max)
    return int(np.iinfo(dtype).min), int(np.iinfo(dtype).max)


def encode_texts(
    label: str, kind: str, values: Column, rows: int, byte_order: ByteOrder
) -> list[Pieces]:
    """Store one text per record after its length; raise StdfError where one is too long."""
    values, counts = _split_bits(label, values) if kind == "Dn" else (values, None)
    data, lengths = text_bytes(label, values)
    most = MOST_BYTES[kind]
    if kind in ("Cn", "Sn") and lengths.size and lengths.max() > most:
        texts: Any = values
        values = _fitting(texts, most) if is_single(values) else [_fitting(t, most) for t in texts]
        data, lengths = text_bytes(label, values)
    if lengths.size and lengths.max() > most:
        text = data[int(lengths[: int(lengths.argmax())].sum()) :][:20].tobytes()
        raise StdfError(f"{label}: {text!r}... has {lengths.max():,} bytes, {kind} holds {most:,}")
    counts = lengths * (8 if kind == "Dn" else 1) if counts is None else counts
    sizes = counts.astype(np.dtype(LENGTHS[kind]).newbyteorder(byte_order))
    if is_single(values):
        return [encode_numbers(np.repeat(sizes, rows)), Pieces(np.tile(data, rows), data.size)]
    return [encode_numbers(sizes), Pieces(data, lengths)]


def _fitting(text: Any, most: int) -> Any:  # noqa: ANN401
    """Encode a text too long in UTF-8 as Latin-1, where that is read as the same text."""
    if not isinstance(text, str):
        return text
    long, short = text.encode(), text.encode("latin-1", "ignore")
    return short if len(long) > most and decode_one(short) == text else long


def _split_bits(label: str, values: Column) -> tuple[Column, Longs | None]:
    """Split Bits into bytes and numbers of bits; plain bytes have whole bytes of them."""
    single = is_single(values)
    given: Any = [values] if single else values
    if not any(isinstance(value, Bits) for value in given):
        return values, None
    bits = [v if isinstance(v, Bits) else Bits(8 * len(v or b""), v or b"") for v in given]
    for size, part in bits:
        if len(part) != (size + 7) // 8:
            need = (size + 7) // 8
            raise StdfError(f"{label}: {size:,} bits take {need:,} bytes, not {len(part):,}")
    data = [bit.data for bit in bits]
    return data[0] if single else data, np.array([bit.size for bit in bits], np.int64)


def text_bytes(label: str, values: Column) -> tuple[Bytes, Longs]:
    """Return the bytes of all texts, and the length of each."""
    given: Any = [values] if is_single(values) else values
    try:
        if isinstance(values, str | bytes):
            one = np.frombuffer(values.encode() if isinstance(values, str) else values, np.uint8)
            return one.copy(), np.array([one.size])
        texts = pa.array(given).cast(pa.large_binary()).fill_null(b"")
    except (pa.ArrowException, UnicodeError) as error:
        raise StdfError(f"{label}: {brief(values)} is not text: {error}") from error
    _, ends_buffer, data_buffer = (np.frombuffer(b or b"", np.uint8) for b in texts.buffers())
    ends = ends_buffer.view(np.int64)[texts.offset : texts.offset + len(texts) + 1]
    # A copy is writable, as the compiled loops expect all their arrays to be.
    return data_buffer[ends[0] : ends[-1]].copy(), np.diff(ends)


def encode_letters(label: str, values: Column, rows: int) -> Pieces:
    """Store one character per record, a space for none; beyond ASCII in Latin-1, as testers do."""
    given: Any = values.encode("latin-1", "replace") if isinstance(values, str) else values
    if not is_single(given) and any(isinstance(v, str) and not v.isascii() for v in given):
        given = [v.encode("latin-1", "replace") if isinstance(v, str) else v for v in given]
    data, lengths = text_bytes(label, given)
    if np.any(lengths > 1):
        raise StdfError(f"{label}: {brief(values)} is longer than one character")
    letters = np.full(lengths.size, ord(" "), np.uint8)
    letters[lengths == 1] = data
    return encode_numbers(np.broadcast_to(letters, rows))
