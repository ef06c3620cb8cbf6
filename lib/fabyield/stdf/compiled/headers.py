"""Record headers, and the checks that tell a real one from damage; compiled."""

from typing import NamedTuple

import numpy as np

from fabyield.stdf.compiled.buffers import Bytes, Found, Ints, Longs, Number, find_fields
from fabyield.stdf.compiled.cache import compiled

# The role of a record.
NONE, PLAIN, PIR, PRR, WIR, WRR, TEST, SITES, VENDOR, FAR = range(10)
WHOLE, MORE, DOUBTFUL, WRONG, END = range(5)
# This many plausible records in a row end a damaged stretch.
ENOUGH = 3
# This many records that end together with the one around them prove that its length is wrong.
INSIDE = 2
PIR_BODY, FAR_BODY = 2, 2
VERSION, MRR, FAR_CODE = 4, 1 << 8 | 20, 10
PIR_TYPE, PIR_SUBTYPE = 5, 10
CHUNK = 4 * 255
# A record longer than LONG is searched for records inside, over its last BACK bytes.
LONG, BACK = 1024, 512


class Layouts(NamedTuple):
    """The plans of all layouts, as `find_fields` takes them, in order of code.

    Layout i is `plan[end[i]:end[i + 1]]`; `first` has the first layout of each code, in order.
    """

    plan: Ints
    end: Longs
    first: Longs


class Types(NamedTuple):
    """The role of each record code, and the least number of bytes after its header."""

    role: Bytes
    least: Bytes
    layouts: Layouts


@compiled
def header(data: Bytes, big: bool, at: Number) -> tuple[Number, Number]:
    """Return code and body length."""
    # Unsigned, or numba would check each index for counting from the end.
    place = np.uint64(at)
    one, two = np.int64(data[place]), np.int64(data[place + np.uint64(1)])
    kind, subtype = data[place + np.uint64(2)], data[place + np.uint64(3)]
    length = one << 8 | two if big else two << 8 | one
    return np.int64(kind) << 8 | np.int64(subtype), length


@compiled
def is_far(data: Bytes, big: bool, at: Number) -> bool:
    """Return whether a real FAR begins at `at`, not another record with a damaged type."""
    if at + 4 + FAR_BODY > data.size:
        return False
    code, length = header(data, big, at)
    return bool(code == FAR_CODE and length == FAR_BODY and data[at + 5] == VERSION)


@compiled
def plausible(data: Bytes, big: bool, last: bool, types: Types, at: Number) -> int:
    """Return WHOLE if a run of records begins at `at`, WRONG if not, MORE if data is missing."""
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


@compiled
def fits(data: Bytes, big: bool, types: Types, at: Number) -> bool:
    """Return whether the record at `at` ends where a field does, or is a vendor's own."""
    known = types.layouts
    code, _ = header(data, big, at)
    nothing = np.zeros((0, 1), np.uint32)
    if types.role[code] == VENDOR:
        return True
    for layout in range(known.first[code], known.first[code + 1]):
        plan = known.plan[known.end[layout] : known.end[layout + 1]]
        whole = find_fields(data, big, np.array([at], np.int64), plan, Found(nothing, nothing))[0]
        if 0 <= whole <= plan.shape[0]:
            return True
    return False


@compiled
def is_sound(data: Bytes, big: bool, types: Types, at: Number, end: Number) -> bool:
    """Return whether the record at `at` ends where a field does, and no others end with it."""
    tail = (max(at + 4, end - BACK), end)
    return fits(data, big, types, at) and not run_inside(data, big, types, tail, False)


@compiled
def run_inside(
    data: Bytes, big: bool, types: Types, bounds: tuple[Number, Number], with_part: bool
) -> bool:
    """Return whether a run of INSIDE records, or of a PIR and others, ends where `bounds` do.

    Then the length of the record around them is wrong.
    """
    begin, end = bounds
    many = np.zeros(max(end - begin, 0) + 1, np.int16)
    # Backwards, so that each place is checked once.
    for place in range(end - 4, begin - 1, -1):
        code, length = header(data, big, place)
        role, after = types.role[code], place + 4 + length
        known = role not in (NONE, FAR) and (with_part or role != VENDOR)
        if not known or length < types.least[code] or after > end:
            continue
        if after == end or many[after - begin] > 0:
            many[place - begin] = 1 + many[after - begin]
            is_part = role == PIR and length == PIR_BODY
            if (with_part and is_part) or (not with_part and many[place - begin] == INSIDE):
                return True
    return False


@compiled
def count_pirs(data: Bytes, big: bool) -> Number:
    """Return the number of byte sequences that look like the header of a PIR."""
    high, low = (np.uint64(0), np.uint64(1)) if big else (np.uint64(1), np.uint64(0))
    found = np.int64(0)
    stop = data.size - 3
    for begin in range(0, stop, CHUNK):
        # The count of a chunk fits a byte, so that the compiler compares many places at once.
        seen = np.uint8(0)
        for at in range(np.uint64(begin), np.uint64(min(begin + CHUNK, stop))):
            differ = data[at + high] | (data[at + low] ^ np.uint8(PIR_BODY))
            differ |= data[at + np.uint64(2)] ^ np.uint8(PIR_TYPE)
            differ |= data[at + np.uint64(3)] ^ np.uint8(PIR_SUBTYPE)
            seen = np.uint8(seen + np.uint8(differ == 0))
        found += seen
    return found
