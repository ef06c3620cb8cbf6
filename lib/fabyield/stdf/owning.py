"""Which part a test is of, and which wafer run a part; compiled."""

from typing import NamedTuple

import numpy as np
from numba import njit

from fabyield.stdf.headers import FAR, PIR, PLAIN, PRR, TEST, VENDOR, WIR, WRR
from fabyield.stdf.kernels import Bytes, Flags, Ints, Longs, Number, number

# Of a PIR instead of the record that closes it.
OPEN = -3
NOBODY = -1
ANY_HEAD = 255
HEADS, PLACES = 256, 65_536
# Places in `told`: how many PIRs and runs there were; the stretches met that may hide the end of
# a part or of a wafer; and the only head of parts so far, MANY if there is more than one.
PIRS, RUNS, PARTS_LOST, WAFERS_LOST, HEAD = range(5)
NO_HEAD, MANY = -1, -2


class Records(NamedTuple):
    """The records of a block, by start, end and role.

    `hidden` has a row per record and one for the end: whether a damaged stretch before it may hide
    the end of a part, the end of a wafer.
    """

    start: Longs
    end: Longs
    role: Bytes
    hidden: Flags


class Open(NamedTuple):
    """What is open at the end of a block.

    `part`: PIR at each head << 8 | site; `wafer`: run at each head. The other two are how many
    hiding stretches had been met when that was last told of the place.
    """

    part: Ints
    part_told: Ints
    wafer: Ints
    wafer_told: Ints
    told: Longs


class Owned(NamedTuple):
    """Room for what `own` finds.

    `owner` of each record: of a test its PIR, of a PRR, WIR or WRR its run. Of each PIR the record
    that closes it, OPEN before. A row of `split`: a run, and the one it goes on as.
    """

    owner: Ints
    closed: Ints
    split: Ints


@njit(cache=True, nogil=True)
def own(data: Bytes, records: Records, known: Open, out: Owned) -> int:
    """Give each record of a block its owner; return the number of rows of `out.split`."""
    part, part_told, told = known.part, known.part_told, known.told
    start, end, role, hidden = records.start, records.end, records.role, records.hidden
    owner, splits = out.owner, 0
    any_hidden = hidden.any()
    for i in range(start.size + 1):
        if any_hidden:
            told[PARTS_LOST] += hidden[i, 0]
            told[WAFERS_LOST] += hidden[i, 1]
        if i == start.size:
            break
        owner[i] = NOBODY
        what = role[i]
        at = start[i] + (8 if what == TEST else 4)
        has_site = what not in (WIR, WRR)
        if what in (PLAIN, VENDOR, FAR) or at + 1 + has_site > end[i]:
            continue
        head = number(data, True, at, 1)
        # Head before site, whatever the byte order.
        place = number(data, True, at, 2) if has_site else np.int64(0)
        if what == TEST:
            if part_told[place] < told[PARTS_LOST]:
                # Its PIR was in a damaged stretch; the PRR to come will tell the part.
                begin(place, known)
            owner[i] = part[place]
        elif what == PIR:
            only_head(head, told)
            begin(place, known)
        elif what == PRR:
            only_head(head, told)
            if part[place] >= 0 and part_told[place] == told[PARTS_LOST]:
                out.closed[part[place]] = i
            part[place], part_told[place] = NOBODY, told[PARTS_LOST]
            owner[i], splits = run_at(head, known, out, splits)
        elif what == WIR:
            owner[i] = new_run(head, known)
        elif what == WRR:
            owner[i], splits = run_at(head, known, out, splits)
            owner[i] = end_run(owner[i], known)
    return splits


@njit(cache=True, nogil=True)
def begin(place: Number, known: Open) -> None:
    """Open a part."""
    pir = known.told[PIRS]
    known.part[place], known.part_told[place] = pir, known.told[PARTS_LOST]
    known.told[PIRS] += 1


@njit(cache=True, nogil=True)
def only_head(head: Number, told: Longs) -> None:
    """Note the head of a part."""
    if told[HEAD] == NO_HEAD:
        told[HEAD] = head
    elif told[HEAD] != head:
        told[HEAD] = MANY


@njit(cache=True, nogil=True)
def new_run(head: Number, known: Open) -> Number:
    """Open a wafer run."""
    run: Number = known.told[RUNS]
    known.told[RUNS] += 1
    if head == ANY_HEAD:
        known.wafer[:] = run
        known.wafer_told[:] = known.told[WAFERS_LOST]
    known.wafer[head] = run
    known.wafer_told[head] = known.told[WAFERS_LOST]
    return run


@njit(cache=True, nogil=True)
def end_run(run: Number, known: Open) -> Number:
    """Close a wafer run, one of its own if no other was open; return its number."""
    if run < 0:
        run = known.told[RUNS]
        known.told[RUNS] += 1
    known.wafer[known.wafer == run] = NOBODY
    return run


@njit(cache=True, nogil=True)
def run_at(head: Number, known: Open, out: Owned, splits: int) -> tuple[Number, int]:
    """Find the run open at a head; behind a stretch that may hide its end it is another one.

    A tester with one head may call it otherwise in WIR and WRR than in the records of parts.
    """
    wafer, wafer_told, told = known.wafer, known.wafer_told, known.told
    run: Number = wafer.max() if head == ANY_HEAD else wafer[head]
    at = np.int64(head)
    if run < 0:
        run = wafer.max()
        alone = told[HEAD] != MANY
        for other in range(HEADS):
            if wafer[other] >= 0:
                at = np.int64(other)
                alone = alone and wafer[other] == run
        if not alone:
            return NOBODY, splits
    if run >= 0 and wafer_told[at] < told[WAFERS_LOST] and head != ANY_HEAD:
        again = told[RUNS]
        told[RUNS] += 1
        out.split[splits, 0], out.split[splits, 1] = run, again
        for other in range(HEADS):
            if wafer[other] == run:
                wafer[other], wafer_told[other] = again, told[WAFERS_LOST]
        return again, splits + 1
    return run, splits
