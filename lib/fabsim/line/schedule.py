"""When a lot comes to an insertion, and on which tester."""

from dataclasses import dataclass

from fabsim.calendar import HOUR
from fabsim.line.lots import StartedLot, lots_of_night
from fabsim.line.pcm import measured_at
from fabsim.plan.insertions import Habits, Insertion, Unit
from fabsim.plan.line import Product
from fabsim.plan.plan import Plan
from fabsim.plan.wafer_map import wafer_map

LOAD = 90
SETUP = 45
# Of a tester's day, what is left for testing, and what a lot may take longer than planned.
BUSY, MARGIN = 20 * HOUR, 1.3


@dataclass(frozen=True)
class Booking:
    """When a lot comes to an insertion, and to which tester (with a number of its own)."""

    number: int
    night: int
    habits: Habits
    tester: int
    node_nam: str
    starts_at: int


def sort_night(plan: Plan, lot: StartedLot) -> int | None:
    """The night in which a lot is first sorted: its own, or the one after PCM if that is later.

    None if it is not known yet.
    """
    if not lot.is_finished:
        return None
    ready = plan.calendar.night_of(int(measured_at(plan, lot).max()))
    return max(lot.night, ready + 1)


def booking(plan: Plan, lot: StartedLot, number: int) -> Booking | None:
    """When and where `lot` comes to insertion `number`; None if that is not known yet."""
    first = sort_night(plan, lot)
    if first is None:
        return None
    insertion = plan.insertions[number]
    able = [habits for habits in plan.habits if habits.unit is insertion.unit]
    turn = lot.index - lots_of_night(plan, lot.night).start
    # From lot to lot the next make, so that each make sees every place of a night.
    make = lot.index % len(able)
    queue = turn // len(able)
    longest = max(lot_seconds(plan, insertion, product) for product in plan.products)
    lots_a_day = max(1, int(BUSY // longest))
    # Lots of several nights come in one, to one insertion or another, and late ones beside those
    # of that night: none of them share a tester.
    alike = [n for n, one in enumerate(plan.insertions) if one.unit is insertion.unit]
    usual = 1 + (plan.line.lots_per_night - 1) // len(able) // lots_a_day
    behind = queue // lots_a_day + (first - lot.night) * usual
    tester = 1 + behind * len(alike) + alike.index(number)
    place = queue % lots_a_day
    night = first + insertion.after_nights
    return Booking(
        number=number,
        night=night,
        habits=able[make],
        tester=tester * len(plan.habits) + plan.habits.index(able[make]),
        node_nam=able[make].node_nam.format(number=tester),
        starts_at=plan.calendar.begins(night) + HOUR + place * (BUSY // lots_a_day),
    )


def lot_seconds(plan: Plan, insertion: Insertion, product: Product) -> float:
    """What a lot takes at most; a wafer's die are touched once, and some twice."""
    wafers = plan.line.wafers_per_lot
    touchdowns = wafers * wafer_map(product).gross_die / insertion.sites
    each = (insertion.test_ms + insertion.index_ms) / 1000
    loads = wafers if insertion.unit is Unit.WAFER else 1
    return MARGIN * touchdowns * each + loads * LOAD
