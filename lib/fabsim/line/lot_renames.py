"""What lots are called on their way: some are split, merged again, or re-numbered."""

from dataclasses import dataclass

import numpy as np

from fabsim.calendar import NEVER
from fabsim.line.lots import StartedLot, wafer_id
from fabsim.plan.plan import Plan
from fabsim.random_streams import Stream, stream


@dataclass(frozen=True)
class Renaming:
    """From a step on, the wafers in `slots` are known under another lot."""

    event: str
    step: int
    slots: tuple[int, ...]
    from_lot_id: str
    to_lot_id: str


def renamings(plan: Plan, lot: StartedLot) -> tuple[Renaming, ...]:
    """What happens to the name of a lot, in order; for most lots nothing."""
    rng = stream(plan.seed, Stream.LOT_FATE, lot.index)
    drawn, dirt = rng.random(), plan.dirt
    first, later = np.sort(rng.choice(np.arange(1, len(plan.route)), 2, replace=False)).tolist()
    half = tuple(lot.slots[len(lot.slots) // 2 :].tolist())
    child, renumbered = f"{lot.lot_id}.1", f"{lot.lot_id}R"
    split = Renaming("split", first, half, lot.lot_id, child)
    if drawn < dirt.split:
        return (split,)
    if drawn < dirt.split + dirt.merged:
        return (split, Renaming("merge", later, half, child, lot.lot_id))
    if drawn < dirt.split + dirt.merged + dirt.renumbered:
        every = tuple(lot.slots.tolist())
        return (Renaming("renumber", first, every, lot.lot_id, renumbered),)
    return ()


def lot_ids(plan: Plan, lot: StartedLot, step: int) -> list[str]:
    """Under which lot each wafer is known at a step; behind the last one, at PCM and sort."""
    return known_at(lot, renamings(plan, lot), step)


def known_at(lot: StartedLot, fate: tuple[Renaming, ...], step: int) -> list[str]:
    """As `lot_ids`, of a lot whose renamings are worked out already."""
    names = dict.fromkeys(lot.slots.tolist(), lot.lot_id)
    for one in fate:
        if one.step <= step:
            names |= dict.fromkeys(one.slots, one.to_lot_id)
    return list(names.values())


def renamed_at(lot: StartedLot, renaming: Renaming) -> int:
    """When it happens: as the first wafer comes to the step."""
    return int(lot.started[renaming.step].min())


def lot_history(plan: Plan, lot: StartedLot) -> list[tuple[str | int, ...]]:
    """One row per wafer and renaming: event, from_lot_id, to_lot_id, wafer_id, seconds."""
    return [
        (one.event, one.from_lot_id, one.to_lot_id, wafer_id(slot), renamed_at(lot, one))
        for one in renamings(plan, lot)
        if renamed_at(lot, one) < NEVER
        for slot in one.slots
    ]
