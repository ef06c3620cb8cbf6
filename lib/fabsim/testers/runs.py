"""The test sessions of a carrier: one of a wafer, one or more of a lot's packages."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from fabsim.arrays import Ints, counted_by
from fabsim.plan.final_test import PRODUCTION, FinalTest, Heap, Mark, Numbering
from fabsim.testers.die_flow import CONTACT_GROUP, NO_FAIL, Carrier, Touches

# An engineering run tests as many touch-downs of all sites.
ENGINEERING_TOUCHDOWNS = 2


@dataclass(frozen=True)
class Run:
    """A test session, number `place` of its carrier, on the lot's tester `tester` (both from 0).

    Of the carrier's touch-downs it has those at `rows`, none if it is an engineering run. `touches`
    are its touch-downs by themselves; `part_number` is the PART_ID of each. Rescreen number
    `rescreen` (0: the first test) tests the parts of the touch-downs `tested_before`.
    """

    place: int
    touches: Touches
    part_number: Ints
    rows: Ints
    tested_before: Ints
    tester: int = 0
    rescreen: int = 0
    mode_cod: str = PRODUCTION
    marks: tuple[Mark, ...] = ()

    @property
    def label(self) -> str:
        """What tells the file of this session from the others of its carrier."""
        rescreen = f"_rt{self.rescreen}" if self.rescreen else ""
        if self.mode_cod != PRODUCTION:
            return f"_{self.mode_cod.lower()}{self.place}"
        return (f"_t{self.tester + 1}" if self.tester else "") + rescreen


def runs_of(habits: FinalTest, carrier: Carrier, keeps_id: bool) -> list[Run]:
    """Return the sessions of a carrier in the order of their start.

    `keeps_id`: a part that is tested again within a session keeps its PART_ID.
    """
    found = [*_Floor(habits, carrier, keeps_id).runs()]
    firsts = [run for run in found if not run.rescreen]
    extra = [_engineering(habits, carrier, mode) for mode in habits.engineering_runs]
    # The first engineering run comes before the rescreens, the others at the end.
    in_order = [*firsts, *extra[:1], *found[len(firsts) :], *extra[1:]]
    return [replace(run, place=place) for place, run in enumerate(in_order)]


@dataclass(frozen=True)
class _Floor:
    """The production sessions of a carrier."""

    habits: FinalTest
    carrier: Carrier
    keeps_id: bool

    def runs(self) -> Iterator[Run]:
        habits, touches = self.habits, self.carrier.touches
        testers, testing = self._testers(), counted_by(touches.part)
        number = np.empty(len(self.carrier.parts.die), np.int64)
        for tester in range(habits.testers):
            is_mine = (testers == tester) & ((testing == 0) | (habits.rescreens == 0))
            rows = np.flatnonzero(is_mine)
            if len(rows) or not tester:
                run = self._run(rows, tester)
                number[run.touches.part] = run.part_number
                yield run
        for rescreen in range(1, habits.rescreens + 1):
            heaps = range(habits.testers if habits.rescreen_of is Heap.TESTER else 1)
            for tester in heaps:
                is_mine = (testers == tester) | (habits.rescreen_of is Heap.LOT)
                rows = np.flatnonzero(is_mine & (testing == rescreen))
                if len(rows):
                    yield self._rescreen(rows, tester, rescreen, number)

    def _testers(self) -> Ints:
        """Return the tester of each touch-down's part: each gets equally many touch-downs."""
        touches = self.carrier.touches
        first, count = ~touches.is_retest, len(self.carrier.parts.die)
        touchdowns = 1 + touches.touchdown[first].max(initial=0)
        of_part = np.zeros(count, np.int64)
        of_part[touches.part[first]] = touches.touchdown[first] * self.habits.testers // touchdowns
        return np.asarray(of_part[touches.part])

    def _run(self, rows: Ints, tester: int) -> Run:
        touches = self._own(rows)
        number = numbered(touches, self.habits.sites_number_alone)
        if self.keeps_id:
            _, first, part = np.unique(touches.part, return_index=True, return_inverse=True)
            number = number[first[part]]
        return Run(0, touches, number, rows, rows[:0], tester)

    def _rescreen(self, rows: Ints, tester: int, rescreen: int, number: Ints) -> Run:
        own = self._own(rows)
        touches = replace(own, is_retest=np.zeros_like(own.is_retest))
        keeps = self.habits.rescreen_numbering is Numbering.FIRST
        alone = self.habits.sites_number_alone
        part_number = number[touches.part] if keeps else numbered(touches, alone)
        before = self._before(rows)
        marks = self.habits.rescreen_marks
        return Run(0, touches, part_number, rows, before, tester, rescreen, marks=marks)

    def _own(self, rows: Ints) -> Touches:
        touches = self.carrier.touches.take(rows)
        return replace(touches, touchdown=np.unique(touches.touchdown, return_inverse=True)[1])

    def _before(self, rows: Ints) -> Ints:
        """Return the touch-down before each of `rows` of the same part."""
        part = self.carrier.touches.part
        order = np.argsort(part, kind="stable")
        at = np.empty_like(order)
        at[order] = np.arange(len(order))
        return np.asarray(order[at[rows] - 1])


def numbered(touches: Touches, sites_alone: bool) -> Ints:
    """Number the touch-downs of a session from 1, or those of each site."""
    keys = touches.site if sites_alone else np.zeros_like(touches.site)
    return 1 + counted_by(keys)


def _engineering(habits: FinalTest, carrier: Carrier, mode_cod: str) -> Run:
    """Return a session in which every other one of the lot's first packages fails its contacts."""
    touches = carrier.touches
    first = touches.take(~touches.is_retest & (touches.touchdown < ENGINEERING_TOUCHDOWNS))
    is_contact = np.arange(len(first.part)) % 2 == 0
    group = np.where(is_contact, CONTACT_GROUP, NO_FAIL)
    failing = replace(first, is_contact=is_contact, group=group)
    number = numbered(failing, habits.sites_number_alone)
    none = np.empty(0, np.int64)
    return Run(0, failing, number, none, none, mode_cod=mode_cod)
