"""Results of PTRs, and which PTRs say the same about their test; compiled."""

from typing import NamedTuple

import numpy as np

from fabyield.stdf.compiled.buffers import Bytes, Ints, Longs, Number, Raw, Small, number
from fabyield.stdf.compiled.cache import compiled

# Offsets in a PTR, header included; and its length with the result.
TEST_FLG, PARM_FLG, RESULT, WITH_RESULT = 10, 11, 12, 16
# Hash multiplier: 2**64 divided by the golden ratio, as a signed number.
FACTOR = np.int64(-0x61C8_8646_80B5_83EB)


class Measured(NamedTuple):
    """Flags and raw result bits of each PTR; 0 where the PTR ends before them."""

    test_flg: Small
    parm_flg: Small
    result: Raw


@compiled
def measure(data: Bytes, big: bool, start: Longs, end: Longs, out: Measured) -> None:
    """Fill `out` with the flags and results of PTRs."""
    test_flg, parm_flg, result = out.test_flg, out.parm_flg, out.result
    for i in range(start.size):
        at, left = start[i], end[i] - start[i]
        test_flg[i] = data[at + TEST_FLG] if left > TEST_FLG else 0
        parm_flg[i] = data[at + PARM_FLG] if left > PARM_FLG else 0
        result[i] = number(data, big, at + RESULT, 4) if left >= WITH_RESULT else 0


@compiled
def kinds(data: Bytes, start: Longs, end: Longs) -> tuple[Ints, Ints]:
    """Number the kinds of PTRs by first appearance; also return the first PTR of each.

    PTRs of one kind agree in test number, length, and in every byte after the result.
    """
    kind = np.empty(start.size, np.int32)
    first, slots = np.full(64, -1, np.int64), np.full(256, -1, np.int64)
    follows, hashes = first.copy(), first.copy()
    count, last, i = 0, -1, 0
    while True:
        i = number_repeats(data, (start, end), (first, follows), kind, i)
        if i == start.size:
            return kind, first[:count].astype(np.int32)
        if count == first.size:
            more = np.full(count, -1, np.int64)
            first, follows = np.append(first, more), np.append(follows, more)
            hashes, slots = np.append(hashes, more), np.full(8 * count, -1, np.int64)
            for k in range(count):
                slots[free_slot(slots, hashes[k])] = k
        code = hash_of(data, start[i], end[i])
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


@compiled
def number_repeats(
    data: Bytes, bounds: tuple[Longs, Longs], known: tuple[Longs, Longs], kind: Ints, i: int
) -> int:
    """Number PTRs from the i-th on while each repeats the kind before it or the expected next kind.

    A tester measures in a fixed order, site by site. `known`: the first PTR of each kind, and the
    kind that came after it last time.
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


@compiled
def alike(data: Bytes, start: Longs, end: Longs, a: int, b: int) -> bool:
    """Return whether two PTRs are of one kind."""
    size = end[a] - start[a]
    if size != end[b] - start[b]:
        return False
    # Unsigned, or numba would check each index for counting from the end.
    one, two = np.uint64(start[a]), np.uint64(start[b])
    for i in range(np.uint64(4), np.uint64(min(size, 8))):
        if data[one + i] != data[two + i]:
            return False
    # No early exit, so that the compiler compares many bytes at once.
    differ = np.uint8(0)
    for i in range(np.uint64(WITH_RESULT), np.uint64(max(size, WITH_RESULT))):
        differ |= data[one + i] ^ data[two + i]
    return bool(differ == 0)


@compiled
def hash_of(data: Bytes, at: Number, stop: Number) -> Number:
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


@compiled
def free_slot(slots: Longs, code: int) -> int:
    """Return the first free slot for `code`; the table is never full."""
    slot = code & (slots.size - 1)
    while slots[slot] >= 0:
        slot = (slot + 1) & (slots.size - 1)
    return slot
