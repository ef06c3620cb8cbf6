"""Loops over whole buffers, compiled; all else in this package is numpy on their results."""

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

FIXED, COUNT, TEXT, BITS, ARRAY, NIBBLES = range(6)
PIR, PRR, WIR, WRR, TEST = range(1, 6)
ANY_HEAD = 255


def bounds(lengths: Longs) -> Longs:
    """Tell where pieces that stand behind one another begin, and where the last one ends."""
    found = np.zeros(lengths.size + 1, np.int64)
    np.cumsum(lengths, out=found[1:])
    return found


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
def chain(data: Bytes, known: Bytes, big: bool, starts: Longs, codes: Words) -> tuple[int, int]:
    """Follow the record headers; give the number of whole records and where they stop.

    `known[code]` is 1 for a record that may follow the first one. As many as fit go into
    `starts`, `codes`.
    """
    high, low = (0, 1) if big else (1, 0)
    at, count = 0, 0
    while at + 4 <= data.size:
        code = data[at + 2] << 8 | data[at + 3]
        end = at + 4 + (data[at + high] << 8 | data[at + low])
        if (known[code] == 0 and at > 0) or end > data.size:
            break
        if count < starts.size:
            starts[count] = at
            codes[count] = code
        count += 1
        at = end
    return count, at


@njit(cache=True, nogil=True)
def small(data: Bytes, big: bool, at: int, width: int, end: int) -> int:
    """Read an integer of one or two bytes; 0 if it is wider or ends behind `end`."""
    if at + width > end or width > 2:
        return 0
    if width == 1:
        return int(data[at])
    return int(data[at] << 8 | data[at + 1] if big else data[at + 1] << 8 | data[at])


@njit(cache=True, nogil=True)
def walk(data: Bytes, big: bool, starts: Longs, fields: Ints, at: Places) -> Small:
    """Find where each field of each record begins, as bytes from the start of the record.

    `fields` has a row per field: its shape, its width, the position of its count field, and the
    row of `at` to fill, -1 for none. Returns the number of whole fields of each record; if the
    next one is damaged, minus 1 minus that number.
    """
    whole = np.empty(starts.size, np.int16)
    counts = np.zeros(fields.shape[0], np.int64)
    for i in range(starts.size):
        place = starts[i] + 4
        end = place + small(data, big, starts[i], 2, data.size)
        whole[i] = fields.shape[0]
        for f in range(fields.shape[0]):
            shape, width, many = fields[f, 0], fields[f, 1], counts[fields[f, 2]]
            is_array = shape >= ARRAY
            if place >= end and not (is_array and many == 0):
                whole[i] = f
                break
            if is_array:
                size = width * many if shape == ARRAY else (many + 1) // 2
            elif shape == FIXED:
                size = width
            elif shape == TEXT:
                size = 1 + data[place]
            else:
                counts[f] = small(data, big, place, width, end)
                size = width + ((counts[f] + 7) // 8 if shape == BITS else 0)
            if place + size > end:
                whole[i] = -1 - f
                break
            if fields[f, 3] >= 0:
                at[fields[f, 3], i] = place - starts[i]
            place += size
    return whole


@njit(cache=True, nogil=True)
def integers(data: Bytes, big: bool, starts: Longs, at: Places, width: int) -> Longs:
    """Read the unsigned integers of `width` bytes at `starts + at`; 0 where `at` is 0."""
    out = np.zeros(starts.size, np.int64)
    first, step = (0, 1) if big else (width - 1, -1)
    for i in range(starts.size):
        if at[i] > 0:
            place = starts[i] + at[i] + first
            value = np.int64(data[place])
            if width > 1:
                value = value << 8 | data[place + step]
            if width > 2:
                value = value << 16 | data[place + 2 * step] << 8 | data[place + 3 * step]
            out[i] = value
    return out


@njit(cache=True, nogil=True)
def own(what: Small, places: Ints, one_head: bool, closed: Longs) -> tuple[Longs, int]:
    """Give each record its owner, in file order; return the owners and the number of wafer runs.

    `what` is PIR, PRR, WIR, WRR, TEST or 0, `places` is head * 256 + site. A test's owner is the
    PIR (by number) open at its place, a PRR's the wafer run open at its head, that of WIR and WRR
    their own run; -1 is none. `closed[p]` becomes the number of the PRR that closes PIR p.
    """
    owner = np.full(what.size, -1, np.int64)
    parts, wafers = np.full(65536, -1, np.int64), np.full(256, -1, np.int64)
    pirs, prrs, runs = 0, 0, 0
    for i in range(what.size):
        place, head = places[i], places[i] >> 8
        if what[i] == TEST:
            owner[i] = parts[place]
        elif what[i] == PIR:
            parts[place] = pirs
            pirs += 1
        elif what[i] == PRR:
            if parts[place] >= 0:
                closed[parts[place]] = prrs
            parts[place] = -1
            owner[i] = wafers[head]
            prrs += 1
        elif what[i] == WIR:
            owner[i] = runs
            wafers[head] = runs
            if one_head or head == ANY_HEAD:
                wafers[:] = runs
            runs += 1
        elif what[i] == WRR:
            run = wafers.max() if head == ANY_HEAD else wafers[head]
            if run < 0:
                run = runs
                runs += 1
            owner[i] = run
            wafers[wafers == run] = -1
    return owner, runs
