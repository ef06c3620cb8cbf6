"""Which die come to an insertion, how they are touched, and which stay good."""

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Self

import numpy as np

from fabsim.arrays import Bools, Floats, Ints
from fabsim.line.history import Built
from fabsim.line.lots import StartedLot
from fabsim.line.schedule import booking
from fabsim.plan.excursions import Excursion, Kind
from fabsim.plan.insertions import Unit
from fabsim.plan.wafer_map import wafer_map
from fabsim.random_streams import Stream, stream
from fabsim.wafer.defects import damage

NOTHING, CONTACT_GROUP = -1, 0


@dataclass(frozen=True)
class Parts:
    """Die that come to an insertion in order, one entry each.

    `die` is the place on the wafer map. `is_dead` says that its damage is found here, by a test of
    `group` at `place` (0-1) of it that reads `sigmas`; `is_overkilled` that it works and the
    program fails it.
    """

    slot: Ints
    die: Ints
    is_dead: Bools
    is_overkilled: Bools
    group: Ints
    place: Floats
    sigmas: Floats

    def take(self, chosen: Ints | Bools) -> Self:
        """Only some of them."""
        return type(self)(*(getattr(self, one.name)[chosen] for one in fields(self)))

    @classmethod
    def joined(cls, several: list[Self]) -> Self:
        """All of several, one after the other."""
        names = [one.name for one in fields(cls)]
        return cls(*(np.concatenate([getattr(one, name) for one in several]) for name in names))


