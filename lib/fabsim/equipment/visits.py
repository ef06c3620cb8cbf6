"""Which wafers were in one tool in one night, with the lot IDs of that time."""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from fabsim.arrays import Columns, Floats, Ints
from fabsim.calendar import DAY
from fabsim.factory.rows import recipes
from fabsim.line.excursion_hits import window
from fabsim.line.history import LineRun
from fabsim.line.lot_renames import lot_ids
from fabsim.plan.excursions import Excursion
from fabsim.plan.line import Area

Strings = npt.NDArray[np.str_]
# The slot of an entry for all wafers of a lot.
WHOLE_LOT = 0


@dataclass(frozen=True)
class Visits(Columns):
    """Visits of chambers by chamber, time and slot; `lot` and `step` are indices, times seconds."""

    lot: Ints
    step: Ints
    slot: Ints
    chamber: Ints
    started: Ints
    ended: Ints
    lot_id: Strings
    recipe_id: Strings


def all_tools(line: LineRun) -> list[str]:
    """Return the equipment_id of every tool, in order."""
    return list(dict.fromkeys(one.equipment_id for one in line.tools.chambers))


def chambers_of(line: LineRun, equipment_id: str) -> list[int]:
    """Return the numbers of a tool's chambers."""
    chambers = enumerate(line.tools.chambers)
    return [number for number, one in chambers if one.equipment_id == equipment_id]


def area_of(line: LineRun, equipment_id: str) -> Area:
    """Return the area of a tool."""
    return line.plan.areas[line.tools.chambers[chambers_of(line, equipment_id)[0]].area]


def wafer_visits(line: LineRun, night: int, equipment_id: str) -> Visits:
    """Return every wafer that was in the tool at any moment of the night, its end included."""
    route = enumerate(line.plan.route)
    steps = np.array([number for number, step in route if equipment_id in step.equipment])
    chamber, started, ended = (
        np.stack([getattr(lot, name)[steps] for lot in line.lots])
        for name in ("chamber", "started", "ended")
    )
    day = line.plan.calendar.span(night)
    is_here = np.isin(chamber, chambers_of(line, equipment_id))
    places = is_here & (started < day.ends) & (ended >= day.begins)
    lot, turn, wafer = np.nonzero(places)
    step = steps[turn]
    keys = list(zip(lot.tolist(), step.tolist(), strict=True))
    names = {
        (one, at): (lot_ids(line.plan, line.lots[one], at), recipes(line, line.lots[one], at))
        for one, at in set(keys)
    }
    lot_id, recipe_id = (
        np.array([names[key][which][w] for key, w in zip(keys, wafer, strict=True)], np.str_)
        for which in (0, 1)
    )
    times = chamber[places], started[places], ended[places]
    found = Visits(lot, step, 1 + wafer, *times, lot_id, recipe_id)
    return found.take(np.lexsort((found.slot, found.started, found.chamber)))


def carrier_visits(line: LineRun, night: int, equipment_id: str) -> Visits:
    """Return `wafer_visits`; a batch tool has one entry per lot_id and recipe in its chamber."""
    found = wafer_visits(line, night, equipment_id)
    if not area_of(line, equipment_id).is_batch:
        return found
    columns = (found.chamber, found.started, found.lot_id, found.recipe_id)
    keys = list(zip(*(one.tolist() for one in columns), strict=True))
    first = {key: place for place, key in reversed(list(enumerate(keys)))}
    lots = found.take(np.array(sorted(first.values()), np.int64))
    return replace(lots, slot=np.full_like(lots.slot, WHOLE_LOT))


def drift_sigmas(line: LineRun, excursion: Excursion, visits: Visits) -> Floats:
    """Return by how many sigmas a drifting sensor is off in each visit; 0 if it is not."""
    when, at = window(line.plan, line.tools, line.lots, excursion), excursion.at
    is_there = visits.chamber == line.tools.number(at["equipment_id"], at["chamber_id"])
    is_there &= visits.step == line.tools.step(at["process_step"])
    drift = excursion.drift * (visits.started - when.begins) / DAY
    return np.where(is_there & when.mask(visits.started), drift, 0.0)
