from collections import Counter, defaultdict
from dataclasses import replace
from itertools import pairwise

import pytest

from fabsim import load_plan
from fabsim.calendar import DAY
from fabsim.line.history import LineRun
from fabsim.line.schedule import booking, lot_seconds, sort_night
from tests.fabsim.fabs import CP1, CP2, FT1, all_sessions, small


@pytest.fixture(scope="module")
def built(plan):
    return LineRun.until(small(plan).changed(wafers_per_lot=2), 8)


@pytest.fixture(scope="module")
def punctual(built):
    """The lots that are sorted in their own night."""
    return [lot for lot in built.lots if sort_night(built.plan, lot) == lot.night]


def test_a_lot_reaches_each_insertion_after_the_planned_nights(built, punctual):
    for lot in punctual:
        nights = [booking(built.plan, lot, number).night for number in (CP1, CP2, FT1)]
        assert nights == [lot.night, lot.night + 1, lot.night + 3]


def test_makes_of_testers_take_lots_in_turn(built, punctual):
    makes = {lot.index: booking(built.plan, lot, CP1).habits.node_nam[:4] for lot in punctual}

    assert [makes[index] for index in range(6)] == ["cp-a", "cp-b", "cp-c", "cp-d", "cp-e", "cp-a"]
    places = {booking(built.plan, lot, FT1).habits.node_nam[:4] for lot in punctual}
    assert places == {"ft-a", "ft-b"}


@pytest.mark.parametrize("cycle_days", [16, 9])
def test_no_tester_works_for_two_lots_at_once(plan, cycle_days):
    few = small(plan).changed(wafers_per_lot=2, lots_per_night=7)
    built = LineRun.until(replace(few, line=replace(few.line, cycle_days=cycle_days)), 8)
    known = [lot for lot in built.lots if sort_night(built.plan, lot)]
    # In nine days many lots are not through.
    assert any(sort_night(built.plan, lot) > lot.night for lot in known) == (cycle_days == 9)
    busy = defaultdict(list)
    for number in (CP1, CP2, FT1):
        for one in all_sessions(built, number):
            busy[one.place.node_nam].append((one.setup_t, one.finish_t, one.lot.lot_id, number))
    for times in busy.values():
        for (_, end, *_), (begin, *_) in pairwise(sorted(times)):
            assert end <= begin
    assert sum(map(len, busy.values())) > 100


def test_products_of_other_sizes_share_testers_one_after_another():
    plan = load_plan(scenario="new_product").changed(lots_per_night=10)
    built = LineRun.until(plan, 4)
    busy = defaultdict(list)
    for lot in built.lots:
        if place := booking(plan, lot, CP1):
            sizes = plan.insertions[CP1], plan.products[lot.product]
            ends = place.starts_at + lot_seconds(plan, *sizes)
            busy[place.node_nam].append((place.starts_at, ends))
    for times in busy.values():
        for (_, end), (begin, _) in pairwise(sorted(times)):
            assert end <= begin
    assert max(map(len, busy.values())) > 2
    assert {lot.product for lot in built.lots} == {0, 1}


def test_a_lot_begins_after_midnight_and_ends_the_same_day(plan):
    built = LineRun.until(plan, 1)
    lot = next(lot for lot in built.lots if booking(plan, lot, CP1))
    begins = plan.calendar.begins(booking(plan, lot, CP1).night)
    times = [plan.calendar.local(begins)]
    for one in all_sessions(replace(built, lots=[lot]), CP1):
        times += [one.setup_t, one.start_t, one.finish_t]

    assert times == sorted(set(times))
    assert len(times) == 1 + 3 * 25
    assert times[-1] < times[0] + DAY


def test_testers_are_added_where_a_night_has_more_lots_than_one_can_test(plan):
    many = plan.changed(lots_per_night=40)
    lots = LineRun.until(plan, 1).lots
    # Forty lots for five makes are eight for each.
    one_make = [replace(lots[0], index=index, night=1) for index in range(0, 40, 5)]
    nodes = Counter(booking(many, lot, CP1).node_nam for lot in one_make)

    assert nodes.total() == 8
    assert len(nodes) > 1
    starts = {
        (booking(many, lot, CP1).node_nam, booking(many, lot, CP1).starts_at) for lot in one_make
    }
    assert len(starts) == 8


def test_a_lot_in_the_line_has_no_place_yet(built):
    assert booking(built.plan, built.lots[-1], CP1) is None
