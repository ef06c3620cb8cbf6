"""When a lot is tested at an insertion, and on which tester."""

from dataclasses import dataclass, replace

from fabsim.calendar import HOUR
from fabsim.line.lots import StartedLot, lots_of_night
from fabsim.line.pcm import measured_at
from fabsim.plan.insertions import Habits, Insertion, Unit
from fabsim.plan.line import Product
from fabsim.plan.plan import Plan
from fabsim.plan.wafer_map import wafer_map

LOAD = 90
SETUP = 45
# Test time per tester and day, and how much longer than planned a lot may take.
BUSY, MARGIN = 20 * HOUR, 1.3


@dataclass(frozen=True)
class Booking:
    """The slot of a lot on a tester: insertion number, night, tester and start in seconds."""

    number: int
    night: int
    habits: Habits
    tester: int
    node_nam: str
    starts_at: int


def sort_night(plan: Plan, lot: StartedLot) -> int | None:
    """Return the night in which a lot is first sorted, or None if that is not known yet.

    It is the lot's due night, or the night after PCM if that is later.
    """
    if not lot.is_finished:
        return None
    ready = plan.calendar.night_of(int(measured_at(plan, lot).max()))
    return max(lot.night, ready + 1)


def booking(plan: Plan, lot: StartedLot, number: int) -> Booking | None:
    """Return when and where `lot` is tested at insertion `number`; None if not known yet."""
    first = sort_night(plan, lot)
    if first is None:
        return None
    insertion = plan.insertions[number]
    able = [habits for habits in plan.habits if habits.unit is insertion.unit]
    # The make changes from lot to lot, so that each make tests every place of a night.
    habits = able[lot.index % len(able)]
    queue = (lot.index - lots_of_night(plan, lot.night).start) // len(able)
    longest = max(lot_seconds(plan, insertion, product) for product in plan.products)
    lots_a_day = max(1, int(BUSY // longest))
    # One night tests lots of several due nights at several insertions, late lots among them:
    # each gets a tester of its own.
    alike = [n for n, one in enumerate(plan.insertions) if one.unit is insertion.unit]
    usual = 1 + (plan.line.lots_per_night - 1) // len(able) // lots_a_day
    behind = queue // lots_a_day + (first - lot.night) * usual
    tester = 1 + behind * len(alike) + alike.index(number)
    night = first + insertion.after_nights
    place = queue % lots_a_day
    return Booking(
        number=number,
        night=night,
        habits=habits,
        tester=tester * len(plan.habits) + plan.habits.index(habits),
        node_nam=habits.node_nam.format(number=tester),
        starts_at=plan.calendar.begins(night) + HOUR + place * (BUSY // lots_a_day),
    )


def on_tester(plan: Plan, place: Booking, tester: int, testers: int) -> Booking:
    """Return the booking on the one of `testers` that share a lot, `tester` from 0."""
    first, make = divmod(place.tester, len(plan.habits))
    number = (first - 1) * testers + tester + 1
    node_nam = place.habits.node_nam.format(number=number)
    return replace(place, tester=number * len(plan.habits) + make, node_nam=node_nam)


def lot_seconds(plan: Plan, insertion: Insertion, product: Product) -> float:
    """Return the longest test time of a lot, including retests."""
    wafers = plan.line.wafers_per_lot
    touchdowns = wafers * wafer_map(product).gross_die / insertion.sites
    each = (insertion.test_ms + insertion.index_ms) / 1000
    loads = wafers if insertion.unit is Unit.WAFER else 1
    return MARGIN * touchdowns * each + loads * LOAD
