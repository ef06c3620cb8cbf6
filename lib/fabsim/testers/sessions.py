"""Test sessions: one wafer, or a lot's packages, on one tester."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from fabsim.line.history import LineRun
from fabsim.line.lot_renames import lot_ids
from fabsim.line.lots import StartedLot, wafer_id
from fabsim.line.schedule import LOAD, SETUP, Booking, booking
from fabsim.plan.excursions import Kind
from fabsim.plan.insertions import Habits, Unit
from fabsim.plan.line import Product
from fabsim.plan.program import Program
from fabsim.plan.wafer_map import DieGrid, wafer_map
from fabsim.testers.delivery_faults import ENDING, Flaws, SessionKey, draw_flaws
from fabsim.testers.die_flow import Carrier, Parts, Touches, active_excursions, carriers
from fabsim.testers.readings import Readings, measure


@dataclass(frozen=True)
class Session:
    """One carrier on one tester, as its file names it; times are STDF's, by the tester's clock."""

    line: LineRun
    lot: StartedLot
    place: Booking
    carrier: Carrier
    flaws: Flaws
    readings: Readings
    start_t: int
    finish_t: int

    @property
    def product(self) -> Product:
        """The product under test."""
        return self.line.plan.products[self.lot.product]

    @property
    def program(self) -> Program:
        """The test program."""
        return self.line.programs[self.place.number]

    @property
    def habits(self) -> Habits:
        """The habits of the tester's make."""
        return self.place.habits

    @property
    def parts(self) -> Parts:
        """The parts under test."""
        return self.carrier.parts

    @property
    def touches(self) -> Touches:
        """The touch-downs in order."""
        return self.carrier.touches

    @property
    def die(self) -> DieGrid:
        """The wafer map of the product."""
        return wafer_map(self.product)

    @property
    def key(self) -> SessionKey:
        """The numbers of the lot, the insertion and the carrier."""
        return self.lot.index, self.place.number, self.carrier.turn

    @property
    def slot(self) -> int:
        """The slot of the wafer; 0 for packages."""
        return 1 + self.carrier.turn if self.program.insertion.unit is Unit.WAFER else 0

    @property
    def lot_id(self) -> str:
        """The lot ID at the time of the test."""
        return _lot_id(self.line, *self.key)

    @property
    def wafer_id(self) -> str:
        """The wafer ID as the tester spells it; empty for packages."""
        spelling = self.flaws.spelling or self.habits.wafer_id
        return spelling.format(slot=self.slot, lot=self.lot_id) if self.slot else ""

    @property
    def job_rev(self) -> str:
        """The revision of the test program."""
        changes = active_excursions(self.line, self.lot, self.place.number, Kind.PROGRAM_CHANGE)
        return changes[-1].at["job_rev"] if changes else self.program.insertion.job_rev

    @property
    def setup_t(self) -> int:
        """When the tester was set up."""
        return self.start_t - SETUP


def sessions(
    line: LineRun, lot: StartedLot, number: int, nights: range | None = None
) -> Iterator[Session]:
    """Yield the sessions of `lot` at insertion `number` that deliver a file in `nights`.

    Without `nights`: all sessions. There are none if it is not yet known when the lot gets there.
    """
    place = booking(line.plan, lot, number)
    if place is None:
        return
    calendar, ends = line.plan.calendar, place.starts_at
    for carrier in carriers(line, lot, number):
        key = lot.index, number, carrier.turn
        flaws = draw_flaws(line.plan, key, place.tester, place.night, _file_name(line, *key))
        # Planned without measuring, so that a session outside of `nights` costs little.
        starts, ends = ends + LOAD, ends + LOAD + _duration(line, number, carrier.touches)
        if nights is None or any(one.night in nights for one in flaws.deliveries):
            values = measure(line, lot, place, carrier)
            times = (calendar.local(at) + flaws.clock_seconds for at in (starts, ends))
            yield Session(line, lot, place, carrier, flaws, values, *times)


def _file_name(line: LineRun, lot: int, number: int, turn: int) -> str:
    insertion = line.plan.insertions[number]
    names = [
        line.plan.products[line.lots[lot].product].product_id,
        _lot_id(line, lot, number, turn),
        *([wafer_id(1 + turn)] if insertion.unit is Unit.WAFER else []),
        insertion.insertion.lower(),
    ]
    return "_".join(names) + ENDING


def _lot_id(line: LineRun, lot: int, number: int, turn: int) -> str:
    """Return the lot ID of a carrier at an insertion."""
    plan = line.plan
    if plan.insertions[number].unit is Unit.PACKAGE:
        return plan.line.assembly_lot_id.format(number=plan.line.first_lot_number + lot)
    return lot_ids(plan, line.lots[lot])[turn]


def _duration(line: LineRun, number: int, touches: Touches) -> int:
    insertion = line.plan.insertions[number]
    each = insertion.test_ms + 3 * insertion.test_sigma_ms + insertion.index_ms
    touchdowns = int(touches.touchdown[-1]) + 1 if len(touches.part) else 0
    return int(np.ceil(touchdowns * each / 1000))


def part_texts(session: Session) -> list[str]:
    """Return the part text of each touched package: lot/wafer/x/y of its die."""
    die, parts = session.die, session.parts.take(session.touches.part)
    x, y = die.x_coord[parts.die].tolist(), die.y_coord[parts.die].tolist()
    names = lot_ids(session.line.plan, session.lot)
    return [
        f"{names[slot - 1]}/{wafer_id(slot)}/{across}/{down}"
        for slot, across, down in zip(parts.slot.tolist(), x, y, strict=True)
    ]
