"""From header to header through a block, over damaged stretches; compiled."""

from typing import NamedTuple

import numpy as np
from numba import njit

from fabyield.stdf.kernels import Bytes, Longs, Number, Words

# What a header may be; of tests, where its head and site stand tells the rest.
NONE, PLAIN, PIR, PRR, WIR, WRR, TEST, SCAN, VENDOR, FAR = range(10)
WHOLE, MORE, DOUBTFUL, WRONG, END = range(5)
# So many plausible records in a row are taken for the end of a damaged stretch.
ENOUGH = 3
PIR_BODY, FAR_BODY = 2, 2
VERSION, MRR, FAR_CODE = 4, 1 << 8 | 20, 10


class Types(NamedTuple):
    """The role of each record code, and the least bytes that one of it has behind its header."""

    role: Bytes
    least: Bytes


class Links(NamedTuple):
    """Room for what `chain` finds: the whole records, and the damaged stretches.

    Of each record its start, its end and its code; of each code how many there are.

    A row of `gap`: where it begins and ends, and how many records stand before it.
    """

    start: Longs
    end: Longs
    code: Words
    many: Longs
    gap: Longs


@njit(cache=True, nogil=True)
def header(data: Bytes, big: bool, at: Number) -> tuple[Number, Number]:
    """Read code and body length."""
    one, two = np.int64(data[at]), np.int64(data[at + 1])
    length = one << 8 | two if big else two << 8 | one
    return np.int64(data[at + 2]) << 8 | np.int64(data[at + 3]), length


@njit(cache=True, nogil=True)
def judge(data: Bytes, big: bool, last: bool, role: Bytes, at: Number) -> tuple[Number, Number]:
    """Tell whether the record at `at` is whole, and where it ends."""
    code, length = header(data, big, at)
    end = at + 4 + length
    if role[code] == FAR:
        return END, end
    if role[code] == NONE:
        return WRONG, end
    if end + 4 > data.size:
        if not last:
            return MORE, end
        return (WHOLE if end <= data.size else WRONG), end
    if role[code] == PIR and length > PIR_BODY:
        return DOUBTFUL, end
    following = np.int64(data[end + 2]) << 8 | np.int64(data[end + 3])
    return (DOUBTFUL if role[following] == NONE else WHOLE), end


@njit(cache=True, nogil=True)
def plausible(data: Bytes, big: bool, last: bool, types: Types, at: Number) -> int:
    """Tell whether records follow one another from `at`: WHOLE, WRONG, or MORE to be seen."""
    closing = False
    for n in range(ENOUGH):
        if at == data.size and last and (n > 1 or closing):
            return WHOLE
        if at + 4 > data.size:
            return WRONG if last else MORE
        code, length = header(data, big, at)
        role = types.role[code]
        closing = code == MRR
        if role == FAR and length == FAR_BODY and at + 6 <= data.size and data[at + 5] == VERSION:
            return WHOLE
        if role in (NONE, FAR, VENDOR) or length < types.least[code]:
            return WRONG
        at += 4 + length
    if at > data.size:
        return WRONG if last else MORE
    return WHOLE


@njit(cache=True, nogil=True)
def resync(data: Bytes, big: bool, last: bool, types: Types, at: Number) -> tuple[Number, bool]:
    """Find the next place where records follow one another, and whether that is certain.

    The end of the data if there is none.
    """
    while at + 4 <= data.size:
        role = types.role[np.int64(data[at + 2]) << 8 | np.int64(data[at + 3])]
        if role not in (NONE, VENDOR):
            seen = plausible(data, big, last, types, at)
            if seen != WRONG:
                return at, seen == WHOLE
        at += 1
    return (np.int64(data.size), True) if last else (at, False)


@njit(cache=True, nogil=True)
def chain(
    data: Bytes, big: bool, flags: tuple[bool, bool, bool], types: Types, links: Links
) -> tuple[int, int, Number, bool]:
    """Follow the headers of a block; `flags`: is it the first, the last, does it begin in a gap.

    Returns the numbers of records and gaps, where it stopped, and whether that is in a gap.
    """
    first, last, lost = flags
    role, gap = types.role, links.gap
    start, stop, code, many = links.start, links.end, links.code, links.many
    at: Number = np.int64(0)
    count, gaps = 0, 0
    if first:
        at, count = np.int64(4 + FAR_BODY), 1
        start[0], stop[0], code[0] = 0, at, FAR_CODE
        many[FAR_CODE] += 1
    while at + 4 <= data.size:
        status, end = (WRONG, at) if lost else judge(data, big, last, role, at)
        if status in (MORE, END):
            break
        found, sure = end, True
        if status != WHOLE:
            found, sure = resync(data, big, last, types, at if lost else at + 1)
            if not sure and found < end:
                break
        if status == WHOLE or (status == DOUBTFUL and found >= end):
            what = np.int64(data[at + 2]) << 8 | np.int64(data[at + 3])
            start[count], stop[count], code[count] = at, end, what
            many[what] += 1
            count += 1
            at = end
        if status != WHOLE:
            if found > at:
                gap[gaps, 0], gap[gaps, 1], gap[gaps, 2] = at, found, count
                gaps += 1
            at, lost = found, not sure
            if lost:
                break
    return count, gaps, at, lost
