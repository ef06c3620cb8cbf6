"""Numbers, texts and arrays of many records at once, as one Arrow array each."""

from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from fabyield.stdf.compiled import buffers
from fabyield.stdf.compiled.buffers import PIECES, VALUES, Bytes, Flags, Ints, Longs, bounds
from fabyield.stdf.spec.types import GENERIC, LENGTHS, NUMBERS, PAD, width_of

# The published stubs type an array by its element, unknown for a column named at run time.
ArrowArray = Any

VALUE = pa.struct(
    [
        *(pa.field("type", pa.string()), pa.field("text", pa.string())),
        *(pa.field("integer", pa.int64()), pa.field("real", pa.float64())),
        *(pa.field("data", pa.binary()), pa.field("bits", pa.int32())),
    ]
)


def to_arrow(numbers: NDArray[Any], valid: Flags, target: pa.DataType) -> ArrowArray:
    """Convert numbers to an Arrow array of type `target`, null where not valid."""
    values = numbers.astype(target.to_pandas_dtype(), copy=False)
    return pa.array(values, target, mask=None if valid.all() else ~valid)


def take_numbers(column: ArrowArray, index: Ints | Longs) -> ArrowArray:
    """Take from a column of numbers by index."""
    valid = np.asarray(column.is_valid())
    numbers = column.fill_null(0).to_numpy(zero_copy_only=False)
    there = valid if valid.all() else buffers.take(valid, index)
    return to_arrow(buffers.take(numbers, index), there, column.type)


def with_values(column: ArrowArray, rows: Longs, values: ArrowArray) -> ArrowArray:
    """Return a column with other values in some of its rows."""
    place = np.arange(len(column))
    place[rows] = len(column) + np.arange(rows.size)
    places: ArrowArray = pa.array(place)
    return pa.concat_arrays([column, values]).take(places)


def numbers_at(data: Bytes, big: bool, places: Longs, counts: Longs, kind: str) -> NDArray[Any]:
    """Read `counts` numbers of one STDF type at each of the places."""
    dtype = np.dtype(NUMBERS[kind]).newbyteorder(">" if big else "<")
    return np.asarray(buffers.gather(data, places, counts * dtype.itemsize)).view(dtype)


def texts_at(data: Bytes, big: bool, places: Longs, kind: str) -> ArrowArray:
    """Read texts with their lengths in front."""
    return decode(binary_at(data, places + width_of(kind), _lengths_at(data, big, places, kind)))


def _lengths_at(data: Bytes, big: bool, places: Longs, kind: str) -> Longs:
    once = np.ones(places.size, np.int64)
    return numbers_at(data, big, places, once, LENGTHS[kind].upper()).astype(np.int64)


def sized_at(data: Bytes, big: bool, arrays: tuple[Longs, Longs, Longs], kind: str) -> ArrowArray:
    """Read arrays of numbers (Uf) or texts (Cf), given their places, counts and element widths."""
    places, counts, widths = arrays
    widths = np.repeat(widths, counts)
    within = np.arange(widths.size) - np.repeat(bounds(counts)[:-1], counts)
    places = np.repeat(places, counts) + within * widths
    if kind == "Cf":
        return decode(binary_at(data, places, widths))
    return pa.array(buffers.unsigned(data, big, places, widths))


def element_places(data: Bytes, big: bool, places: Longs, counts: Longs, kind: str) -> Longs:
    """Return where each text (Cn, Sn) or value of a GDR (Vn) begins."""
    shape = VALUES if kind == "Vn" else PIECES
    array = buffers.Array(shape, np.int64(width_of(kind)), np.int64(0))
    return np.asarray(buffers.element_starts(data, big, places, counts, array))


def generic(data: Bytes, big: bool, places: Longs, counts: Longs) -> tuple[ArrowArray, Longs]:
    """Read the values of GDRs without their pads, and return how many each GDR has."""
    starts = element_places(data, big, places, counts, "Vn")
    owner, codes = np.repeat(np.arange(counts.size), counts), data[starts]
    starts, owner, codes = (part[codes != PAD] for part in (starts, owner, codes))
    values = np.full(starts.size, None, object)
    for code, kind in GENERIC.items():
        rows = np.flatnonzero(codes == code)
        if rows.size:
            values[rows] = _values_at(data, big, starts[rows] + 1, kind)
    left = np.bincount(owner, minlength=counts.size).astype(np.int64)
    return pa.array(values.tolist(), VALUE), left


def _values_at(data: Bytes, big: bool, places: Longs, kind: str) -> list[dict[str, Any]]:
    if kind in NUMBERS:
        numbers = numbers_at(data, big, places, np.ones(places.size, np.int64), kind)
        numbers = numbers & 15 if kind == "N1" else numbers
        name = "real" if kind[0] == "R" else "integer"
        return [{"type": kind, name: number} for number in numbers.tolist()]
    if kind == "Cn":
        return [{"type": kind, "text": t} for t in texts_at(data, big, places, kind).to_pylist()]
    counts = _lengths_at(data, big, places, kind)
    lengths = (counts + 7) // 8 if kind == "Dn" else counts
    found = binary_at(data, places + width_of(kind), lengths).to_pylist()
    bits = counts.tolist() if kind == "Dn" else [None] * len(found)
    return [{"type": kind, "data": d, "bits": n} for d, n in zip(found, bits, strict=True)]


def binary_at(data: Bytes, places: Longs, lengths: Longs) -> ArrowArray:
    """Read pieces of bytes, null where one is empty."""
    ends = bounds(lengths).astype(np.int32)
    valid = np.packbits(lengths > 0, bitorder="little")
    parts = (valid, ends, buffers.gather(data, places, lengths))
    return pa.Array.from_buffers(pa.binary(), lengths.size, [pa.py_buffer(p.data) for p in parts])


def decode(texts: ArrowArray) -> ArrowArray:
    """Decode texts from any tester: UTF-8 where it is valid, else Latin-1, value by value."""
    try:
        return texts.cast(pa.string())
    except pa.ArrowInvalid:
        return pa.array([text and decode_one(text) for text in texts.to_pylist()], pa.string())


def decode_one(text: bytes) -> str:
    """Decode one text as `decode` does."""
    try:
        return text.decode()
    except UnicodeDecodeError:
        return text.decode("latin-1")
