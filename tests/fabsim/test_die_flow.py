"""Die on their way through the insertions: contacts, retests, escapes, worn sites, new programs."""

from dataclasses import replace

import numpy as np
import pytest

from fabsim.line.history import LineRun
from fabsim.line.schedule import booking
from fabsim.plan.excursions import Effect, Kind, Scarcity, Shape
from fabsim.testers.die_flow import incoming_parts, touch_parts
from fabsim.wafer.defects import damage
from tests.fabsim.fabs import (
    CP1,
    CP2,
    FT1,
    HARMLESS,
    calm,
    excursion,
    is_share,
    with_excursion,
    with_insertions,
)

CONTACT = {"contact_pct": 5.0, "contact_cured": 0.8}
PROBE = {"insertion": "CP1", "node_nam": "cp-a01", "site_num": "3"}


def touched(plan, number, lots=6):
    """The line, lot, parts and touch-downs of every session of the first lots."""
    built = LineRun.until(plan, 1)
    for lot in built.lots[:lots]:
        if booking(plan, lot, number) is not None:
            for turn, parts in enumerate(incoming_parts(built, lot, number)):
                yield built, lot, parts, touch_parts(built, lot, number, turn, parts)


def harm_of(built, lot, parts, number):
    """What `damage` says of each part's die."""
    found = {slot: damage(built, lot, slot) for slot in np.unique(parts.slot).tolist()}
    bad = [found[s].is_bad[d] for s, d in zip(parts.slot.tolist(), parts.die, strict=True)]
    at = [found[s].caught_at[d] for s, d in zip(parts.slot.tolist(), parts.die, strict=True)]
    return np.array(bad, bool), np.array(at, np.int64)


@pytest.fixture(scope="module")
def contacts(plan):
    """Touch-downs of die that all work, on contacts of which some are bad."""
    return list(touched(with_insertions(calm(plan), **CONTACT), CP1))


@pytest.fixture(scope="module")
def dense(plan):
    """A plan with many bad die, perfect contacts, and little coverage."""
    products = (replace(plan.products[0], defects_per_die=0.3),)
    return with_insertions(replace(calm(plan), products=products), coverage=0.6)


@pytest.fixture(scope="module")
def at_cp1(dense):
    return list(touched(dense, CP1))


@pytest.fixture(scope="module")
def at_cp2(dense):
    return list(touched(dense, CP2))


