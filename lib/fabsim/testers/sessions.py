"""Test sessions: one wafer, or a lot's packages, on one tester, as its file tells them."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from fabsim.arrays import Ints
from fabsim.line.history import Built
from fabsim.line.lot_renames import lot_ids
from fabsim.line.lots import StartedLot, wafer_id
from fabsim.line.schedule import LOAD, SETUP, Booking, booking
from fabsim.plan.excursions import Kind
from fabsim.plan.insertions import Habits, Unit
from fabsim.plan.line import Product
from fabsim.plan.program import Program
from fabsim.plan.wafer_map import DieGrid, wafer_map
from fabsim.testers.delivery_faults import ENDING, Flaws, Place, flaws
from fabsim.testers.die_flow import Carrier, Course, Parts, acting, touched
from fabsim.testers.touchdowns import Touches, measure


@dataclass(frozen=True)
class Session:
    """One carrier on one tester, from `begins` to `ends`; names are spelt as the tester does."""

    built: Built
    lot: StartedLot
    place: Booking
    carrier: Carrier
    flaws: Flaws
    touches: Touches
    begins: int
    ends: int

    @property
    def product(self) -> Product:
        """What is tested."""
        return self.built.plan.products[self.lot.product]

    @property
    def program(self) -> Program:
        """With which program."""
        return self.built.programs[self.place.number]

    @property
    def habits(self) -> Habits:
        """What the tester is used to do."""
        return self.place.habits

    @property
    def parts(self) -> Parts:
        """What is tested, one entry each."""
        return self.carrier.parts

    @property
    def course(self) -> Course:
        """The touch-downs in order."""
        return self.carrier.course

    @property
    def die(self) -> DieGrid:
        """The map of the product's wafers."""
        return wafer_map(self.product)

    @property
    def key(self) -> Place:
        """Lot, insertion and carrier."""
        return self.lot.index, self.place.number, self.carrier.turn

    @property
    def slot(self) -> int:
        """The slot of the wafer that is probed; 0 for packages."""
        return 1 + self.carrier.turn if self.program.insertion.unit is Unit.WAFER else 0

    @property
    def lot_id(self) -> str:
        """The lot, as it is known by then."""
        return lot_known(self.built, self.lot, self.place.number, self.carrier.turn)

    @property
    def wafer_id(self) -> str:
        """The wafer; nothing for packages."""
        spelling = self.flaws.spelling or self.habits.wafer_id
        return spelling.format(slot=self.slot, lot=self.lot_id) if self.slot else ""

    @property
    def job_rev(self) -> str:
        """The revision of the test program."""
        changes = acting(self.built, self.lot, self.place.number, Kind.PROGRAM_CHANGE)
        return changes[-1].at["job_rev"] if changes else self.program.insertion.job_rev

    @property
    def start_t(self) -> int:
        """When it begins, in STDF's seconds on the tester's local clock."""
        return self._clock(self.begins)

    @property
    def setup_t(self) -> int:
        """When the tester was set up for it."""
        return self.start_t - SETUP

    @property
    def finish_t(self) -> int:
        """When it ends."""
        return self._clock(self.ends)

    def _clock(self, at: int) -> int:
        return self.built.plan.calendar.local(at) + self.flaws.clock_seconds


def sessions(
    built: Built, lot: StartedLot, number: int, nights: range | None = None
) -> Iterator[Session]:
    """The sessions of `lot` at insertion `number`; with `nights`, those that deliver a file then.

    None, if it is not yet known when the lot gets there.
    """
    place = booking(built.plan, lot, number)
    if place is None:
        return
    ends = place.starts_at
    for carrier in touched(built, lot, number):
        name = file_name(built, lot, number, carrier.turn)
        key = lot.index, number, carrier.turn
        wrong = flaws(built.plan, key, place.tester, place.night, name)
        # Planned without measuring, so that a session that is passed over costs little.
        starts, ends = ends + LOAD, ends + LOAD + _duration(built, number, carrier.course)
        if nights is None or any(one.night in nights for one in wrong.deliveries):
            touches = measure(built, lot, place, carrier)
            yield Session(built, lot, place, carrier, wrong, touches, starts, ends)


def file_name(built: Built, lot: StartedLot, number: int, turn: int) -> str:
    """Product, lot, slot and insertion, as the testers' host names its files."""
    plan, insertion = built.plan, built.plan.insertions[number]
    names = [plan.products[lot.product].product_id, lot_known(built, lot, number, turn)]
    if insertion.unit is Unit.WAFER:
        names.append(wafer_id(1 + turn))
    return f"{'_'.join(names)}_{insertion.insertion.lower()}{ENDING}"


def lot_known(built: Built, lot: StartedLot, number: int, turn: int) -> str:
    """Under which lot a carrier is known at an insertion."""
    line = built.plan.line
    if built.plan.insertions[number].unit is Unit.PACKAGE:
        return line.assembly_lot_id.format(number=line.first_lot_number + lot.index)
    return lot_ids(built.plan, lot, len(built.plan.route))[turn]


def _duration(built: Built, number: int, way: Course) -> int:
    insertion = built.plan.insertions[number]
    each = insertion.test_ms + 3 * insertion.test_sigma_ms + insertion.index_ms
    touchdowns = int(way.touchdown[-1]) + 1 if len(way.part) else 0
    return int(np.ceil(touchdowns * each / 1000))


def traces_of_die(session: Session) -> list[str]:
    """Where each touched package comes from: lot, wafer, x and y, as its part text tells."""
    die, slots = session.die, _of_touches(session, session.parts.slot)
    places = _of_touches(session, session.parts.die)
    x, y = die.x_coord[places].tolist(), die.y_coord[places].tolist()
    names = lot_ids(session.built.plan, session.lot, len(session.built.plan.route))
    return [
        f"{names[slot - 1]}/{wafer_id(slot)}/{across}/{down}"
        for slot, across, down in zip(slots.tolist(), x, y, strict=True)
    ]


def _of_touches(session: Session, column: Ints) -> Ints:
    return np.asarray(column[session.course.part])
