"""Test sessions: one wafer, or packages of a lot, on one tester."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from fabsim.line.history import LineRun
from fabsim.line.lot_renames import lot_ids
from fabsim.line.lots import StartedLot, wafer_id
from fabsim.line.schedule import LOAD, SETUP, Booking, booking, on_tester
from fabsim.plan.excursions import Kind
from fabsim.plan.final_test import PRODUCTION, Ecid, FinalTest, Heap
from fabsim.plan.insertions import Habits, Retest, Unit
from fabsim.plan.line import Product
from fabsim.plan.program import Program
from fabsim.plan.wafer_map import DieGrid, wafer_map
from fabsim.testers.delivery_faults import ENDING, Flaws, SessionKey, draw_flaws
from fabsim.testers.die_flow import (
    Carrier,
    Parts,
    Touches,
    active_excursions,
    carriers,
    final_test,
)
from fabsim.testers.readings import Readings, measure
from fabsim.testers.runs import Run, runs_of


@dataclass(frozen=True)
class Session:
    """One run of a carrier on a tester, as its file names it.

    Times are STDF's, by the tester's clock. `retest_bins`: the hard bins that a rescreen tests.
    """

    line: LineRun
    lot: StartedLot
    place: Booking
    carrier: Carrier
    run: Run
    flaws: Flaws
    readings: Readings
    retest_bins: list[int]
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
        """The parts of the carrier."""
        return self.carrier.parts

    @property
    def touches(self) -> Touches:
        """The touch-downs in order."""
        return self.run.touches

    @property
    def final_test(self) -> FinalTest:
        """The habits of final test, those by default for a wafer."""
        return final_test(self.line.plan, self.place.number)

    @property
    def die(self) -> DieGrid:
        """The wafer map of the product."""
        return wafer_map(self.product)

    @property
    def key(self) -> SessionKey:
        """The numbers of the lot, the insertion and the session in the lot."""
        return self.lot.index, self.place.number, self.carrier.turn + self.run.place

    @property
    def slot(self) -> int:
        """The slot of the wafer; 0 for packages."""
        return 1 + self.carrier.turn if self.program.insertion.unit is Unit.WAFER else 0

    @property
    def lot_id(self) -> str:
        """The lot ID at the time of the test."""
        return _lot_id(self.line, self.lot.index, self.place.number, self.carrier.turn)

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
    for carrier, slots in _planned(line, lot, place):
        # Planned without measuring, so that a session outside of `nights` costs little.
        due = [
            slot
            for slot in slots
            if nights is None or any(one.night in nights for one in slot.flaws.deliveries)
        ]
        if due:
            # At once and on the first tester, because a part that is tested again has the levels
            # of its first test, whichever of its sessions are due.
            whole = measure(line, lot, slots[0].place, carrier)
            yield from (_session(line, lot, carrier, slot, whole) for slot in due)


@dataclass(frozen=True)
class _Slot:
    """When and where a run is tested, and what is wrong with it."""

    run: Run
    place: Booking
    flaws: Flaws
    starts_at: int
    ends_at: int


def _planned(
    line: LineRun, lot: StartedLot, place: Booking
) -> Iterator[tuple[Carrier, list[_Slot]]]:
    plan, number = line.plan, place.number
    habits, keeps_id = final_test(plan, number), place.habits.retest is Retest.SAME_PART_ID
    ends: dict[int, int] = {}
    for carrier in carriers(line, lot, number):
        slots = []
        for run in runs_of(habits, carrier, keeps_id):
            at = on_tester(plan, place, run.tester, habits.testers)
            key = lot.index, number, carrier.turn + run.place
            name = _file_name(line, lot.index, number, carrier.turn) + run.label + ENDING
            flaws = draw_flaws(plan, key, at.tester, at.night, name)
            own = ends.get(run.tester, at.starts_at + run.tester)
            is_of_all = run.rescreen and habits.rescreen_of is Heap.LOT
            starts = LOAD + (max(ends.values()) if is_of_all else own)
            ends[run.tester] = starts + _duration(line, number, run.touches)
            slots.append(_Slot(run, at, flaws, starts, ends[run.tester]))
        yield carrier, slots


def _session(
    line: LineRun, lot: StartedLot, carrier: Carrier, slot: _Slot, whole: Readings
) -> Session:
    """Return a session of a carrier; `whole` has what all its touch-downs measure."""
    run, flaws, values = slot.run, slot.flaws, whole.take(slot.run.rows)
    if run.mode_cod != PRODUCTION:
        own = Carrier(carrier.turn + run.place, carrier.parts, run.touches)
        values = measure(line, lot, slot.place, own)
    bins = np.unique(whole.hard_bin[run.tested_before]).tolist()
    times = (slot.starts_at, slot.ends_at)
    starts, ends = (line.plan.calendar.local(at) + flaws.clock_seconds for at in times)
    return Session(line, lot, slot.place, carrier, run, flaws, values, bins, starts, ends)


def _file_name(line: LineRun, lot: int, number: int, turn: int) -> str:
    insertion = line.plan.insertions[number]
    names = [
        line.plan.products[line.lots[lot].product].product_id,
        _lot_id(line, lot, number, turn),
        *([wafer_id(1 + turn)] if insertion.unit is Unit.WAFER else []),
        insertion.insertion.lower(),
    ]
    return "_".join(names)


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
    """Return the part text of each touched package: lot/wafer/x/y of its die, an ID, or none."""
    ecid, die, parts = session.final_test.ecid, session.die, session.parts
    if ecid is Ecid.NONE:
        return [""] * len(session.touches.part)
    names = lot_ids(session.line.plan, session.lot)
    has_place = ecid is Ecid.COORDINATES
    columns = (die.x_coord[parts.die], die.y_coord[parts.die]) if has_place else (parts.die,)
    texts = [
        "/".join([names[slot - 1], wafer_id(slot), *map(str, place)])
        for slot, *place in zip(
            parts.slot.tolist(), *(one.tolist() for one in columns), strict=True
        )
    ]
    return [texts[part] for part in session.touches.part]