def test_parts_are_spread_over_the_sites_in_turn(contacts):
    _, _, parts, way = contacts[0]
    first = ~way.is_retest

    assert len(parts.die) == 519
    assert way.part[first].tolist() == list(range(519))
    assert way.site[first].tolist() == [1 + n % 4 for n in range(519)]
    assert way.touchdown[first].tolist() == [n // 4 for n in range(519)]


def test_failing_parts_are_touched_once_more_at_the_end(contacts):
    for _, _, _, way in contacts:
        first, again = ~way.is_retest, way.is_retest
        failed = way.part[first & ~way.passed]

        assert way.part[again].tolist() == failed.tolist()
        assert np.flatnonzero(again).min(initial=10**6) > np.flatnonzero(first).max()
        assert (np.diff(way.touchdown) >= 0).all()


def test_contacts_fail_and_are_cured_at_their_rates(contacts):
    first = sum((way.is_contact & ~way.is_retest).sum() for *_, way in contacts)
    parts = sum(len(parts.die) for _, _, parts, _ in contacts)
    again = sum(way.is_retest.sum() for *_, way in contacts)
    recovered = sum((way.is_retest & way.passed).sum() for *_, way in contacts)

    assert parts > 70_000
    assert is_share(first, parts, 0.05)
    assert first == again
    assert is_share(recovered, again, 0.8)


def test_a_part_is_good_by_its_last_touch_down(contacts):
    for _, _, parts, way in contacts[:20]:
        last = {}
        for part, passed in zip(way.part.tolist(), way.passed.tolist(), strict=True):
            last[part] = passed

        assert way.good.tolist() == [part for part, passed in sorted(last.items()) if passed]
        assert way.decides.sum() == len(parts.die)


def test_bad_die_escape_the_first_insertion_by_its_coverage(at_cp1):
    bad, escaped = 0, 0
    for built, lot, parts, way in at_cp1:
        is_bad, _ = harm_of(built, lot, parts, CP1)
        bad, escaped = bad + is_bad.sum(), escaped + is_bad[way.good].sum()
        assert is_bad[np.setdiff1d(np.arange(519), way.good)].all()
    assert is_share(escaped, bad, 1 - 0.6)


def test_escaped_die_are_caught_at_the_insertion_in_the_truth(at_cp2):
    caught = 0
    for built, lot, parts, way in at_cp2:
        is_bad, at = harm_of(built, lot, parts, CP2)
        lost = np.setdiff1d(np.arange(len(parts.die)), way.good)

        assert at[is_bad].min() == CP2
        assert set(lost.tolist()) == set(np.flatnonzero(is_bad & (at == CP2)).tolist())
        caught += len(lost)
    assert caught > 1_000


def test_only_good_die_reach_the_next_insertion(at_cp1, at_cp2):
    before = {(lot.index, parts.slot[0]): parts.die[way.good] for _, lot, parts, way in at_cp1}

    assert len(at_cp2) > 100
    for _, lot, parts, _ in at_cp2:
        assert parts.die.tolist() == before[lot.index, parts.slot[0]].tolist()


def test_packages_are_a_share_of_a_lots_good_die_mixed(dense):
    built = LineRun.until(dense, 1)
    lot = next(lot for lot in built.lots if lot.is_finished)
    before = [
        {
            (slot, int(die))
            for slot, die in zip(parts.slot[way.good], parts.die[way.good], strict=True)
        }
        for turn, parts in enumerate(incoming_parts(built, lot, CP2))
        for way in [touch_parts(built, lot, CP2, turn, parts)]
    ]
    (packages,) = incoming_parts(built, lot, FT1)
    chosen = list(zip(packages.slot.tolist(), packages.die.tolist(), strict=True))
    able = set.union(*before)

    assert set(chosen) <= able
    assert len(set(chosen)) == len(chosen)
    assert is_share(len(chosen), len(able), 0.3)
    assert chosen != sorted(chosen)


def test_final_test_finds_the_bad_packages_of_the_truth(dense):
    found = 0
    for built, lot, parts, way in touched(dense, FT1):
        is_bad, at = harm_of(built, lot, parts, FT1)
        lost = np.setdiff1d(np.arange(len(parts.die)), way.good)

        assert (at[is_bad] >= FT1).all()
        assert set(lost.tolist()) == set(np.flatnonzero(is_bad & (at == FT1)).tolist())
        found += len(lost)
    assert found > 100


def test_a_worn_site_fails_touch_downs_that_other_sites_pass(plan):
    worn = excursion(Kind.PROBE_SITE, PROBE, replace(HARMLESS, group="contact"), share=0.25)
    failed, at_site, recovered, again = 0, 0, 0, 0
    for built, lot, _, way in touched(with_excursion(calm(plan), worn), CP1):
        is_there = booking(built.plan, lot, CP1).node_nam == "cp-a01"
        first, mine = ~way.is_retest, way.site == 3

        assert way.passed[~mine].all()
        assert is_there or way.passed.all()
        if is_there:
            failed, at_site = failed + (first & ~way.passed).sum(), at_site + (first & mine).sum()
            again += way.is_retest.sum()
            recovered += (way.is_retest & way.passed).sum()
    assert is_share(failed, at_site, 0.25)
    # A quarter of the retests comes to the worn site again, and fails there by the same share.
    assert is_share(recovered, again, 1 - 0.25 * 0.25)


def test_a_site_is_worn_in_its_nights_only(plan):
    worn = excursion(Kind.PROBE_SITE, PROBE, from_night=3, until_night=5)
    failed = {}
    for built, lot, _, way in touched(with_excursion(calm(plan), worn), CP1, lots=16):
        place = booking(built.plan, lot, CP1)
        if place.node_nam == "cp-a01":
            failed.setdefault(place.night, set()).add(bool((~way.passed).any()))

    assert len(failed) >= 4
    assert {night: {3 <= night < 5} for night in failed} == failed


def test_a_changed_program_fails_a_share_of_the_die_that_work(plan):
    harm = Effect(3.0, 0.0, Shape.RANDOM, "supply")
    at = {"insertion": "CP1", "job_rev": "08"}
    new = with_excursion(calm(plan), excursion(Kind.PROGRAM_CHANGE, at, harm, from_night=3))
    lost, tested, groups = {}, {}, set()
    for built, lot, parts, way in touched(new, CP1, lots=9):
        acts = booking(new, lot, CP1).night >= 3
        lost[acts] = lost.get(acts, 0) + len(parts.die) - len(way.good)
        tested[acts] = tested.get(acts, 0) + len(parts.die)
        groups |= {built.plan.groups[n].group for n in way.group[~way.passed]}

    assert lost[False] == 0
    assert is_share(lost[True], tested[True], 0.03)
    assert groups == {"supply"}


def test_where_defects_are_scarce_no_contact_stays_bad(plan):
    scarce = replace(with_insertions(plan, **CONTACT), scarcity=Scarcity(50, 100_000))
    ways = [way for *_, way in touched(scarce, CP1)]

    assert sum(way.is_contact.sum() for way in ways) > 1_000
    assert not any((way.is_contact & way.is_retest).any() for way in ways)
