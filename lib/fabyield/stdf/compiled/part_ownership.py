"""Assign tests to parts, and parts to wafer runs; compiled."""

from typing import NamedTuple

import numpy as np

from fabyield.stdf.compiled.buffers import Bytes, Flags, Ints, Longs, Number, number
from fabyield.stdf.compiled.cache import compiled
from fabyield.stdf.compiled.headers import FAR, PIR, PLAIN, PRR, SITES, TEST, VENDOR, WIR, WRR
from fabyield.stdf.spec.codes import ALL

# The part of this PIR is still open.
OPEN = -3
NOBODY = -1
HEADS, PLACES = 256, 65_536
# Positions in `counters`: PIRs and runs so far; damaged stretches so far that may hide the end of a
# part or of a wafer; the only head with parts so far, MANY for several; lanes made for site groups;
# the byte of the file at which the block starts.
PIRS, RUNS, PARTS_LOST, WAFERS_LOST, HEAD, LANES, BASE = range(7)
NO_HEAD, MANY = -1, -2


class Records(NamedTuple):
    """Start, end and role of the records of a block; `hidden` as in `decode.chain.Chain`."""

    start: Longs
    end: Longs
    role: Bytes
    hidden: Flags


class Wafer(NamedTuple):
    """What WIR and WRR say of their wafer, for each record of a block.

    `name`: the number of the wafer that it names, NOBODY for none; `again`: whether a WRR is the
    same to the byte as the one before it of its head and site group.
    """

    name: Ints
    again: Flags


class Open(NamedTuple):
    """The parts and wafer runs that are open at the end of a block.

    `part`: the open PIR at each head << 8 | site, `part_at`: its byte in the file, NOBODY if it is
    lost, `part_run`: the run it began in; `wafer`: the open run in each lane; `part_seen` and
    `wafer_seen`: the number of hiding stretches (see `counters`) when each was last updated.

    A lane is a head, or a site group of it after the first, since each may have its own wafer.
    `of_site` and `of_group`: the lane of each head << 8 | site, of each head << 8 | group; `head`:
    the head of each lane; `group`: the first group of each head, NOBODY if none is known.

    `wafer_name`: the number of the name that the WIR of the open run in each lane gives, NOBODY for
    none; `named`: the last run of each such name, unless its WRR calls it otherwise; `ended`: the
    run that the last WRR of each head << 8 | group ended.
    """

    part: Ints
    part_at: Longs
    part_run: Ints
    part_seen: Ints
    wafer: Ints
    wafer_seen: Ints
    counters: Longs
    of_site: Bytes
    of_group: Bytes
    head: Bytes
    group: Ints
    wafer_name: Ints
    named: Ints
    ended: Ints


class Owned(NamedTuple):
    """The results of `assign_owners`.

    `owner` of each record: the PIR of a test, the run of a PRR, WIR or WRR. `closed`: the record
    that closes each PIR, or OPEN. Of a PRR: `opened`, the byte of its PIR in the file, and `begun`,
    the run in which that stands, or NOBODY. A row of `split`: a run, and the run that continues it.
    """

    owner: Ints
    opened: Longs
    begun: Ints
    closed: Ints
    split: Ints


@compiled
def assign_owners(data: Bytes, records: Records, wafer: Wafer, state: Open, out: Owned) -> int:
    """Assign each record of a block its owner; return the number of rows in `out.split`."""
    part, part_seen, counters = state.part, state.part_seen, state.counters
    start, end, role, hidden = records.start, records.end, records.role, records.hidden
    owner, splits = out.owner, 0
    any_hidden = hidden.any()
    for i in range(start.size + 1):
        if any_hidden:
            note_hidden(hidden[i], state)
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
            if part_seen[place] < counters[PARTS_LOST]:
                # A damaged stretch hid its PIR; the PRR after it closes the part.
                open_part(place, NOBODY, state)
            owner[i] = part[place]
        elif what == PIR:
            note_head(head, counters)
            open_part(place, counters[BASE] + start[i], state)
        elif what == SITES:
            assign_lanes(data, at, np.int64(end[i]), state)
        elif what == PRR:
            note_head(head, counters)
            owner[i], splits = run_in_lane(np.int64(state.of_site[place]), state, out, splits)
            close_part(place, i, state, out)
            # If its wafer ended before the part did, it still is of that wafer.
            owner[i] = out.begun[i] if owner[i] < 0 else owner[i]
        elif what == WIR:
            owner[i] = open_run(np.int64(state.of_group[place]), place, wafer.name[i], state)
        elif what == WRR:
            owner[i], splits = run_in_lane(lane_of_wrr(place, state), state, out, splits)
            said = wafer.name[i], wafer.again[i]
            owner[i] = state.ended[place] = end_run(owner[i], place, said, state)
    return splits


@compiled
def open_part(place: Number, at: Number, state: Open) -> None:
    """Open a part at head << 8 | site, whose PIR is at byte `at` of the file."""
    pir = state.counters[PIRS]
    state.part_at[place] = at
    lane = state.of_site[place]
    known = state.wafer_seen[lane] == state.counters[WAFERS_LOST]
    state.part_run[place] = state.wafer[lane] if known else NOBODY
    state.part[place], state.part_seen[place] = pir, state.counters[PARTS_LOST]
    state.counters[PIRS] += 1


