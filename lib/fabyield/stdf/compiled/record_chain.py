"""From header to header through a block, over damaged stretches; compiled."""

from typing import NamedTuple

import numpy as np
from numba import njit

from fabyield.stdf.compiled.buffers import Bytes, Longs, Number, Words
from fabyield.stdf.compiled.headers import (
    DOUBTFUL,
    END,
    FAR,
    FAR_BODY,
    FAR_CODE,
    LONG,
    MORE,
    NONE,
    PIR,
    PIR_BODY,
    VENDOR,
    WHOLE,
    WRONG,
    Types,
    fits,
    header,
    holds_part,
    is_far,
    plausible,
    swallows,
)


class Links(NamedTuple):
    """Room for what `chain` finds: the whole records, and the damaged stretches.

    Of each record its start, its end, its code and the role of that; of each code how many.

    A row of `gap`: where it begins and ends, and how many records stand before it.
    """

    start: Longs
    end: Longs
    code: Words
    role: Bytes
    many: Longs
    gap: Longs


@njit(cache=True, nogil=True)
def plain(
    data: Bytes, big: bool, types: Types, links: Links, known: tuple[Number, int]
) -> tuple[Number, int]:
    """Follow records as long as nothing about them is special, as of nearly all.

    What `judge` finds of them, at a fraction of the time. `known`, as what it returns: where the
    next one begins, and how many there are before it.
    """
    at, count = known
    role, least = types.role, types.least
    start, stop, codes, roles = links.start, links.end, links.code, links.role
    many = links.many
    code, length = header(data, big, at)
    end = at + 4 + length
    if end + 4 > data.size:
        return at, count
    after_code, after_length = header(data, big, end)
    while length <= LONG and least[after_code] <= after_length:
        what = role[code]
        beyond = end + 4 + after_length
        if what in (NONE, FAR) or (what == PIR and length > PIR_BODY):
            break
        if role[after_code] == NONE or beyond + 4 > data.size:
            break
        next_code, next_length = header(data, big, beyond)
        if role[next_code] == NONE:
            break
        start[count], stop[count], codes[count], roles[count] = at, end, code, what
        many[code] += 1
        count += 1
        at, end, code, length = end, beyond, after_code, after_length
        after_code, after_length = next_code, next_length
    return at, count


@njit(cache=True, nogil=True)
def judge(data: Bytes, big: bool, last: bool, types: Types, at: Number) -> tuple[int, Number]:
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
        if status == DOUBTFUL and not fits(data, big, types, at):
            status = WRONG
    if status == WHOLE:
        is_doubtful = role == PIR and length > PIR_BODY
        if length > LONG:
            is_doubtful = not fits(data, big, types, at) or swallows(data, big, types, at, end)
        if is_doubtful:
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
def resync(
    data: Bytes, big: bool, last: bool, types: Types, bounds: tuple[Number, Number]
) -> tuple[Number, bool]:
    """Find the next place within bounds where records follow one another, and whether it is sure.

    Where the bounds end if there is none.
    """
    at, stop = bounds
    while at < stop and at + 4 <= data.size:
        code, length = header(data, big, at)
        if types.role[code] not in (NONE, VENDOR):
            seen, end = plausible(data, big, last, types, at), at + 4 + length
            if seen == WHOLE and (
                not fits(data, big, types, at) or swallows(data, big, types, at, end)
            ):
                seen = WRONG
            place = at
            if seen == WHOLE and end - at > LONG:
                place, seen = shorter(data, big, last, types, at)
            if seen == MORE or (seen == WHOLE and place == at):
                return at, seen == WHOLE
            if place > at:
                at = place
                continue
        at += 1
    return (stop, True) if last or at >= stop else (at, False)


@njit(cache=True, nogil=True)
def shorter(data: Bytes, big: bool, last: bool, types: Types, at: Number) -> tuple[Number, int]:
    """Find where shorter records follow one another inside the long one at `at`.

    They are likelier than it behind a damaged stretch. Itself if there are none.
    """
    stop = min(at + 4 * LONG, at + header(data, big, at)[1])
    for place in range(at + 4, stop):
        code, length = header(data, big, np.int64(place))
        if types.role[code] not in (NONE, VENDOR) and length <= LONG:
            seen = plausible(data, big, last, types, np.int64(place))
            if seen == MORE or (seen == WHOLE and fits(data, big, types, np.int64(place))):
                return np.int64(place), seen
    return at, WHOLE


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
    start, stop, code, role = links.start, links.end, links.code, links.role
    many = links.many
    at: Number = np.int64(0)
    end: Number = at
    count, gaps = 0, 0
    if first:
        at, count = np.int64(4 + FAR_BODY), 1
        start[0], stop[0], code[0], role[0] = 0, at, FAR_CODE, FAR
        many[FAR_CODE] += 1
    while at + 4 <= data.size:
        status, end = WRONG, np.int64(data.size)
        if not lost:
            if not careful:
                at, count = plain(data, big, types, links, (at, count))
            status, end = judge(data, big, last, types, at)
        if status in (MORE, END):
            break
        if careful and status == WHOLE and holds_part(data, big, types, at, end):
            status = DOUBTFUL
        found, sure = end, True
        if status != WHOLE:
            # Of a record in doubt the question is only whether others begin inside.
            stops = end if status == DOUBTFUL else np.int64(data.size)
            found, sure = resync(data, big, last, types, (at if lost else at + 1, stops))
            if not sure and status == DOUBTFUL:
                break
        if status == WHOLE or (status == DOUBTFUL and found >= end):
            what, _ = header(data, big, at)
            start[count], stop[count], code[count], role[count] = at, end, what, types.role[what]
            many[what] += 1
            count += 1
            at = end
            continue
        if found > at:
            gap[gaps, 0], gap[gaps, 1], gap[gaps, 2] = at, found, count
            gaps += 1
        at, lost = found, not sure
        if lost:
            break
    return count, gaps, at, lost
