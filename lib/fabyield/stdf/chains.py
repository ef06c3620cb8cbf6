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
# A longer record is asked whether others end with it, as far back as this.
LONG, BACK = 1024, 512


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
def is_far(data: Bytes, big: bool, at: Number) -> bool:
    """Tell whether a FAR stands at `at`; a damaged type of another record is not taken for one."""
    if at + 4 + FAR_BODY > data.size:
        return False
    code, length = header(data, big, at)
    return bool(code == FAR_CODE and length == FAR_BODY and data[at + 5] == VERSION)


@njit(cache=True, nogil=True)
def swallows(data: Bytes, big: bool, types: Types, at: Number, end: Number) -> bool:
    """Tell whether records follow one another inside the one at `at`, up to its very end.

    Its length is damaged then, and the end that it claims is that of another record.
    """
    begin = max(at + 4, end - BACK)
    many = np.zeros(max(end - begin, 0) + 1, np.int16)
    for place in range(end - 4, begin - 1, -1):
        code, length = header(data, big, place)
        after = place + 4 + length
        known = types.role[code] not in (NONE, FAR, VENDOR) and length >= types.least[code]
        if known and after <= end and (after == end or many[after - begin] > 0):
            many[place - begin] = 1 + many[after - begin]
            if many[place - begin] == ENOUGH:
                return True
    return False


@njit(cache=True, nogil=True)
def holds_part(data: Bytes, big: bool, types: Types, at: Number, end: Number) -> bool:
    """Tell whether a PIR stands inside the record at `at`, and what follows it ends with it."""
    for place in range(at + 4, end - 3 - PIR_BODY):
        after = np.int64(place)
        code, length = header(data, big, after)
        if types.role[code] != PIR or length != PIR_BODY:
            continue
        while after + 4 <= end:
            code, length = header(data, big, after)
            if types.role[code] in (NONE, FAR) or length < types.least[code]:
                break
            after += 4 + length
        if after == end:
            return True
    return False


@njit(cache=True, nogil=True)
def judge(data: Bytes, big: bool, last: bool, types: Types, at: Number) -> tuple[Number, Number]:
    """Tell whether the record at `at` is whole, and where it ends."""
    code, length = header(data, big, at)
    role, end = types.role[code], at + 4 + length
    status = WHOLE
    if role == FAR:
        is_cut = at + 4 + FAR_BODY > data.size and not last
        status = MORE if is_cut else END if is_far(data, big, at) else WRONG
    elif role == NONE:
        status = WRONG
    elif end + 4 > data.size:
        status = MORE if not last else WHOLE if end <= data.size else WRONG
    else:
        status = followed(data, big, last, types, end)
    if status == WHOLE:
        is_long = length > LONG and swallows(data, big, types, at, end)
        if is_long or (role == PIR and length > PIR_BODY):
            status = DOUBTFUL
    return status, end


@njit(cache=True, nogil=True)
def followed(data: Bytes, big: bool, last: bool, types: Types, at: Number) -> int:
    """Tell whether a record seems to stand at `at`, and another one behind it."""
    code, length = header(data, big, at)
    if types.role[code] == NONE or length < types.least[code]:
        return DOUBTFUL
    after = at + 4 + length
    if after + 4 > data.size:
        return MORE if not last else WHOLE if after <= data.size else DOUBTFUL
    code, _ = header(data, big, after)
    return DOUBTFUL if types.role[code] == NONE else WHOLE


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
        if is_far(data, big, at):
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
            end = at + 4 + header(data, big, at)[1]
            if seen == MORE or (seen == WHOLE and not swallows(data, big, types, at, end)):
                return at, seen == WHOLE
        at += 1
    return (np.int64(data.size), True) if last else (at, False)


@njit(cache=True, nogil=True)
def chain(
    data: Bytes, big: bool, flags: tuple[bool, bool, bool, bool], types: Types, links: Links
) -> tuple[int, int, Number, bool]:
    """Follow the headers of a block.

    `flags`: is it the first, the last, does it begin in a gap, is each record asked whether it
    holds a PIR: one whose length is damaged may hide the end of a part, and the next one's begin.
    Returns the numbers of records and gaps, where it stopped, and whether that is in a gap.
    """
    first, last, lost, careful = flags
    gap = links.gap
    start, stop, code, many = links.start, links.end, links.code, links.many
    at: Number = np.int64(0)
    count, gaps = 0, 0
    if first:
        at, count = np.int64(4 + FAR_BODY), 1
        start[0], stop[0], code[0] = 0, at, FAR_CODE
        many[FAR_CODE] += 1
    while at + 4 <= data.size:
        status, end = (WRONG, at) if lost else judge(data, big, last, types, at)
        if status in (MORE, END):
            break
        if careful and status == WHOLE and holds_part(data, big, types, at, end):
            status = DOUBTFUL
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
