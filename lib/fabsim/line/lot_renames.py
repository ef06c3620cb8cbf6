"""Lot IDs along the line: some lots are split, merged again, or renumbered."""

from dataclasses import dataclass

import numpy as np

from fabsim.calendar import NEVER
from fabsim.line.lots import StartedLot, wafer_id
from fabsim.plan.plan import Plan
from fabsim.random_streams import Stream, stream


@dataclass(frozen=True)
class Renaming:
    """From a process step on, the wafers in `slots` belong to another lot."""

    event: str
    step: int
    slots: tuple[int, ...]
    from_lot_id: str
    to_lot_id: str


def renamings(plan: Plan, lot: StartedLot) -> tuple[Renaming, ...]:
    """Return the renamings of a lot in order; most lots have none."""
    rng = stream(plan.seed, Stream.LOT_RENAME, lot.index)
    drawn, dirt = rng.random(), plan.dirt
    first, later = np.sort(rng.choice(np.arange(1, len(plan.route)), 2, replace=False)).tolist()
    every = tuple(lot.slots.tolist())
    half, child = every[len(every) // 2 :], f"{lot.lot_id}.1"
    split = Renaming("split", first, half, lot.lot_id, child)
    if drawn < dirt.split:
        return (split,)
    if drawn < dirt.split + dirt.merged:
        return (split, Renaming("merge", later, half, child, lot.lot_id))
    if drawn < dirt.split + dirt.merged + dirt.renumbered:
        return (Renaming("renumber", first, every, lot.lot_id, f"{lot.lot_id}R"),)
    return ()


def lot_ids(plan: Plan, lot: StartedLot, step: int | None = None) -> list[str]:
    """Return the lot ID of each wafer at a step, by default after the last: at PCM and test."""
    return lot_ids_at(lot, renamings(plan, lot), len(plan.route) if step is None else step)


def lot_ids_at(lot: StartedLot, renames: tuple[Renaming, ...], step: int) -> list[str]:
    """Return the lot ID of each wafer at a step, given the renamings of the lot."""
    names = dict.fromkeys(lot.slots.tolist(), lot.lot_id)
    for one in renames:
        if one.step <= step:
            names |= dict.fromkeys(one.slots, one.to_lot_id)
    return list(names.values())


def renamed_at(lot: StartedLot, renaming: Renaming) -> int:
    """Return when a lot is renamed: as its first wafer reaches the step."""
    return int(lot.started[renaming.step].min())


def lot_history(plan: Plan, lot: StartedLot) -> list[tuple[str, str, str, str, int]]:
    """Return per wafer and renaming: event, from_lot_id, to_lot_id, wafer_id, seconds."""
    return [
        (one.event, one.from_lot_id, one.to_lot_id, wafer_id(slot), renamed_at(lot, one))
        for one in renamings(plan, lot)
        if renamed_at(lot, one) < NEVER
        for slot in one.slots
    ]
