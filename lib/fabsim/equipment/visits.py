"""Which wafers were in one tool in one night, by the names the factory knows them by there."""

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from typing import Self

import numpy as np
import numpy.typing as npt

from fabsim.arrays import Bools, Floats, Ints
from fabsim.calendar import DAY
from fabsim.factory.rows import recipes
from fabsim.line.excursion_hits import window
from fabsim.line.history import Built
from fabsim.line.lot_renames import lot_ids
from fabsim.line.lots import StartedLot
from fabsim.plan.excursions import Excursion
from fabsim.plan.line import Area

Strings = npt.NDArray[np.str_]
# The slot of an entry that stands for all wafers of a lot.
WHOLE_LOT = 0


@dataclass(frozen=True)
class Visits:
    """Visits of chambers, in order of chamber, time and slot; `lot` and `step` are indices.

    `started` and `ended` are in seconds.
    """

    lot: Ints
    step: Ints
    slot: Ints
    chamber: Ints
    started: Ints
    ended: Ints
    lot_id: Strings
    recipe_id: Strings

    def where(self, chosen: Bools | Ints) -> Self:
        """Those that a mask or their places choose."""
        return type(self)(*(getattr(self, field.name)[chosen] for field in fields(self)))


def tools_of(built: Built) -> list[str]:
    """Every tool's equipment_id, in order."""
    return list(dict.fromkeys(one.equipment_id for one in built.tools.chambers))


def chambers_of(built: Built, equipment_id: str) -> list[int]:
    """The numbers of a tool's chambers."""
    every = enumerate(built.tools.chambers)
    return [number for number, one in every if one.equipment_id == equipment_id]


def area_of(built: Built, equipment_id: str) -> Area:
    """The area a tool belongs to."""
    return built.plan.areas[built.tools.chambers[chambers_of(built, equipment_id)[0]].area]


def wafer_visits(built: Built, night: int, equipment_id: str) -> Visits:
    """Every wafer that was in the tool at any moment of the night, its end included."""
    steps, numbers = _steps(built, equipment_id), chambers_of(built, equipment_id)
    chamber, started, ended = (
        np.stack([getattr(lot, name)[steps] for lot in built.lots])
        for name in ("chamber", "started", "ended")
    )
    begins, ends = built.plan.calendar.begins(night), built.plan.calendar.ends(night)
    places = np.isin(chamber, numbers) & (started < ends) & (ended >= begins)
    lot, turn, wafer = np.nonzero(places)
    lot_id = _named(built, _lot_ids, lot, steps[turn], wafer)
    recipe_id = _named(built, recipes, lot, steps[turn], wafer)
    times = chamber[places], started[places], ended[places]
    found = Visits(lot, steps[turn], 1 + wafer, *times, lot_id, recipe_id)
    return found.where(np.lexsort((found.slot, found.started, found.chamber)))


def carrier_visits(built: Built, night: int, equipment_id: str) -> Visits:
    """As `wafer_visits`, but a batch tool has one entry per lot_id and recipe in its chamber."""
    found = wafer_visits(built, night, equipment_id)
    if not area_of(built, equipment_id).is_batch:
        return found
    columns = (found.chamber, found.started, found.lot_id, found.recipe_id)
    keys = list(zip(*(one.tolist() for one in columns), strict=True))
    first = {key: place for place, key in reversed(list(enumerate(keys)))}
    one_each = found.where(np.array(sorted(first.values()), np.int64))
    return replace(one_each, slot=np.full_like(one_each.slot, WHOLE_LOT))


def strengths(built: Built, excursion: int, lot: Ints, wafer: Ints) -> Floats:
    """How strongly an excursion, by its number, hits each of some wafers (counted from 0)."""
    if not len(lot):
        return np.zeros(0)
    return np.asarray(np.stack([one[excursion] for one in built.hits])[lot, wafer])


def drifted(built: Built, one: Excursion, seen: Visits) -> Floats:
    """By how many sigmas a drifting sensor is off in each visit; 0 where it is not."""
    when = window(built.plan, built.tools, built.lots, one)
    place = built.tools.number(one.at["equipment_id"], one.at["chamber_id"])
    is_there = (seen.chamber == place) & (seen.step == built.tools.step(one.at["process_step"]))
    is_there &= (when.begins <= seen.started) & (seen.started < when.ends)
    return np.where(is_there, one.drift * (seen.started - when.begins) / DAY, 0.0)


def _steps(built: Built, equipment_id: str) -> Ints:
    route = enumerate(built.plan.route)
    return np.array([place for place, step in route if equipment_id in step.equipment])


def _lot_ids(built: Built, lot: StartedLot, step: int) -> list[str]:
    return lot_ids(built.plan, lot, step)


def _named(
    built: Built,
    names: Callable[[Built, StartedLot, int], list[str]],
    lot: Ints,
    step: Ints,
    wafer: Ints,
) -> Strings:
    """What `names` calls each visit, by lot, step and wafer."""
    places = list(zip(lot.tolist(), step.tolist(), strict=True))
    known = {(one, at): names(built, built.lots[one], at) for one, at in set(places)}
    found = [known[place][one] for place, one in zip(places, wafer.tolist(), strict=True)]
    return np.array(found, np.str_)
