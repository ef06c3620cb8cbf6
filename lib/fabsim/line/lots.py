"""Lots on their way through the line: which wafer was in which chamber, and when."""

from dataclasses import dataclass
from heapq import heapify, heappop, heappush
from itertools import count, takewhile

import numpy as np

from fabsim.arrays import Bools, Ints, column, quantised
from fabsim.calendar import DAY, HOUR, MINUTE, NEVER
from fabsim.line.tools import ChamberList
from fabsim.plan.plan import Plan
from fabsim.random_streams import Stream, stream

NOWHERE = -1


@dataclass(frozen=True)
class StartedLot:
    """Wafers that started together, as one of the lots due for sort in `night`.

    `chamber` (number), `started` and `ended` (seconds) are steps x wafers: -1 and NEVER for steps
    that a wafer has not reached yet.
    """

    index: int
    night: int
    lot_id: str
    product: int
    started_at: int
    chamber: Ints
    started: Ints
    ended: Ints

    @property
    def slots(self) -> Ints:
        """The carrier slots of its wafers, from 1."""
        return 1 + np.arange(self.chamber.shape[1])

    @property
    def is_finished(self) -> bool:
        """Whether all its wafers have passed the whole route."""
        return bool(self.ended[-1].max() < NEVER)


def wafer_id(slot: int) -> str:
    """Return the slot in two digits, as the factory database spells a wafer."""
    return f"{slot:02d}"


def run_line(plan: Plan, tools: ChamberList, until: int) -> list[StartedLot]:
    """Run the lots that start before `until` up to that time, first come, first served at a step.

    Nothing before `until` depends on it: a longer run gives the same events up to then.
    """
    starts = ((index, _start(plan, index)) for index in count())
    lots = [_new_lot(plan, *start) for start in takewhile(lambda one: one[1] < until, starts)]
    free = dict.fromkeys(range(len(tools.chambers)), 0)
    routes = [_LotRoute(plan, tools, lot) for lot in lots]
    waiting = [(one.lot.started_at + int(one.waits[0]), one.lot.index, 0) for one in routes]
    heapify(waiting)
    while waiting and waiting[0][0] < until:
        arrival, index, step = heappop(waiting)
        left = routes[index].visit(step, arrival, free)
        if step + 1 < len(plan.route):
            heappush(waiting, (left + int(routes[index].waits[step + 1]), index, step + 1))
    return lots


def lots_of_night(plan: Plan, night: int) -> range:
    """Return the indices of the lots that are due in `night`."""
    return range((night - 1) * plan.line.lots_per_night, night * plan.line.lots_per_night)


def _start(plan: Plan, index: int) -> int:
    """Return when a lot starts: the lots of a night share its day, `cycle_days` before."""
    nights, turn = divmod(index, plan.line.lots_per_night)
    first = plan.calendar.begins(1 + nights) - plan.line.cycle_days * DAY
    return first + turn * (DAY // plan.line.lots_per_night)


def _new_lot(plan: Plan, index: int, started_at: int) -> StartedLot:
    night = 1 + index // plan.line.lots_per_night
    shares = np.array([one.share * (one.from_night <= night) for one in plan.products])
    drawn = stream(plan.seed, Stream.PRODUCT, index).random()
    shape = len(plan.route), plan.line.wafers_per_lot
    return StartedLot(
        index=index,
        night=night,
        lot_id=plan.line.lot_id.format(number=plan.line.first_lot_number + index),
        product=int(np.searchsorted(np.cumsum(shares) / shares.sum(), drawn, side="right")),
        started_at=started_at,
        chamber=np.full(shape, NOWHERE),
        started=np.full(shape, NEVER),
        ended=np.full(shape, NEVER),
    )


class _LotRoute:
    """How long one lot waits before each step, and which chambers process its wafers."""

    def __init__(self, plan: Plan, tools: ChamberList, lot: StartedLot) -> None:
        rng = stream(plan.seed, Stream.ROUTE, lot.index)
        self.plan, self.lot, self.tools = plan, lot, tools
        hours = column(tools.areas_of_steps, "queue_hours")
        spread = quantised(np.exp(plan.line.queue_sigma * rng.standard_normal(len(hours))))
        self.waits = np.rint(HOUR * hours * spread).astype(np.int64)
        self.chambers = _assigned(plan, tools, rng)

    def visit(self, step: int, arrival: int, free: dict[int, int]) -> int:
        """Process all wafers, in order in each chamber, and return when the last one is done."""
        area, chambers = self.tools.areas_of_steps[step], self.chambers[step]
        takes = max(1, round(MINUTE * area.wafer_minutes * self.plan.line.hurry))
        self.lot.chamber[step] = chambers
        for number in np.unique(chambers).tolist():
            wafers = chambers == number
            size = int(wafers.sum())
            turn = np.zeros(size, np.int64) if area.is_batch else np.arange(size)
            whole = takes * (int(turn[-1]) + 1)
            begin = self.tools.chambers[number].free_at(max(arrival, free[number]), whole)
            self.lot.started[step, wafers] = begin + turn * takes
            self.lot.ended[step, wafers] = begin + (turn + 1) * takes
            free[number] = begin + whole
        return int(self.lot.ended[step].max())


def _assigned(plan: Plan, tools: ChamberList, rng: np.random.Generator) -> list[Ints]:
    """Spread a lot's wafers over the chambers of each step; bystanders follow their excursions."""
    spread = [_spread(plan, chambers, rng) for chambers in tools.of_steps]
    places = {one.name: one.at for one in plan.excursions}
    for bystander in plan.bystanders:
        at = places[bystander.excursion]
        bad = tools.number(at["equipment_id"], at["chamber_id"])
        is_hit = spread[tools.step(at["process_step"])] == bad
        chosen = _draw(rng, is_hit, bystander.share_of_hit)
        chosen |= _draw(rng, ~is_hit, bystander.share_of_others)
        step = tools.step(bystander.process_step)
        number = tools.number(bystander.equipment_id, bystander.chamber_id)
        others = tools.of_steps[step][tools.of_steps[step] != number]
        rest = others[np.arange(len(chosen)) % len(others)] if len(others) else number
        spread[step] = np.where(chosen, number, rest)
    return spread


def _spread(plan: Plan, chambers: Ints, rng: np.random.Generator) -> Ints:
    offset = int(rng.integers(len(chambers)))
    order = rng.permutation(plan.line.wafers_per_lot)
    return np.asarray(chambers[(offset + order) % len(chambers)])


def _draw(rng: np.random.Generator, wafers: Bools, share: float) -> Bools:
    places = np.flatnonzero(wafers)
    drawn = np.zeros_like(wafers)
    drawn[rng.permutation(places)[: round(share * len(places))]] = True
    return drawn
