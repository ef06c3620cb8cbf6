"""Follow records from header to header, skipping damaged stretches; compiled."""

from typing import NamedTuple

import numpy as np

from fabyield.stdf.compiled import headers
from fabyield.stdf.compiled.buffers import Bytes, Longs, Number, Words
from fabyield.stdf.compiled.cache import compiled
from fabyield.stdf.compiled.headers import Types, header


class Links(NamedTuple):
    """The whole records of a block, and its damaged stretches.

    Each record has start, end, code and role; `many` counts the records per code. A row of `gap`:
    begin, end, number of records before it.
    """

    start: Longs
    end: Longs
    code: Words
    role: Bytes
    many: Longs
    gap: Longs


@compiled
def follow_plain(
    data: Bytes, big: bool, types: Types, links: Links, known: tuple[Number, int]
) -> tuple[Number, int]:
    """Follow ordinary records, nearly all there are, with the result of `judge` but far faster.

    `known`, like the return value: where the next record begins, and how many came before it.
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
    while length <= headers.LONG and least[after_code] <= after_length:
        what = role[code]
        beyond = end + 4 + after_length
        if what in (headers.NONE, headers.FAR) or (
            what == headers.PIR and length > headers.PIR_BODY
        ):
            break
        if role[after_code] == headers.NONE or beyond + 4 > data.size:
            break
        next_code, next_length = header(data, big, beyond)
        if role[next_code] == headers.NONE:
            break
        start[count], stop[count], codes[count], roles[count] = at, end, code, what
        many[code] += 1
        count += 1
        at, end, code, length = end, beyond, after_code, after_length
        after_code, after_length = next_code, next_length
    return at, count


@compiled
def judge(data: Bytes, big: bool, last: bool, types: Types, at: Number) -> tuple[int, Number]:
    """Return the status of the record at `at`, and where it ends."""
    code, length = header(data, big, at)
    role, end = types.role[code], at + 4 + length
    status = headers.WHOLE
    if role == headers.FAR:
        is_cut = at + 4 + headers.FAR_BODY > data.size and not last
        status = headers.END if headers.is_far(data, big, at) else headers.WRONG
        status = headers.MORE if is_cut else status
    elif role == headers.NONE:
        status = headers.WRONG
    elif end + 4 > data.size:
        status = headers.WHOLE if end <= data.size else headers.WRONG
        status = status if last else headers.MORE
    else:
        status = next_status(data, big, last, types, end)
        if status == headers.DOUBTFUL and not headers.fits(data, big, types, at):
            status = headers.WRONG
    if status == headers.WHOLE:
        is_doubtful = role == headers.PIR and length > headers.PIR_BODY
        if length > headers.LONG:
            is_doubtful = not headers.is_sound(data, big, types, at, end)
        if is_doubtful:
            status = headers.DOUBTFUL
    return status, end


@compiled
def next_status(data: Bytes, big: bool, last: bool, types: Types, at: Number) -> int:
    """Return WHOLE if a record seems to begin at `at` and another after it."""
    code, length = header(data, big, at)
    if types.role[code] == headers.NONE or length < types.least[code]:
        return headers.DOUBTFUL
    after = at + 4 + length
    if after + 4 > data.size:
        seen = headers.WHOLE if after <= data.size else headers.DOUBTFUL
        return seen if last else headers.MORE
    code, _ = header(data, big, after)
    return headers.DOUBTFUL if types.role[code] == headers.NONE else headers.WHOLE


@compiled
def resync(
    data: Bytes, big: bool, last: bool, types: Types, bounds: tuple[Number, Number]
) -> tuple[Number, bool]:
    """Return the next start of a run of records, else the end of the bounds, and if it is sure."""
    at, stop = bounds
    while at < stop and at + 4 <= data.size:
        code, length = header(data, big, at)
        if types.role[code] not in (headers.NONE, headers.VENDOR):
            seen, end = headers.plausible(data, big, last, types, at), at + 4 + length
            if seen == headers.WHOLE and not headers.is_sound(data, big, types, at, end):
                seen = headers.WRONG
            place = at
            if seen == headers.WHOLE and end - at > headers.LONG:
                place, seen = shorter_run(data, big, last, types, at)
            if seen == headers.MORE or (seen == headers.WHOLE and place == at):
                return at, seen == headers.WHOLE
            if place > at:
                at = place
                continue
        at += 1
    return (stop, True) if last or at >= stop else (at, False)


@compiled
def shorter_run(data: Bytes, big: bool, last: bool, types: Types, at: Number) -> tuple[Number, int]:
    """Return where a run of shorter records begins inside the long one at `at`, else `at`.

    After a damaged stretch they are likelier than the long one.
    """
    stop = min(at + 4 * headers.LONG, at + header(data, big, at)[1])
    for place in range(at + 4, stop):
        code, length = header(data, big, np.int64(place))
        if types.role[code] not in (headers.NONE, headers.VENDOR) and length <= headers.LONG:
            seen = headers.plausible(data, big, last, types, np.int64(place))
            if seen == headers.MORE or (
                seen == headers.WHOLE and headers.fits(data, big, types, np.int64(place))
            ):
                return np.int64(place), seen
    return at, headers.WHOLE


@compiled
def add(links: Links, types: Types, count: int, bounds: tuple[Number, Number], code: Number) -> int:
    """Append a record to `links`; return the new number of records."""
    links.start[count], links.end[count] = bounds
    links.code[count], links.role[count] = code, types.role[code]
    links.many[code] += 1
    return count + 1


@compiled
def follow_headers(
    data: Bytes, big: bool, flags: tuple[bool, bool, bool, bool], types: Types, links: Links
) -> tuple[int, int, Number, bool]:
    """Follow the headers of a block; return the numbers of records and gaps, the stop, and `lost`.

    `flags`: first block, last block, begins in a gap (`lost`, also at the stop), check each record
    for a hidden PIR: a damaged length may hide the end of one part and the start of the next.
    """
    first, last, lost, careful = flags
    gap, count, gaps = links.gap, 0, 0
    at: Number = np.int64(0)
    end: Number = at
    if first:
        at = np.int64(4 + headers.FAR_BODY)
        count = add(links, types, count, (np.int64(0), at), headers.FAR_CODE)
    while at + 4 <= data.size:
        status, end = headers.WRONG, np.int64(data.size)
        if not lost:
            if not careful:
                at, count = follow_plain(data, big, types, links, (at, count))
            status, end = judge(data, big, last, types, at)
        if status in (headers.MORE, headers.END):
            break
        if careful and status == headers.WHOLE:
            hides_part = headers.run_inside(data, big, types, (at + 4, end), True)
            status = headers.DOUBTFUL if hides_part else status
        found, sure = end, True
        if status != headers.WHOLE:
            # A doubtful record is only searched for others inside.
            stop = end if status == headers.DOUBTFUL else np.int64(data.size)
            found, sure = resync(data, big, last, types, (at if lost else at + 1, stop))
            if not sure and status == headers.DOUBTFUL:
                break
        if status == headers.WHOLE or (status == headers.DOUBTFUL and found >= end):
            count = add(links, types, count, (at, end), header(data, big, at)[0])
            at = end
            continue
        if found > at:
            gap[gaps, 0], gap[gaps, 1], gap[gaps, 2] = at, found, count
            gaps += 1
        at, lost = found, not sure
        if lost:
            break
    return count, gaps, at, lost
