"""Which die reach an insertion, how they are touched, and which stay good."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from fabsim.arrays import Bools, Columns, Floats, Ints, counted_by
from fabsim.line.history import LineRun
from fabsim.line.lots import StartedLot
from fabsim.line.schedule import booking
from fabsim.plan.excursions import Excursion, Kind
from fabsim.plan.final_test import FinalTest
from fabsim.plan.insertions import Unit
from fabsim.plan.plan import Plan
from fabsim.plan.wafer_map import wafer_map
from fabsim.random_streams import Stream, stream
from fabsim.wafer.defects import damage

NO_FAIL, CONTACT_GROUP = -1, 0


@dataclass(frozen=True)
class Parts(Columns):
    """Parts that reach an insertion, in order; `die` is an index into the wafer map.

    An `is_dead` part fails a test of `group` at `place` (0-1) in it, by `sigmas`; an
    `is_overkilled` one works, but the program fails it.
    """

    slot: Ints
    die: Ints
    is_dead: Bools
    is_overkilled: Bools
    group: Ints
    place: Floats
    sigmas: Floats


@dataclass(frozen=True)
class Touches(Columns):
    """The touch-downs of a session in order; `part` is an index into its Parts.

    A failing touch-down fails a test of `group` (-1: it passes) at `place` (0-1) in it, by
    `sigmas`; `is_contact`: the contact was bad.
    """

    part: Ints
    site: Ints
    touchdown: Ints
    is_retest: Bools
    is_contact: Bools
    group: Ints
    place: Floats
    sigmas: Floats

    @property
    def passed(self) -> Bools:
        """Which touch-downs pass."""
        return np.asarray(self.group == NO_FAIL)

    @property
    def decides(self) -> Bools:
        """Which touch-downs are the last of their part."""
        _, from_last = np.unique(self.part[::-1], return_index=True)
        last = np.zeros(len(self.part), bool)
        last[len(self.part) - 1 - from_last] = True
        return last

    @property
    def good(self) -> Ints:
        """The parts that pass in the end, in order."""
        return np.sort(self.part[self.decides & self.passed])


@dataclass(frozen=True)
class Carrier:
    """The parts of one session, a wafer or all packages; `turn` numbers those of a lot from 0."""

    turn: int
    parts: Parts
    touches: Touches


def carriers(line: LineRun, lot: StartedLot, number: int) -> Iterator[Carrier]:
    """Yield the carriers of a lot at insertion `number` with their touch-downs."""
    for turn, parts in enumerate(incoming_parts(line, lot, number)):
        yield Carrier(turn, parts, touch_parts(line, lot, number, turn, parts))


def incoming_parts(line: LineRun, lot: StartedLot, number: int) -> list[Parts]:
    """Return the parts at insertion `number`: one entry per wafer, or one of a lot's packages."""
    if number == 0:
        return [_all_die(line, lot, slot) for slot in lot.slots.tolist()]
    left = [one.parts.take(one.touches.good) for one in carriers(line, lot, number - 1)]
    insertion = line.plan.insertions[number]
    if insertion.unit is Unit.PACKAGE:
        left = [Parts.joined(left)]
    rng = stream(line.plan.seed, Stream.PACKAGES, lot.index, number)
    chosen = [np.flatnonzero(rng.random(len(parts.die)) < insertion.share) for parts in left]
    if insertion.unit is Unit.PACKAGE:
        chosen = [rng.permutation(places) for places in chosen]
    return [
        _with_damage(line, lot, number, parts.take(places))
        for parts, places in zip(left, chosen, strict=True)
    ]


def touch_parts(line: LineRun, lot: StartedLot, number: int, turn: int, parts: Parts) -> Touches:
    """Touch every part of carrier `turn` once, then retest the failing ones."""
    insertion, habits = line.plan.insertions[number], final_test(line.plan, number)
    rng = stream(line.plan.seed, Stream.CONTACT, lot.index, number, turn)
    count = len(parts.die)
    contact = rng.random(count) < insertion.contact_pct / 100
    stays = contact & (rng.random(count) > insertion.contact_cured)
    if line.plan.scarcity.defective:
        stays = np.zeros(count, bool)
    tester = _Tester(line, lot, number, rng)
    passes = [tester.touch(parts, np.arange(count), contact)]
    for turn_again in range(max(habits.rescreens, 1)):
        if turn_again:
            stays &= rng.random(count) > insertion.contact_cured
        failed = passes[-1].take(~passes[-1].passed)
        at_home = habits.sites_number_alone and not habits.rescreens
        again = tester.touch(parts, failed.part, stays, failed.site if at_home else None)
        start = passes[-1].touchdown[-1] + 1 if len(failed.part) else 0
        is_retest = np.ones_like(again.is_retest)
        passes.append(replace(again, touchdown=again.touchdown + start, is_retest=is_retest))
    return Touches.joined(passes)


