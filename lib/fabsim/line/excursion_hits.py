"""Which wafers an excursion hits, and when."""

import numpy as np

from fabsim.arrays import Floats
from fabsim.calendar import DAY, NEVER, Span
from fabsim.line.lots import StartedLot, lots_of_night
from fabsim.line.tools import ChamberList
from fabsim.plan.excursions import AT_TESTERS, IN_A_CHAMBER, Excursion, Kind
from fabsim.plan.plan import Plan
from fabsim.random_streams import Stream, stream

# A drift without end reaches its full effect after so many days.
DRIFT_DAYS = 5


def window(plan: Plan, tools: ChamberList, lots: list[StartedLot], excursion: Excursion) -> Span:
    """Return when `excursion` is active; a bound that is not yet known is NEVER.

    At a process step the lots' visits set the bounds, for blanks their starts, at testers the days.
    """
    ends = NEVER
    if excursion.until_night:
        ends = _first_at(plan, tools, lots, excursion, excursion.until_night)
    return Span(_first_at(plan, tools, lots, excursion, excursion.from_night), ends)


def hits(plan: Plan, tools: ChamberList, lots: list[StartedLot]) -> list[Floats]:
    """Return per lot how strongly each excursion hits each wafer, 0 to 1: excursions x wafers.

    Excursions of testers hit touch-downs, not wafers: they are 0 here.
    """
    windows = [window(plan, tools, lots, one) for one in plan.excursions]
    return [
        np.array(
            [_strength(plan, tools, lot, number, when) for number, when in enumerate(windows)]
        ).reshape(len(windows), len(lot.slots))
        for lot in lots
    ]


def _first_at(
    plan: Plan, tools: ChamberList, lots: list[StartedLot], excursion: Excursion, night: int
) -> int:
    """Return when the first lot of `night` reaches the place of `excursion`."""
    first = lots_of_night(plan, night).start
    if excursion.kind in AT_TESTERS:
        return plan.calendar.begins(night)
    if first >= len(lots):
        return NEVER
    if excursion.kind is Kind.MATERIAL_LOT:
        return lots[first].started_at
    return int(lots[first].started[tools.step(excursion.at["process_step"])].min())


def _strength(plan: Plan, tools: ChamberList, lot: StartedLot, number: int, when: Span) -> Floats:
    one, count = plan.excursions[number], len(lot.slots)
    if one.kind in AT_TESTERS or not one.concerns(plan.products[lot.product].product_id):
        return np.zeros(count)
    drawn = stream(plan.seed, Stream.HIT, lot.index, number).random(count) < one.share
    if one.kind is Kind.MATERIAL_LOT:
        return np.where(drawn & when.contains(lot.started_at), 1.0, 0.0)
    step = tools.step(one.at["process_step"])
    is_hit = drawn & when.mask(lot.started[step])
    if one.kind in IN_A_CHAMBER:
        is_hit &= lot.chamber[step] == tools.number(one.at["equipment_id"], one.at["chamber_id"])
    if one.kind is not Kind.DRIFTING_SENSOR:
        return np.where(is_hit, 1.0, 0.0)
    # By the plan alone: the end of the window may not be known yet.
    days = one.until_night - one.from_night if one.until_night else DRIFT_DAYS
    grown = np.minimum((lot.started[step] - when.begins) / (days * DAY), 1.0)
    return np.where(is_hit, grown, 0.0)
