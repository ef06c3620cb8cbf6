"""What PTRs measured, and which of them tell the same of their test; compiled."""

from typing import NamedTuple

import numpy as np
from numba import njit

from fabyield.stdf.compiled.buffers import (
    Bytes,
    Ints,
    Longs,
    Number,
    Raw,
    Small,
    doubled,
    free,
    none,
    number,
)

# Places in a PTR, header included; and its length with the result.
TEST_FLG, PARM_FLG, RESULT, WITH_RESULT = 10, 11, 12, 16
# Odd, and of no order: the golden ratio's share of 64 bits.
FACTOR = np.int64(-0x61C8_8646_80B5_83EB)


class Measured(NamedTuple):
    """Room for flags and result of each PTR, the latter as raw bits; 0 where it ends before."""

    test_flg: Small
    parm_flg: Small
    result: Raw


@njit(cache=True, nogil=True)
def measure(data: Bytes, big: bool, start: Longs, end: Longs, out: Measured) -> None:
    """Take the values of PTRs."""
    test_flg, parm_flg, result = out.test_flg, out.parm_flg, out.result
    for i in range(start.size):
        at, left = start[i], end[i] - start[i]
        test_flg[i] = data[at + TEST_FLG] if left > TEST_FLG else 0
        parm_flg[i] = data[at + PARM_FLG] if left > PARM_FLG else 0
        result[i] = number(data, big, at + RESULT, 4) if left >= WITH_RESULT else 0


@njit(cache=True, nogil=True)
def kinds(data: Bytes, start: Longs, end: Longs) -> tuple[Ints, Ints]:
    """Number the kinds of PTRs in order of first sight; also list the first PTR of each.

    Those of one kind agree in test number, length, and in all that stands behind the result.
    """
    kind = np.empty(start.size, np.int32)
    first, follows, hashes, slots = none(64), none(64), none(64), none(256)
    count, last, i = 0, -1, 0
    while True:
        i = follow(data, (start, end), (first, follows), kind, i)
        if i == start.size:
            return kind, first[:count].astype(np.int32)
        if count == first.size:
            first, follows, hashes = doubled(first), doubled(follows), doubled(hashes)
            slots = none(4 * first.size)
            for k in range(count):
                slots[free(slots, hashes[k])] = k
        code = hashed(data, start[i], end[i])
        slot = code & (slots.size - 1)
        while slots[slot] >= 0:
            known = slots[slot]
            if hashes[known] == code and alike(data, start, end, first[known], i):
                break
            slot = (slot + 1) & (slots.size - 1)
        if slots[slot] < 0:
            slots[slot], first[count], hashes[count] = count, i, code
            count += 1
        last = kind[i - 1] if i > 0 else -1
        if last >= 0:
            follows[last] = slots[slot]
        kind[i] = slots[slot]
        i += 1


@njit(cache=True, nogil=True)
def follow(
    data: Bytes, bounds: tuple[Longs, Longs], known: tuple[Longs, Longs], kind: Ints, i: int
) -> int:
    """Number PTRs from the i-th on, as far as each is of the kind before or of what followed it.

    A tester measures in one order, site by site. `known` are the first PTR of each kind, and the
    kind that followed it last.
    """
    start, end = bounds
    first, follows = known
    while 0 < i < start.size:
        last = np.int64(kind[i - 1])
        after = follows[last]
        if alike(data, start, end, first[last], i):
            kind[i] = last
        elif after >= 0 and alike(data, start, end, first[after], i):
            kind[i] = after
        else:
            break
        i += 1
    return i


@njit(cache=True, nogil=True)
def alike(data: Bytes, start: Longs, end: Longs, a: int, b: int) -> bool:
    """Tell whether two PTRs are of one kind."""
    size = end[a] - start[a]
    if size != end[b] - start[b]:
        return False
    # Unsigned, or each index would be asked whether it counts from the end.
    one, two = np.uint64(start[a]), np.uint64(start[b])
    for i in range(np.uint64(4), np.uint64(min(size, 8))):
        if data[one + i] != data[two + i]:
            return False
    # Without an early end, so that many bytes are compared at once.
    differ = np.uint8(0)
    for i in range(np.uint64(WITH_RESULT), np.uint64(max(size, WITH_RESULT))):
        differ |= data[one + i] ^ data[two + i]
    return bool(differ == 0)


@njit(cache=True, nogil=True)
def hashed(data: Bytes, at: Number, stop: Number) -> Number:
    """Hash what `alike` compares."""
    code = np.int64(stop - at)
    if at + 8 <= stop:
        code = code * FACTOR + number(data, True, at + 4, 4)
    place = at + WITH_RESULT
    while place + 4 <= stop:
        code = code * FACTOR + number(data, True, place, 4)
        place += 4
    while place < stop:
        code = code * FACTOR + number(data, True, place, 1)
        place += 1
    return code ^ code >> 29 ^ code >> 47
