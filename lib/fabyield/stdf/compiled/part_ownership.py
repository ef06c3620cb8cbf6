"""Which part a test is of, and which wafer run a part; compiled."""

from typing import NamedTuple

import numpy as np
from numba import njit

from fabyield.stdf.compiled.buffers import Bytes, Flags, Ints, Longs, Number, number
from fabyield.stdf.compiled.headers import FAR, PIR, PLAIN, PRR, SITES, TEST, VENDOR, WIR, WRR
from fabyield.stdf.spec.codes import ALL

# Of a PIR instead of the record that closes it.
OPEN = -3
NOBODY = -1
HEADS, PLACES = 256, 65_536
# Places in `told`: how many PIRs and runs there were; the stretches met that may hide the end of
# a part or of a wafer; the only head of parts so far, MANY if there is more than one; and how many
# lanes were made for site groups.
PIRS, RUNS, PARTS_LOST, WAFERS_LOST, HEAD, LANES = range(6)
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

    `part`: PIR at each head << 8 | site; `wafer`: run in each lane. The other two are how many
    hiding stretches had been met when that was last told of the place.

    A lane is a head, or a site group of it after the first, for each may have a wafer of its own.
    `of_site` and `of_group`: the lane of each head << 8 | site, of each head << 8 | group; `head`:
    that of each lane; `group`: the first group of each head, NOBODY if none is known.
    """

    part: Ints
    part_told: Ints
    wafer: Ints
    wafer_told: Ints
    told: Longs
    of_site: Bytes
    of_group: Bytes
    head: Bytes
    group: Ints


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
        may_end = what in (WIR, WRR)
        if what in (PLAIN, VENDOR, FAR) or at + (1 if may_end else 2) > end[i]:
            continue
        head = number(data, True, at, 1)
        # Head before site or group, whatever the byte order.
        place = number(data, True, at, 2) if at + 2 <= end[i] else head << 8 | ALL
        if what == TEST:
            if part_told[place] < told[PARTS_LOST]:
                # Its PIR was in a damaged stretch; the PRR to come will tell the part.
                begin(place, known)
            owner[i] = part[place]
        elif what == PIR:
            only_head(head, told)
            begin(place, known)
        elif what == SITES:
            group_sites(data, at, np.int64(end[i]), known)
        elif what == PRR:
            only_head(head, told)
            if part[place] >= 0 and part_told[place] == told[PARTS_LOST]:
                out.closed[part[place]] = i
            part[place], part_told[place] = NOBODY, told[PARTS_LOST]
            owner[i], splits = run_at(np.int64(known.of_site[place]), known, out, splits)
        elif what == WIR:
            owner[i] = new_run(np.int64(known.of_group[place]), place, known)
        elif what == WRR:
            owner[i], splits = run_at(lane_to_end(place, known), known, out, splits)
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
def group_sites(data: Bytes, at: Number, end: Number, known: Open) -> None:
    """Give the sites that an SDR names the lane of their group, a new one if it is no first."""
    head, group = np.int64(data[at]), number(data, True, at, 2)
    if head == ALL or group & ALL == ALL:
        return
    if known.group[head] == NOBODY:
        known.group[head] = group
    if known.group[head] != group and known.of_group[group] == head:
        lane = HEADS - 2 - known.told[LANES]
        if lane <= head:
            return
        known.told[LANES] += 1
        known.of_group[group], known.head[lane] = lane, head
    for place in range(at + 3, min(at + 3 + np.int64(data[at + 2]), end) if at + 2 < end else at):
        known.of_site[head << 8 | np.int64(data[place])] = known.of_group[group]


@njit(cache=True, nogil=True)
def new_run(lane: Number, group: Number, known: Open) -> Number:
    """Open a wafer run in a lane, or in all of its head where the record names no group."""
    run: Number = known.told[RUNS]
    known.told[RUNS] += 1
    if known.head[lane] != lane:
        # Groups with wafers of their own: a part outside one is in none.
        known.told[HEAD] = MANY
    for other in range(HEADS):
        is_all = lane == ALL or (group & ALL == ALL and known.head[other] == lane)
        if other == lane or is_all:
            known.wafer[other] = run
            known.wafer_told[other] = known.told[WAFERS_LOST]
    return run


@njit(cache=True, nogil=True)
def lane_to_end(group: Number, known: Open) -> Number:
    """Find the lane whose run a WRR ends; of one that names no group any with a run open."""
    lane = np.int64(known.of_group[group])
    if group & ALL == ALL and known.wafer[lane] < 0:
        for other in range(HEADS):
            if known.head[other] == lane and known.wafer[other] >= 0:
                return np.int64(other)
    return lane


@njit(cache=True, nogil=True)
def end_run(run: Number, known: Open) -> Number:
    """Close a wafer run, one of its own if no other was open; return its number."""
    if run < 0:
        run = known.told[RUNS]
        known.told[RUNS] += 1
    known.wafer[known.wafer == run] = NOBODY
    return run


@njit(cache=True, nogil=True)
def run_at(lane: Number, known: Open, out: Owned, splits: int) -> tuple[Number, int]:
    """Find the run open in a lane; behind a stretch that may hide its end it is another one.

    A tester with one head may call it otherwise in WIR and WRR than in the records of parts.
    """
    wafer, wafer_told, told = known.wafer, known.wafer_told, known.told
    run: Number = wafer.max() if lane == ALL else wafer[lane]
    at = np.int64(lane)
    if run < 0:
        run = wafer.max()
        alone = told[HEAD] != MANY
        for other in range(HEADS):
            if wafer[other] >= 0:
                at = np.int64(other)
                alone = alone and wafer[other] == run
        if not alone:
            return NOBODY, splits
    if run >= 0 and wafer_told[at] < told[WAFERS_LOST] and lane != ALL:
        again = told[RUNS]
        told[RUNS] += 1
        out.split[splits, 0], out.split[splits, 1] = run, again
        for other in range(HEADS):
            if wafer[other] == run:
                wafer[other], wafer_told[other] = again, told[WAFERS_LOST]
        return again, splits + 1
    return run, splits