@compiled
def close_part(place: Number, prr: int, state: Open, out: Owned) -> None:
    """Close the part at head << 8 | site by a PRR, unless damage may hide which part that is."""
    pir, lost = state.part[place], state.counters[PARTS_LOST]
    if pir >= 0 and state.part_seen[place] == lost:
        out.closed[pir] = prr
        out.opened[prr], out.begun[prr] = state.part_at[place], state.part_run[place]
    state.part[place], state.part_seen[place] = NOBODY, lost


@compiled
def note_hidden(hidden: Flags, state: Open) -> None:
    """Count a damaged stretch; after the end of a wafer no open part is known to be of the next."""
    state.counters[PARTS_LOST] += hidden[0]
    state.counters[WAFERS_LOST] += hidden[1]
    if hidden[1]:
        state.part_run[:] = NOBODY


@compiled
def note_head(head: Number, counters: Longs) -> None:
    """Record the head of a part."""
    if counters[HEAD] == NO_HEAD:
        counters[HEAD] = head
    elif counters[HEAD] != head:
        counters[HEAD] = MANY


@compiled
def assign_lanes(data: Bytes, at: Number, end: Number, state: Open) -> None:
    """Assign the sites of an SDR to the lane of their group, a new one after the first group."""
    head, group = np.int64(data[at]), number(data, True, at, 2)
    if head == ALL or group & ALL == ALL:
        return
    if state.group[head] == NOBODY:
        state.group[head] = group
    if state.group[head] != group and state.of_group[group] == head:
        lane = HEADS - 2 - state.counters[LANES]
        if lane <= head:
            return
        state.counters[LANES] += 1
        state.of_group[group], state.head[lane] = lane, head
    for place in range(at + 3, min(at + 3 + np.int64(data[at + 2]), end) if at + 2 < end else at):
        state.of_site[head << 8 | np.int64(data[place])] = state.of_group[group]


@compiled
def open_run(lane: Number, group: Number, name: Number, state: Open) -> Number:
    """Open a wafer run in a lane, or in all lanes of its head if the record names no group."""
    run: Number = state.counters[RUNS]
    state.counters[RUNS] += 1
    if state.head[lane] != lane:
        # Groups have their own wafers, so a part outside any group has no wafer.
        state.counters[HEAD] = MANY
    for other in range(HEADS):
        is_all = lane == ALL or (group & ALL == ALL and state.head[other] == lane)
        if other == lane or is_all:
            state.wafer[other], state.wafer_name[other] = run, name
            state.wafer_seen[other] = state.counters[WAFERS_LOST]
    if name >= 0:
        state.named[name] = run
    return run


@compiled
def lane_of_wrr(group: Number, state: Open) -> Number:
    """Return the lane that a WRR ends; without a group, any lane of its head with an open run."""
    lane = np.int64(state.of_group[group])
    if group & ALL == ALL and state.wafer[lane] < 0:
        for other in range(HEADS):
            if state.head[other] == lane and state.wafer[other] >= 0:
                return np.int64(other)
    return lane


@compiled
def end_run(run: Number, group: Number, said: tuple[Number, bool], state: Open) -> Number:
    """End the open run of a WRR, or the earlier one that it is of; return its number.

    It is of the earlier run that it names if no run is open, or one that WIR calls otherwise; one
    that says the same again is of the same run. Any other name is the right one of the open run.
    """
    name, again = said
    own: Number = NOBODY
    for lane in range(HEADS):
        if run >= 0 and state.wafer[lane] == run:
            own = state.wafer_name[lane]
    is_other = run >= 0 and name >= 0 and own >= 0 and own != name
    if is_other or (run < 0 and state.counters[WAFERS_LOST] == 0):
        earlier = state.named[name] if name >= 0 else NOBODY
        if earlier < 0 and again:
            earlier = state.ended[group]
        if earlier >= 0:
            return close_run(earlier, state)
    if is_other and state.named[own] == run:
        state.named[own] = NOBODY
    return close_run(run, state)


@compiled
def close_run(run: Number, state: Open) -> Number:
    """Close a wafer run, a new one if none was open; return its number."""
    if run < 0:
        run = state.counters[RUNS]
        state.counters[RUNS] += 1
    state.wafer[state.wafer == run] = NOBODY
    return run


@compiled
def run_in_lane(lane: Number, state: Open, out: Owned, splits: int) -> tuple[Number, int]:
    """Return the open run of a lane; a new one after a stretch that may hide the run's end.

    A tester with one head may number it differently in WIR and WRR than in parts: once there are
    parts of one head only, the only open run is that of any other head too.
    """
    wafer, wafer_seen, counters = state.wafer, state.wafer_seen, state.counters
    run: Number = wafer.max() if lane == ALL else wafer[lane]
    at = np.int64(lane)
    if run < 0:
        run = wafer.max()
        alone = counters[HEAD] >= 0
        for other in range(HEADS):
            if wafer[other] >= 0:
                at = np.int64(other)
                alone = alone and wafer[other] == run
        if not alone:
            return NOBODY, splits
    if run >= 0 and wafer_seen[at] < counters[WAFERS_LOST] and lane != ALL:
        again = counters[RUNS]
        counters[RUNS] += 1
        out.split[splits, 0], out.split[splits, 1] = run, again
        for other in range(HEADS):
            if wafer[other] == run:
                wafer[other], wafer_seen[other] = again, counters[WAFERS_LOST]
                state.wafer_name[other] = NOBODY
        return again, splits + 1
    return run, splits
