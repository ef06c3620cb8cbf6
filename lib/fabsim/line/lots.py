"""Lots on their way through the line: which wafer was in which chamber, and when."""

from dataclasses import dataclass
from heapq import heappop, heappush

import numpy as np

from fabsim.arrays import Bools, Ints, quantised
from fabsim.calendar import DAY, HOUR, MINUTE, NEVER
from fabsim.line.tools import ChamberList
from fabsim.plan.plan import Plan
from fabsim.random_streams import Stream, stream

NOWHERE = -1


@dataclass(frozen=True)
class StartedLot:
    """Wafers that started together, of the lots that are due to be sorted in `night`.

    `chamber`, `started` and `ended` are steps x wafers: the chamber's number, and seconds; -1 and
    NEVER where a wafer has not come to yet.
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
        """The slots of its wafers in the carrier."""
        return 1 + np.arange(self.chamber.shape[1])

    @property
    def is_finished(self) -> bool:
        """Whether all its wafers have gone through the route."""
        return bool(self.ended[-1].max() < NEVER)


def wafer_id(slot: int) -> str:
    """The slot in two digits, as the factory database spells a wafer."""
    return f"{slot:02d}"


def run_line(plan: Plan, tools: ChamberList, until: int) -> list[StartedLot]:
    """Run the lots that start before `until` up to then, in order of their start.

    Whoever comes to a step first is served first. What happens before `until` does not depend on
    it, so a line that is run further tells the same of the time before.
    """
    lots = _start(plan, until)
    free = dict.fromkeys(range(len(tools.chambers)), 0)
    ways = [_Way(plan, tools, lot) for lot in lots]
    waiting: list[tuple[int, int, int]] = []
    for way in ways:
        heappush(waiting, (way.lot.started_at + int(way.waits[0]), way.lot.index, 0))
    while waiting and waiting[0][0] < until:
        arrival, index, step = heappop(waiting)
        left = ways[index].visit(step, arrival, free)
        if step + 1 < len(plan.route):
            heappush(waiting, (left + int(ways[index].waits[step + 1]), index, step + 1))
    return lots


def lots_of_night(plan: Plan, night: int) -> range:
    """The indices of the lots that are due in `night`."""
    return range((night - 1) * plan.line.lots_per_night, night * plan.line.lots_per_night)


def _start(plan: Plan, until: int) -> list[StartedLot]:
    every = DAY // plan.line.lots_per_night
    lots: list[StartedLot] = []
    night = 1
    while True:
        for turn, index in enumerate(lots_of_night(plan, night)):
            first = plan.calendar.begins(night) - plan.line.cycle_days * DAY
            if first + turn * every >= until:
                return lots
            lots.append(_new_lot(plan, index, night, first + turn * every))
        night += 1


def _new_lot(plan: Plan, index: int, night: int, started_at: int) -> StartedLot:
    shape = len(plan.route), plan.line.wafers_per_lot
    return StartedLot(
        index=index,
        night=night,
        lot_id=plan.line.lot_id.format(number=plan.line.first_lot_number + index),
        product=_product(plan, index, night),
        started_at=started_at,
        chamber=np.full(shape, NOWHERE),
        started=np.full(shape, NEVER),
        ended=np.full(shape, NEVER),
    )


def _product(plan: Plan, index: int, night: int) -> int:
    shares = np.array([one.share * (one.from_night <= night) for one in plan.products])
    drawn = stream(plan.seed, Stream.PRODUCT, index).random()
    return int(np.searchsorted(np.cumsum(shares) / shares.sum(), drawn, side="right"))


class _Way:
    """One lot's way: how long it waits before each step, and which chambers take its wafers."""

    def __init__(self, plan: Plan, tools: ChamberList, lot: StartedLot) -> None:
        rng = stream(plan.seed, Stream.ROUTE, lot.index)
        self.plan, self.lot, self.tools = plan, lot, tools
        hours = np.array([area.queue_hours for area in tools.areas_of_steps])
        spread = quantised(np.exp(plan.line.queue_sigma * rng.standard_normal(len(hours))))
        self.waits = np.rint(HOUR * hours * spread).astype(np.int64)
        self.chambers = _assigned(plan, tools, rng)

    def visit(self, step: int, arrival: int, free: dict[int, int]) -> int:
        """Process all wafers, in order in each chamber, and say when the last is done."""
        area, chambers = self.tools.areas_of_steps[step], self.chambers[step]
        takes = max(1, round(MINUTE * area.wafer_minutes * self.plan.line.hurry))
        self.lot.chamber[step] = chambers
        for number in np.unique(chambers).tolist():
            wafers = chambers == number
            count = int(wafers.sum())
            turn = np.zeros(count, np.int64) if area.is_batch else np.arange(count)
            whole = takes * (int(turn[-1]) + 1)
            begin = self.tools.chambers[number].free_at(max(arrival, free[number]), whole)
            self.lot.started[step, wafers] = begin + turn * takes
            self.lot.ended[step, wafers] = begin + (turn + 1) * takes
            free[number] = int(self.lot.ended[step, wafers].max())
        return int(self.lot.ended[step].max())


def _assigned(plan: Plan, tools: ChamberList, rng: np.random.Generator) -> list[Ints]:
    """Spread a lot's wafers over each step's chambers; bystanders follow their excursions."""
    spread = [_spread(plan, chambers, rng) for chambers in tools.of_steps]
    places = {one.name: one.at for one in plan.excursions}
    for bystander in plan.bystanders:
        at = places[bystander.excursion]
        hit = spread[tools.step(at["process_step"])] == tools.number(
            at["equipment_id"], at["chamber_id"]
        )
        chosen = _draw(rng, hit, bystander.share_of_hit)
        chosen |= _draw(rng, ~hit, bystander.share_of_others)
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
