"""Lots and wafers on their way through the line: which chamber, when, and what PCM then read."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np

from fabyield.simulate.arrays import Bools, Floats
from fabyield.simulate.pcm import measure_pcm
from fabyield.simulate.plan import Plan, Step
from fabyield.simulate.streams import Stream, stream

Chamber = tuple[str, str]
PCM_TIME = timedelta(minutes=4)
NEVER = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True)
class Visit:
    """One wafer in one chamber; times in UTC, to the second."""

    process_step: str
    equipment_id: str
    chamber_id: str
    recipe_id: str
    started_at: datetime
    ended_at: datetime


Journey = tuple[Visit, ...]


@dataclass(frozen=True)
class Wafer:
    """One wafer up to wafer sort; `pcm` holds one value for each parameter of the plan."""

    lot_index: int
    slot: int
    visits: Journey
    is_bad: bool
    is_random_low: bool
    pcm: Floats
    measured_at: datetime

    @property
    def wafer_id(self) -> str:
        """The slot in two digits, as the factory database spells it."""
        return f"{self.slot:02d}"


@dataclass(frozen=True)
class Lot:
    """Wafers that started together; the last lots of a plan are not yet sorted."""

    index: int
    lot_id: str
    started_at: datetime
    wafers: tuple[Wafer, ...]
    is_sorted: bool

    @property
    def ready_at(self) -> datetime:
        """When the PCM of its last wafer was measured."""
        return max(wafer.measured_at for wafer in self.wafers)


def start_lots(plan: Plan) -> list[Lot]:
    """Run all lots of the plan through its route, in order of their start."""
    starts = _lot_starts(plan)
    free: dict[Chamber, datetime] = {}
    journeys = [_run_lot(plan, index, start, free) for index, start in enumerate(starts)]
    since = _bad_since(plan, journeys)
    return [
        Lot(
            index=index,
            lot_id=plan.line.lot_id.format(number=plan.line.first_lot_number + index),
            started_at=start,
            wafers=_measure(plan, index, journeys[index], since),
            is_sorted=index < plan.line.lots,
        )
        for index, start in enumerate(starts)
    ]


def went_bad_at(plan: Plan, lots: list[Lot]) -> datetime | None:
    """When the bad chamber turned bad (UTC); None if the plan has too few lots for that."""
    since = _bad_since(plan, [[wafer.visits for wafer in lot.wafers] for lot in lots])
    return None if since is NEVER else since


def _lot_starts(plan: Plan) -> list[datetime]:
    first = plan.line.first_lot_at.replace(tzinfo=ZoneInfo(plan.zone)).astimezone(UTC)
    count = plan.line.lots + plan.line.unsorted_lots
    rng = stream(plan.seed, Stream.LOT_STARTS)
    hours = np.cumsum(rng.choice(plan.line.lot_every_hours, size=count))
    return [first + timedelta(hours=float(hour)) for hour in [0.0, *hours[:-1]]]


def _run_lot(
    plan: Plan, index: int, start: datetime, free: dict[Chamber, datetime]
) -> list[Journey]:
    rng = stream(plan.seed, Stream.ROUTE, index)
    chambers = _assign_chambers(plan, rng)
    journeys: list[list[Visit]] = [[] for _ in range(plan.line.wafers_per_lot)]
    arrival = start
    for step in plan.route:
        wait = step.queue_hours * np.exp(plan.line.queue_sigma * rng.standard_normal())
        arrival += timedelta(seconds=round(3600 * wait))
        for journey, chamber in zip(journeys, chambers[step.process_step], strict=True):
            journey.append(_visit(step, chamber, arrival, free))
        arrival = max(journey[-1].ended_at for journey in journeys)
    return [tuple(journey) for journey in journeys]


def _assign_chambers(plan: Plan, rng: np.random.Generator) -> dict[str, list[Chamber]]:
    """Spread a lot's wafers over each step's chambers; the innocent one follows the bad one."""
    spread = {step.process_step: _spread(plan, step, rng) for step in plan.route}
    bad = (plan.bad.equipment_id, plan.bad.chamber_id)
    suspect = plan.innocent
    innocent = (suspect.equipment_id, suspect.chamber_id)
    followers = np.array([chamber == bad for chamber in spread[plan.bad.process_step]])
    chosen = _draw(rng, followers, suspect.share_of_bad)
    chosen |= _draw(rng, ~followers, suspect.share_of_others)
    step = next(one for one in plan.route if one.process_step == suspect.process_step)
    others = [one for one in _chambers(plan, step) if one != innocent]
    spread[suspect.process_step] = [
        innocent if is_chosen else others[i % len(others)] for i, is_chosen in enumerate(chosen)
    ]
    return spread


def _chambers(plan: Plan, step: Step) -> list[Chamber]:
    return [(tool, chamber) for tool in step.equipment for chamber in plan.chambers]


def _spread(plan: Plan, step: Step, rng: np.random.Generator) -> list[Chamber]:
    chambers = _chambers(plan, step)
    offset = int(rng.integers(len(chambers)))
    order = rng.permutation(plan.line.wafers_per_lot)
    return [chambers[(offset + int(place)) % len(chambers)] for place in order]


def _draw(rng: np.random.Generator, wafers: Bools, share: float) -> Bools:
    places = np.flatnonzero(wafers)
    drawn = np.zeros_like(wafers)
    drawn[rng.permutation(places)[: round(share * len(places))]] = True
    return drawn


def _visit(step: Step, chamber: Chamber, arrival: datetime, free: dict[Chamber, datetime]) -> Visit:
    started = max(arrival, free.get(chamber, arrival))
    ended = started + timedelta(seconds=round(60 * step.wafer_minutes))
    free[chamber] = ended
    return Visit(step.process_step, *chamber, step.recipe_id, started, ended)


def _bad_since(plan: Plan, journeys: list[list[Journey]]) -> datetime:
    if plan.bad.after_lots >= len(journeys):
        return NEVER
    visits = [visit for journey in journeys[plan.bad.after_lots] for visit in journey]
    return min(one.started_at for one in visits if one.process_step == plan.bad.process_step)


def _is_bad(plan: Plan, journey: Journey, since: datetime) -> bool:
    chamber = (plan.bad.process_step, plan.bad.equipment_id, plan.bad.chamber_id)
    return any(
        (visit.process_step, visit.equipment_id, visit.chamber_id) == chamber
        and visit.started_at >= since
        for visit in journey
    )


def _measure(plan: Plan, index: int, journeys: list[Journey], since: datetime) -> tuple[Wafer, ...]:
    is_bad = np.array([_is_bad(plan, journey, since) for journey in journeys])
    rng = stream(plan.seed, Stream.RANDOM_LOW, index)
    is_low = ~is_bad & (rng.random(len(journeys)) < plan.yields.random_low_share)
    values = measure_pcm(plan, index, is_bad)
    ready = max(journey[-1].ended_at for journey in journeys)
    first = ready + timedelta(hours=plan.line.pcm_hours)
    return tuple(
        Wafer(
            lot_index=index,
            slot=1 + place,
            visits=journey,
            is_bad=bool(is_bad[place]),
            is_random_low=bool(is_low[place]),
            pcm=values[place],
            measured_at=first + place * PCM_TIME,
        )
        for place, journey in enumerate(journeys)
    )
