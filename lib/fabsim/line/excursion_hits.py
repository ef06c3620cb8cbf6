"""Which wafers an excursion hits, from when to when."""

from dataclasses import dataclass

import numpy as np

from fabsim.arrays import Floats, Ints
from fabsim.calendar import DAY, NEVER
from fabsim.line.lots import StartedLot, lots_of_night
from fabsim.line.tools import ChamberList
from fabsim.plan.excursions import AT_TESTERS, IN_A_CHAMBER, Excursion, Kind
from fabsim.plan.plan import Plan
from fabsim.random_streams import Stream, stream

# How long a drift that never ends takes to its full effect.
DRIFT_DAYS = 5


@dataclass(frozen=True)
class Window:
    """When an excursion begins and ends; NEVER where that is not yet known."""

    begins: int
    ends: int

    def holds(self, at: int) -> bool:
        """Whether `at` lies in it."""
        return self.begins <= at < self.ends


def window(plan: Plan, tools: ChamberList, lots: list[StartedLot], one: Excursion) -> Window:
    """From when to when `one` acts, by the nights of its lots.

    At a step, times are those of its visits; blanks are hit as their lots start; what happens at
    testers follows the nights' days.
    """
    ends = _first_at(plan, tools, lots, one, one.until_night) if one.until_night else NEVER
    return Window(_first_at(plan, tools, lots, one, one.from_night), ends)


def hits(plan: Plan, tools: ChamberList, lots: list[StartedLot]) -> list[Floats]:
    """How strongly each excursion hits each wafer of each lot, from 0 to 1: excursions x wafers.

    Those of testers hit touch-downs, not wafers; they are 0 here.
    """
    windows = [window(plan, tools, lots, one) for one in plan.excursions]
    return [
        np.array(
            [_strength(plan, tools, lot, number, when) for number, when in enumerate(windows)]
        ).reshape(len(windows), len(lot.slots))
        for lot in lots
    ]


def _first_at(
    plan: Plan, tools: ChamberList, lots: list[StartedLot], one: Excursion, night: int
) -> int:
    first = lots_of_night(plan, night).start
    if one.kind in AT_TESTERS:
        return plan.calendar.begins(night)
    if first >= len(lots):
        return NEVER
    if one.kind is Kind.MATERIAL_LOT:
        return lots[first].started_at
    return int(lots[first].started[tools.step(one.at["process_step"])].min())


def _strength(plan: Plan, tools: ChamberList, lot: StartedLot, number: int, when: Window) -> Floats:
    one, count = plan.excursions[number], len(lot.slots)
    if one.kind in AT_TESTERS or not one.concerns(plan.products[lot.product].product_id):
        return np.zeros(count)
    drawn = stream(plan.seed, Stream.HIT, lot.index, number).random(count) < one.share
    if one.kind is Kind.MATERIAL_LOT:
        return np.where(drawn & when.holds(lot.started_at), 1.0, 0.0)
    step = tools.step(one.at["process_step"])
    started = lot.started[step]
    there = (started >= when.begins) & (started < when.ends)
    if one.kind in IN_A_CHAMBER:
        there &= lot.chamber[step] == tools.number(one.at["equipment_id"], one.at["chamber_id"])
    grown = _grown(one, started - when.begins) if one.kind is Kind.DRIFTING_SENSOR else 1.0
    return np.where(drawn & there, grown, 0.0)


def _grown(one: Excursion, since: Ints) -> Floats:
    """How strong a drift is so many seconds after it began, whether or not its end is known yet."""
    days = one.until_night - one.from_night if one.until_night else DRIFT_DAYS
    return np.asarray(np.minimum(since / (days * DAY), 1.0))
