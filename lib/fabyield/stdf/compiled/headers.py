"""What a header is, and what speaks against it; compiled."""

from typing import NamedTuple

import numpy as np
from numba import njit

from fabyield.stdf.compiled.buffers import Bytes, Found, Ints, Longs, Number, walk

# What a header may be; of tests, where its head and site stand tells the rest.
NONE, PLAIN, PIR, PRR, WIR, WRR, TEST, SITES, VENDOR, FAR = range(10)
WHOLE, MORE, DOUBTFUL, WRONG, END = range(5)
# So many plausible records in a row are taken for the end of a damaged stretch.
ENOUGH = 3
# So many that end where the record around them does are taken for what stands there.
INSIDE = 2
PIR_BODY, FAR_BODY = 2, 2
VERSION, MRR, FAR_CODE = 4, 1 << 8 | 20, 10
PIR_TYPE, PIR_SUBTYPE = 5, 10
CHUNK = 4 * 255
# A longer record is asked whether others end with it, as far back as this.
LONG, BACK = 1024, 512


class Layouts(NamedTuple):
    """The plans of all layouts behind one another, as `walk` takes them, in order of code.

    `end`: where that of each layout begins, and the last one ends; `first`: the first layout of
    each code, and behind it that of the next.
    """

    plan: Ints
    end: Longs
    first: Longs


class Types(NamedTuple):
    """The role of each record code, the least bytes that one of it has behind its header."""

    role: Bytes
    least: Bytes
    layouts: Layouts


@njit(cache=True, nogil=True)
def header(data: Bytes, big: bool, at: Number) -> tuple[Number, Number]:
    """Read code and body length."""
    # Unsigned, or each index would be asked whether it counts from the end.
    place = np.uint64(at)
    one, two = np.int64(data[place]), np.int64(data[place + np.uint64(1)])
    kind, subtype = data[place + np.uint64(2)], data[place + np.uint64(3)]
    length = one << 8 | two if big else two << 8 | one
    return np.int64(kind) << 8 | np.int64(subtype), length


@njit(cache=True, nogil=True)
def is_far(data: Bytes, big: bool, at: Number) -> bool:
    """Tell whether a FAR stands at `at`; a damaged type of another record is not taken for one."""
    if at + 4 + FAR_BODY > data.size:
        return False
    code, length = header(data, big, at)
    return bool(code == FAR_CODE and length == FAR_BODY and data[at + 5] == VERSION)


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
def fits(data: Bytes, big: bool, types: Types, at: Number) -> bool:
    """Tell whether the record at `at` ends where one of its fields does, as whole ones do.

    Of a vendor's own it is not known.
    """
    known = types.layouts
    code, _ = header(data, big, at)
    nothing = np.zeros((0, 1), np.uint32)
    if types.role[code] == VENDOR:
        return True
    for layout in range(known.first[code], known.first[code + 1]):
        plan = known.plan[known.end[layout] : known.end[layout + 1]]
        whole = walk(data, big, np.array([at], np.int64), plan, Found(nothing, nothing))[0]
        if 0 <= whole <= plan.shape[0]:
            return True
    return False


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
            if many[place - begin] == INSIDE:
                return True
    return False


@njit(cache=True, nogil=True)
def holds_part(data: Bytes, big: bool, types: Types, at: Number, end: Number) -> bool:
    """Tell whether a PIR stands inside the record at `at`, and what follows it ends with it."""
    begin = at + 4
    # Backwards, so that each place is looked at once.
    follows = np.zeros(max(end - begin, 0) + 1, np.bool_)
    follows[-1] = True
    for place in range(end - 4, begin - 1, -1):
        code, length = header(data, big, place)
        after = place + 4 + length
        is_known = types.role[code] not in (NONE, FAR) and length >= types.least[code]
        if is_known and after <= end and follows[after - begin]:
            follows[place - begin] = True
            if types.role[code] == PIR and length == PIR_BODY:
                return True
    return False


@njit(cache=True, nogil=True)
def part_begins(data: Bytes, big: bool) -> Number:
    """Count the headers of PIRs, wherever they stand."""
    high, low = (np.uint64(0), np.uint64(1)) if big else (np.uint64(1), np.uint64(0))
    found = np.int64(0)
    stop = data.size - 3
    for begin in range(0, stop, CHUNK):
        # Few enough for a byte, and unsigned: so many places are compared at once.
        seen = np.uint8(0)
        for at in range(np.uint64(begin), np.uint64(min(begin + CHUNK, stop))):
            differ = data[at + high] | (data[at + low] ^ np.uint8(PIR_BODY))
            differ |= data[at + np.uint64(2)] ^ np.uint8(PIR_TYPE)
            differ |= data[at + np.uint64(3)] ^ np.uint8(PIR_SUBTYPE)
            seen = np.uint8(seen + np.uint8(differ == 0))
        found += seen
    return found
