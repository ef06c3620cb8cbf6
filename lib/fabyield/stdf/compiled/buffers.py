"""Loops over whole buffers, compiled; all else in this package is numpy on their results."""

from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

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
# Bytes of a value in a GDR by its code, that included; a record has no room for one without type.
GENERIC_SIZES = np.array([1, 2, 3, 5, 2, 3, 5, 5, 9, 65_536, 0, 0, 0, 2])
# Added to the shape of a field that is stored only under a condition.
OPTIONAL = 16
PLAN = 8


def bounds(lengths: Longs) -> Longs:
    """Tell where pieces that stand behind one another begin, and where the last one ends."""
    found = np.zeros(lengths.size + 1, np.int64)
    np.cumsum(lengths, out=found[1:])
    return found


@njit(cache=True, nogil=True)
def taken(values: Column, index: Ints | Longs) -> Column:
    """Take values by index, -1 the last one; much faster than numpy where there are many."""
    out = np.empty(index.size, values.dtype)
    for i in range(index.size):
        out[i] = values[index[i]]
    return out


@njit(cache=True, nogil=True)
def scatter(out: Bytes, at: Longs, data: Bytes, offsets: Longs) -> None:
    """Copy piece i of `data` to `out[at[i]:]` and move `at[i]` behind it."""
    for i in range(at.size):
        to = at[i]
        for source in range(offsets[i], offsets[i + 1]):
            out[to] = data[source]
            to += 1
        at[i] = to


@njit(cache=True, nogil=True)
def gather(out: Bytes, data: Bytes, starts: Longs, lengths: Longs) -> None:
    """Copy the pieces of `data` that begin at `starts` one behind another into `out`."""
    to = 0
    for i in range(starts.size):
        for source in range(starts[i], starts[i] + lengths[i]):
            out[to] = data[source]
            to += 1


@njit(cache=True, nogil=True)
def nibbles(out: Bytes, data: Bytes, starts: Longs, counts: Longs) -> None:
    """Copy half bytes, the low one of each byte first, of the arrays at `starts` into `out`."""
    to = 0
    for i in range(starts.size):
        for k in range(counts[i]):
            out[to] = data[starts[i] + k // 2] >> 4 * (k % 2) & 15
            to += 1


class Found(NamedTuple):
    """What `walk` finds of each wanted field of each record, a row per field.

    `at`: where it begins, as bytes from the start of the record; 0 where it is not stored.
    `raw`: its number as it stands, unsigned: of a text or bits their length, of an array how many.
    """

    at: Places
    raw: Raw


class Array(NamedTuple):
    """An array inside a record: its shape, the bytes of an element or before it, how many."""

    shape: int
    width: np.int64
    many: np.int64


@njit(cache=True, nogil=True)
def walk(data: Bytes, big: bool, starts: Longs, fields: Ints, found: Found) -> Small:
    """Find each field of each record, and its number, while the record is at hand.

    `fields` has a row per field: its shape, its width, the position of its count field, the row of
    `found` to fill (-1 for none), and the position of its width field; where OPTIONAL, also the
    position of the flag field, mask and value that say that it is stored. One position beyond the
    last stands for 0, two for 1. Returns the number of whole fields of each record, one more where
    bytes follow the last; if the next one is damaged, minus 1 minus that number.
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
            value = np.int64(0)
            if is_array:
                value = many
                array = Array(shape, width + counts[fields[f, 4]], many)
                few = (many + 1) // 2 if shape == NIBBLES else width * many
                size = span(data, big, place, end, array) if shape >= PIECES else few
            else:
                size = np.int64(width)
                if place + size <= end:
                    value = number(data, big, place, width)
                    counts[f] = value
                    size += value if shape == TEXT else (value + 7) // 8 if shape == BITS else 0
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


@njit(cache=True, nogil=True)
def span(data: Bytes, big: bool, place: np.int64, end: np.int64, array: Array) -> np.int64:
    """Count the bytes of an array of texts, values, or of a width that the record tells.

    They are more than are left where an element is damaged.
    """
    shape, width, many = array
    over = end - place + 1
    if shape == SIZED and many > 0 and width not in (1, 2, 4, 8):
        return over
    if shape in (SIZED, LETTERS):
        return width * many
    at = place
    for _ in range(many):
        if at + width > end:
            return over
        at += element(data, big, at, end, array)
    return at - place


@njit(cache=True, nogil=True)
def element(data: Bytes, big: bool, at: np.int64, end: np.int64, array: Array) -> np.int64:
    """Count the bytes of a text with its length before it, or of a GDR's value with its code."""
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


@njit(cache=True, nogil=True)
def elements(data: Bytes, big: bool, places: Longs, counts: Longs, array: Array) -> Longs:
    """Find where each element of the arrays at `places` begins, those of all one after another."""
    starts = np.empty(counts.sum(), np.int64)
    k = 0
    for i in range(places.size):
        at = places[i]
        for _ in range(counts[i]):
            starts[k] = at
            at += element(data, big, at, np.int64(data.size), array)
            k += 1
    return starts


@njit(cache=True, nogil=True)
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


@njit(cache=True, nogil=True)
def number(data: Bytes, big: bool, at: Number, width: Number) -> np.int64:
    """Read an unsigned integer of up to four bytes; of more, the first four bytes in file order."""
    # Unsigned, or each index would be asked whether it counts from the end.
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


@njit(cache=True, nogil=True)
def free(slots: Longs, code: int) -> int:
    """Find the first free slot for `code`; there is always one."""
    slot = code & (slots.size - 1)
    while slots[slot] >= 0:
        slot = (slot + 1) & (slots.size - 1)
    return slot


@njit(cache=True, nogil=True)
def none(size: int) -> Longs:
    """Make an array of -1."""
    return np.full(size, -1, np.int64)


@njit(cache=True, nogil=True)
def doubled(old: Longs) -> Longs:
    """Copy `old` into the first half of an array of -1."""
    new = none(2 * old.size)
    new[: old.size] = old
    return new