@dataclass(frozen=True)
class Course:
    """The touch-downs of one session in order; `part` is a place in its Parts.

    `group` is that of the tests that fail, -1 where none does, at `place` (0-1) of it and by
    `sigmas`; `is_contact` where the contact was bad.
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
        """The verdict of each touch-down."""
        return np.asarray(self.group == NOTHING)

    @property
    def decides(self) -> Bools:
        """The last touch-down of each part."""
        return ~np.isin(self.part, self.part[self.is_retest]) | self.is_retest

    @property
    def good(self) -> Ints:
        """The parts that passed at last, in order."""
        return np.sort(self.part[self.decides & self.passed])


@dataclass(frozen=True)
class Carrier:
    """What goes through one session: a wafer, or a lot's packages, and how it is touched.

    `turn` numbers the carriers of a lot from 0.
    """

    turn: int
    parts: Parts
    course: Course


def touched(built: Built, lot: StartedLot, number: int) -> Iterator[Carrier]:
    """The carriers of a lot at insertion `number`, as they are touched."""
    for turn, parts in enumerate(carriers(built, lot, number)):
        yield Carrier(turn, parts, course(built, lot, number, turn, parts))


def carriers(built: Built, lot: StartedLot, number: int) -> list[Parts]:
    """What comes to insertion `number`: one entry per wafer, or one of all packages of a lot."""
    if number == 0:
        return [_die(built, lot, slot) for slot in lot.slots.tolist()]
    left = [one.parts.take(one.course.good) for one in touched(built, lot, number - 1)]
    insertion = built.plan.insertions[number]
    if insertion.unit is Unit.PACKAGE:
        left = [Parts.joined(left)]
    rng = stream(built.plan.seed, Stream.PACKAGES, lot.index, number)
    chosen = [_drawn(rng, len(parts.die), insertion.share) for parts in left]
    if insertion.unit is Unit.PACKAGE:
        chosen = [rng.permutation(places) for places in chosen]
    return [
        _found(built, lot, number, parts.take(places))
        for parts, places in zip(left, chosen, strict=True)
    ]


def course(built: Built, lot: StartedLot, number: int, turn: int, parts: Parts) -> Course:
    """Touch every part of carrier `turn` once, then those that failed once more at the end."""
    insertion = built.plan.insertions[number]
    rng = stream(built.plan.seed, Stream.CONTACT, lot.index, number, turn)
    count = len(parts.die)
    contact = rng.random(count) < insertion.contact_pct / 100
    stays = contact & (rng.random(count) > insertion.contact_cured)
    if built.plan.scarcity.defective:
        stays = np.zeros(count, bool)
    tester = _Tester(built, lot, number, rng)
    first = tester.touch(parts, np.arange(count), contact)
    again = tester.touch(parts, np.flatnonzero(~first.passed), stays)
    return _join(first, again)


def acting(built: Built, lot: StartedLot, number: int, kind: Kind) -> list[Excursion]:
    """The excursions of a tester that act when a lot is at an insertion."""
    plan, place = built.plan, booking(built.plan, lot, number)
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


def _die(built: Built, lot: StartedLot, slot: int) -> Parts:
    harm = damage(built, lot, slot)
    every = np.arange(wafer_map(built.plan.products[lot.product]).gross_die)
    none = np.zeros(len(every), bool)
    whole = Parts(np.full(len(every), slot), every, none, none, harm.group, harm.place, harm.sigmas)
    return _found(built, lot, 0, whole)


def _found(built: Built, lot: StartedLot, number: int, parts: Parts) -> Parts:
    """`parts` with what insertion `number` finds of their damage."""
    is_dead, is_overkilled = np.zeros(len(parts.die), bool), np.zeros(len(parts.die), bool)
    group = parts.group.copy()
    for slot in np.unique(parts.slot).tolist():
        mine = parts.slot == slot
        die = parts.die[mine]
        harm = damage(built, lot, slot)
        is_dead[mine] = (harm.is_bad & (harm.caught_at == number))[die]
        group[mine] = harm.group[die]
        for one in acting(built, lot, number, Kind.PROGRAM_CHANGE):
            lost = _overkill(built, lot, one, slot, len(harm.cause))[die] & ~is_dead[mine]
            is_overkilled[mine] |= lost
            group[mine] = np.where(lost, built.plan.group_number(one.effect.group), group[mine])
    return Parts(*(parts.slot, parts.die, is_dead, is_overkilled, group), parts.place, parts.sigmas)


def _overkill(built: Built, lot: StartedLot, one: Excursion, slot: int, count: int) -> Bools:
    number = built.plan.excursions.index(one)
    rng = stream(built.plan.seed, Stream.HIT, lot.index, number, slot)
    loss = rng.normal(one.effect.loss_pct, one.effect.loss_sigma_pct) / 100
    return np.asarray(rng.random(count) < loss * one.share)


def _drawn(rng: np.random.Generator, count: int, share: float) -> Ints:
    return np.flatnonzero(rng.random(count) < share)


class _Tester:
    """A tester with its sites, some of which may fail good die."""

    def __init__(
        self, built: Built, lot: StartedLot, number: int, rng: np.random.Generator
    ) -> None:
        plan, acts = built.plan, acting(built, lot, number, Kind.PROBE_SITE)
        self.worn = [
            (int(one.at["site_num"]), one.share, plan.group_number(one.effect.group))
            for one in acts
        ]
        self.sites, self.rng = plan.insertions[number].sites, rng

    def touch(self, parts: Parts, touched: Ints, contact: Bools) -> Course:
        """Touch some of `parts`; `contact` tells of each part whether its contact is bad."""
        count, mine = len(touched), parts.take(touched)
        site, is_contact = 1 + np.arange(count) % self.sites, contact[touched]
        fails = mine.is_dead | mine.is_overkilled
        group = np.where(fails, mine.group, NOTHING)
        for number, share, failing in self.worn:
            # Drawn for every touch-down, so that what a site does moves no other draw.
            hit = (self.rng.random(count) < share) & (site == number) & (group == NOTHING)
            group = np.where(hit, failing, group)
        is_contact &= group == NOTHING
        return Course(
            part=touched,
            site=site,
            touchdown=np.arange(count) // self.sites,
            is_retest=np.zeros(count, bool),
            is_contact=is_contact,
            group=np.where(is_contact, CONTACT_GROUP, group),
            place=np.where(fails, mine.place, self.rng.random(count)),
            sigmas=np.where(fails, mine.sigmas, np.abs(mine.sigmas)),
        )


def _join(first: Course, again: Course) -> Course:
    later = {
        "touchdown": again.touchdown + (first.touchdown[-1] + 1 if len(first.part) else 0),
        "is_retest": np.ones_like(again.is_retest),
    }
    return Course(
        **{
            one.name: np.concatenate(
                [getattr(first, one.name), later.get(one.name, getattr(again, one.name))]
            )
            for one in fields(Course)
        }
    )
