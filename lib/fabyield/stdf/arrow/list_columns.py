"""The arrays inside records: the elements of many of them at once, as one Arrow array."""

from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from fabyield.stdf.compiled import buffers
from fabyield.stdf.compiled.buffers import PIECES, VALUES, Bytes, Flags, Ints, Longs, bounds
from fabyield.stdf.spec.types import GENERIC, LENGTHS, NUMBERS, PAD, width_of

# The published stubs type an array by its element, which a column named at run time has not.
ArrowArray = Any

VALUE = pa.struct(
    [
        *(pa.field(name, pa.string()) for name in ("type", "text")),
        *(pa.field("integer", pa.int64()), pa.field("real", pa.float64())),
        *(pa.field("data", pa.binary()), pa.field("bits", pa.int32())),
    ]
)


def arrow(numbers: NDArray[Any], valid: Flags, target: pa.DataType) -> ArrowArray:
    """Turn numbers into an Arrow array of type `target`, null where not valid."""
    values = numbers.astype(target.to_pandas_dtype(), copy=False)
    return pa.array(values, target, mask=None if valid.all() else ~valid)


def listed(values: ArrowArray, counts: Longs, valid: Flags) -> ArrowArray:
    """Cut values into lists, one of `counts` values per row, null where not valid."""
    ends = arrow(bounds(counts), np.ones(counts.size + 1, np.bool_), pa.int32())
    return pa.ListArray.from_arrays(ends, values, mask=pa.array(~valid))


def arrow_taken(column: ArrowArray, index: Ints | Longs) -> ArrowArray:
    """Take from a column of numbers by index."""
    valid = np.asarray(column.is_valid())
    numbers = column.fill_null(0).to_numpy(zero_copy_only=False)
    there = valid if valid.all() else buffers.taken(valid, index)
    return arrow(buffers.taken(numbers, index), there, column.type)


def gather(data: Bytes, places: Longs, lengths: Longs) -> Bytes:
    """Copy the pieces that begin at `places` one behind another."""
    out = np.empty(int(lengths.sum()), np.uint8)
    buffers.gather(out, data, places, lengths)
    return out


def numbers_at(data: Bytes, big: bool, places: Longs, counts: Longs, kind: str) -> NDArray[Any]:
    """Read `counts` numbers of one STDF type at each of the places."""
    dtype = np.dtype(NUMBERS[kind]).newbyteorder(">" if big else "<")
    return gather(data, places, counts * dtype.itemsize).view(dtype)


def nibbles_at(data: Bytes, places: Longs, counts: Longs) -> NDArray[Any]:
    """Read `counts` half bytes at each of the places, the low one of each byte first."""
    out = np.empty(int(counts.sum()), np.uint8)
    buffers.nibbles(out, data, places, counts)
    return out


def even_places(places: Longs, counts: Longs, widths: Longs) -> tuple[Longs, Longs]:
    """Find where each element begins in arrays of elements `widths` bytes wide; repeat those."""
    widths = np.repeat(widths, counts)
    within = np.arange(widths.size) - np.repeat(bounds(counts)[:-1], counts)
    return np.repeat(places, counts) + within * widths, widths


def texts_at(data: Bytes, big: bool, places: Longs, kind: str) -> ArrowArray:
    """Read texts with their lengths before them."""
    once = np.ones(places.size, np.int64)
    lengths = numbers_at(data, big, places, once, _length_type(kind)).astype(np.int64)
    return decode(binary(gather(data, places + width_of(kind), lengths), lengths))


def _length_type(kind: str) -> str:
    return LENGTHS[kind].upper()


def sized(data: Bytes, big: bool, places: Longs, widths: Longs, kind: str) -> ArrowArray:
    """Read numbers (Uf) or texts (Cf), each of its own width."""
    if kind == "Cf":
        return decode(binary(gather(data, places, widths), widths))
    return pa.array(buffers.unsigned(data, big, places, widths))


def element_places(data: Bytes, big: bool, places: Longs, counts: Longs, kind: str) -> Longs:
    """Find where each text (Cn, Sn) or value of a GDR (Vn) begins."""
    shape = VALUES if kind == "Vn" else PIECES
    array = buffers.Array(shape, np.int64(width_of(kind)), np.int64(0))
    return buffers.elements(data, big, places, counts, array)


def generic(data: Bytes, big: bool, places: Longs, counts: Longs) -> tuple[ArrowArray, Longs]:
    """Read the values of GDRs, and how many each has, those that only pad left out."""
    starts = element_places(data, big, places, counts, "Vn")
    owner, codes = np.repeat(np.arange(counts.size), counts), data[starts]
    starts, owner, codes = (part[codes != PAD] for part in (starts, owner, codes))
    values = np.full(starts.size, None, object)
    for code, kind in GENERIC.items():
        rows = np.flatnonzero(codes == code)
        if rows.size:
            values[rows] = _of_type(data, big, starts[rows] + 1, kind)
    left = np.bincount(owner, minlength=counts.size).astype(np.int64)
    return pa.array(values.tolist(), VALUE), left


def _of_type(data: Bytes, big: bool, places: Longs, kind: str) -> list[dict[str, Any]]:
    once = np.ones(places.size, np.int64)
    if kind == "Cn":
        texts = texts_at(data, big, places, kind).to_pylist()
        return [{"type": kind, "text": text} for text in texts]
    if kind in LENGTHS:
        counts = numbers_at(data, big, places, once, _length_type(kind)).astype(np.int64)
        lengths = (counts + 7) // 8 if kind == "Dn" else counts
        found = binary(gather(data, places + width_of(kind), lengths), lengths).to_pylist()
        bits = counts.tolist() if kind == "Dn" else [None] * len(found)
        return [
            {"type": kind, "data": part, "bits": count}
            for part, count in zip(found, bits, strict=True)
        ]
    numbers = numbers_at(data, big, places, once, kind)
    numbers = numbers & 15 if kind == "N1" else numbers
    target = "real" if kind[0] == "R" else "integer"
    return [{"type": kind, target: number} for number in numbers.tolist()]


def binary(data: Bytes, lengths: Longs) -> ArrowArray:
    """Cut bytes into pieces, null where one is empty."""
    ends = bounds(lengths).astype(np.int32)
    valid = np.packbits(lengths > 0, bitorder="little")
    buffers: Any = [pa.py_buffer(part.data) for part in (valid, ends, data)]
    return pa.Array.from_buffers(pa.binary(), lengths.size, buffers)


def decode(texts: ArrowArray) -> ArrowArray:
    """Text of any tester: UTF-8 where it is that, else Latin-1, value by value."""
    try:
        return texts.cast(pa.string())
    except pa.ArrowInvalid:
        return pa.array([text and decode_one(text) for text in texts.to_pylist()], pa.string())


def decode_one(text: bytes) -> str:
    """Text of any tester, as `decode` takes it."""
    try:
        return text.decode()
    except UnicodeDecodeError:
        return text.decode("latin-1")
