"""Compiled loops over whole buffers; the rest of this package is numpy on their results."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fabyield.stdf.compiled.cache import compiled

Bytes = NDArray[np.uint8]
Words = NDArray[np.uint16]
Places = NDArray[np.uint32]
Small = NDArray[np.int16]
Longs = NDArray[np.int64]
Flags = NDArray[np.bool_]
Ints = NDArray[np.int32]
Raw = NDArray[np.uint32]
Wide = NDArray[np.uint64]
Number = int | np.int64
Column = NDArray[Any]

FIXED, TEXT, BITS, ARRAY, NIBBLES, PIECES, SIZED, LETTERS, VALUES = range(9)
# Bytes of a GDR value with its type code, by code; no record has room for one of unknown type.
GENERIC_SIZES = np.array([1, 2, 3, 5, 2, 3, 5, 5, 9, 65_536, 0, 0, 0, 2])
# Added to the shape of a field that is stored only under a condition.
OPTIONAL = 16
PLAN = 8


def bounds(lengths: Longs) -> Longs:
    """Return where adjacent pieces of these lengths begin, and where the last one ends."""
    found = np.zeros(lengths.size + 1, np.int64)
    np.cumsum(lengths, out=found[1:])
    return found


@compiled
def take(values: Column, index: Ints | Longs) -> Column:
    """Take values by index (-1: the last one); much faster than numpy on many of them."""
    out = np.empty(index.size, values.dtype)
    for i in range(index.size):
        out[i] = values[index[i]]
    return out


@compiled
def scatter(out: Bytes, at: Longs, data: Bytes, offsets: Longs) -> None:
    """Copy piece i of `data` to `out[at[i]:]` and move `at[i]` to its end."""
    for i in range(at.size):
        to = at[i]
        for source in range(offsets[i], offsets[i + 1]):
            out[to] = data[source]
            to += 1
        at[i] = to


@compiled
def gather(data: Bytes, starts: Longs, lengths: Longs) -> Bytes:
    """Join the pieces of `data` that begin at `starts`."""
    out, to = np.empty(lengths.sum(), np.uint8), 0
    for i in range(starts.size):
        for source in range(starts[i], starts[i] + lengths[i]):
            out[to] = data[source]
            to += 1
    return out


@compiled
def nibbles(data: Bytes, starts: Longs, counts: Longs) -> Bytes:
    """Read the half bytes of the arrays at `starts`, the low one of each byte first."""
    out, to = np.empty(counts.sum(), np.uint8), 0
    for i in range(starts.size):
        for k in range(counts[i]):
            out[to] = data[starts[i] + k // 2] >> 4 * (k % 2) & 15
            to += 1
    return out


class Found(NamedTuple):
    """Position and raw number of each wanted field in each record, a row per field.

    `at`: bytes from the start of the record, 0 where the field is not stored. `raw`: the unsigned
    number as stored; for a text or bits their length, for an array its number of elements.
    """

    at: Places
    raw: Raw


class Array(NamedTuple):
    """An array inside a record: its shape, bytes per element or per length, number of elements."""

    shape: int
    width: np.int64
    many: np.int64


@compiled
def find_fields(data: Bytes, big: bool, starts: Longs, fields: Ints, found: Found) -> Small:
    """Find each field of each record, and its number, in one pass over the data.

    `fields` has a row per field: its shape, its width, the position of its count field, the row of
    `found` to fill (-1 for none), and the position of its width field; where OPTIONAL, also the
    position, mask and value of the flag that says it is stored. The position after the last field
    means 0, the one after that means 1. Returns the number of whole fields of each record, one more
    where bytes follow the last; if the next one is damaged, minus 1 minus that number.
    """
    whole = np.empty(starts.size, np.int16)
    counts = np.zeros(fields.shape[0] + 2, np.int64)
    counts[-1] = 1
    for i in range(starts.size):
        place = starts[i] + 4
        end = place + number(data, big, starts[i], 2)
        whole[i] = fields.shape[0]
        for f in range(fields.shape[0]):
            shape, width, many = fields[f, 0], fields[f, 1], counts[fields[f, 2]]
            if shape >= OPTIONAL:
                if counts[fields[f, 5]] & fields[f, 6] != fields[f, 7]:
                    continue
                shape -= OPTIONAL
            is_array = shape >= ARRAY
            if place >= end and not (is_array and many == 0):
                whole[i] = f
                break
            if is_array:
                array = Array(shape, width + counts[fields[f, 4]], many)
                value, size = many, array_size(data, big, place, end, array)
            else:
                value, size = single(data, big, place, end, (shape, width))
                counts[f] = value
            if place + size > end:
                whole[i] = -1 - f
                break
            slot = fields[f, 3]
            if slot >= 0:
                found.at[slot, i] = place - starts[i]
                found.raw[slot, i] = value
            place += size
        if place < end and whole[i] == fields.shape[0]:
            whole[i] += 1
    return whole


@compiled
def single(
    data: Bytes, big: bool, place: Number, end: Number, kind: tuple[Number, Number]
) -> tuple[np.int64, np.int64]:
    """Return the number and the size of a field that is no array, given its shape and width."""
    shape, width = kind
    size = np.int64(width)
    if place + size > end:
        return np.int64(0), size
    value = number(data, big, place, width)
    if shape == TEXT:
        size += value
    elif shape == BITS:
        size += (value + 7) // 8
    return value, size


@compiled
def array_size(data: Bytes, big: bool, place: np.int64, end: np.int64, array: Array) -> np.int64:
    """Return the bytes of an array, more than the record has left if an element is damaged."""
    shape, width, many = array
    too_many = end - place + 1
    if shape == NIBBLES:
        return (many + 1) // 2
    if shape == SIZED and many > 0 and width not in (1, 2, 4, 8):
        return too_many
    if shape not in (PIECES, VALUES):
        return width * many
    at = place
    for _ in range(many):
        if at + width > end:
            return too_many
        at += element_size(data, big, at, end, array)
    return at - place


@compiled
def element_size(data: Bytes, big: bool, at: np.int64, end: np.int64, array: Array) -> np.int64:
    """Return the bytes of a text with its length, or of a GDR value with its type code."""
    if array.shape == PIECES:
        return array.width + number(data, big, at, array.width)
    code = data[at]
    before = 2 if code == 12 else 1 if code in (10, 11) else 0
    if before == 0:
        return np.int64(GENERIC_SIZES[code]) if code < GENERIC_SIZES.size else end - at + 1
    if at + 1 + before > end:
        return end - at + 1
    length = number(data, big, at + 1, before)
    return 1 + before + ((length + 7) // 8 if code == 12 else length)


@compiled
def element_starts(data: Bytes, big: bool, places: Longs, counts: Longs, array: Array) -> Longs:
    """Return where each element of the arrays at `places` begins."""
    starts = np.empty(counts.sum(), np.int64)
    k = 0
    for i in range(places.size):
        at = places[i]
        for _ in range(counts[i]):
            starts[k] = at
            at += element_size(data, big, at, np.int64(data.size), array)
            k += 1
    return starts


@compiled
def unsigned(data: Bytes, big: bool, places: Longs, widths: Longs) -> Wide:
    """Read unsigned integers, each of its own width."""
    values = np.zeros(places.size, np.uint64)
    for i in range(places.size):
        value = np.uint64(0)
        for k in range(widths[i]):
            at = places[i] + (k if big else widths[i] - 1 - k)
            value = value << np.uint64(8) | np.uint64(data[at])
        values[i] = value
    return values


@compiled
def number(data: Bytes, big: bool, at: Number, width: Number) -> np.int64:
    """Read an unsigned integer of up to four bytes; of more, the first four bytes in file order."""
    # Unsigned, or numba would check each index for counting from the end.
    place = np.uint64(at)
    one = np.int64(data[place])
    if width == 1:
        return one
    two = np.int64(data[place + np.uint64(1)])
    if width == 2:
        return one << 8 | two if big else two << 8 | one
    three, four = np.int64(data[place + np.uint64(2)]), np.int64(data[place + np.uint64(3)])
    if big:
        return one << 24 | two << 16 | three << 8 | four
    return four << 24 | three << 16 | two << 8 | one