def final_test(plan: Plan, number: int) -> FinalTest:
    """Return the habits of final test; of an insertion of wafers, those by default."""
    is_final = plan.insertions[number].unit is Unit.PACKAGE
    return plan.final_test if is_final else FinalTest()


def active_excursions(line: LineRun, lot: StartedLot, number: int, kind: Kind) -> list[Excursion]:
    """Return the tester excursions of a kind that are active when a lot is at an insertion."""
    plan, place = line.plan, booking(line.plan, lot, number)
    return [
        one
        for one in plan.excursions
        if place is not None
        and one.kind is kind
        and one.concerns(plan.products[lot.product].product_id)
        and one.at["insertion"] == plan.insertions[number].insertion
        and one.from_night <= place.night
        and (not one.until_night or place.night < one.until_night)
        and one.at.get("node_nam", place.node_nam) == place.node_nam
    ]


def _all_die(line: LineRun, lot: StartedLot, slot: int) -> Parts:
    harm = damage(line, lot, slot)
    every = np.arange(wafer_map(line.plan.products[lot.product]).gross_die)
    none = np.zeros(len(every), bool)
    whole = Parts(np.full(len(every), slot), every, none, none, harm.group, harm.place, harm.sigmas)
    return _with_damage(line, lot, 0, whole)


def _with_damage(line: LineRun, lot: StartedLot, number: int, parts: Parts) -> Parts:
    """Return `parts` with the damage that insertion `number` catches or causes."""
    is_dead, is_overkilled = np.zeros(len(parts.die), bool), np.zeros(len(parts.die), bool)
    group = parts.group.copy()
    for slot in np.unique(parts.slot).tolist():
        mine = parts.slot == slot
        die = parts.die[mine]
        harm = damage(line, lot, slot)
        is_dead[mine] = (harm.is_bad & (harm.caught_at == number))[die]
        group[mine] = harm.group[die]
        for one in active_excursions(line, lot, number, Kind.PROGRAM_CHANGE):
            lost = _overkill(line, lot, one, slot, len(harm.cause))[die] & ~is_dead[mine]
            is_overkilled[mine] |= lost
            group[mine] = np.where(lost, line.plan.group_number(one.effect.group), group[mine])
    return replace(parts, is_dead=is_dead, is_overkilled=is_overkilled, group=group)


def _overkill(line: LineRun, lot: StartedLot, one: Excursion, slot: int, count: int) -> Bools:
    number = line.plan.excursions.index(one)
    rng = stream(line.plan.seed, Stream.HIT, lot.index, number, slot)
    loss = rng.normal(one.effect.loss_pct, one.effect.loss_sigma_pct) / 100
    return np.asarray(rng.random(count) < loss * one.share)


class _Tester:
    """A tester with its sites; worn sites fail good die."""

    def __init__(
        self, line: LineRun, lot: StartedLot, number: int, rng: np.random.Generator
    ) -> None:
        plan = line.plan
        self.worn = [
            (int(one.at["site_num"]), one.share, plan.group_number(one.effect.group))
            for one in active_excursions(line, lot, number, Kind.PROBE_SITE)
        ]
        self.sites, self.rng = plan.insertions[number].sites, rng

    def touch(
        self, parts: Parts, chosen: Ints, contact: Bools, home: Ints | None = None
    ) -> Touches:
        """Touch the `chosen` of `parts`; `contact` has the parts with a bad contact.

        They come to the sites in turn, or each to its `home`.
        """
        count = len(chosen)
        touchdown, site = np.divmod(np.arange(count), self.sites)
        if home is not None:
            touchdown = counted_by(home)
            order = np.lexsort((home, touchdown))
            chosen, touchdown, site = chosen[order], touchdown[order], home[order] - 1
        site, mine, is_contact = 1 + site, parts.take(chosen), contact[chosen]
        fails = mine.is_dead | mine.is_overkilled
        group = np.where(fails, mine.group, NO_FAIL)
        for number, share, failing in self.worn:
            # Drawn for every touch-down, so that one site does not change the draws of others.
            hit = (self.rng.random(count) < share) & (site == number) & (group == NO_FAIL)
            group = np.where(hit, failing, group)
        is_contact &= group == NO_FAIL
        return Touches(
            part=chosen,
            site=site,
            touchdown=touchdown,
            is_retest=np.zeros(count, bool),
            is_contact=is_contact,
            group=np.where(is_contact, CONTACT_GROUP, group),
            place=np.where(fails, mine.place, self.rng.random(count)),
            sigmas=np.where(fails, mine.sigmas, np.abs(mine.sigmas)),
        )
