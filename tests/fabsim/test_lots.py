"""Lots on their way: every wafer sees every step in order, in a chamber that is free and clean."""

from collections import defaultdict
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from fabsim.calendar import DAY, HOUR, MINUTE, NEVER
from fabsim.line.lots import NOWHERE, lots_of_night, run_line
from fabsim.line.pcm import measured_at
from fabsim.line.schedule import sort_night
from fabsim.line.tools import ChamberList
from tests.fabsim.fabs import error, is_share

NIGHTS = 8


@pytest.fixture(scope="module")
def tools(plan):
    return ChamberList(plan)


@pytest.fixture(scope="module")
def lots(plan, tools):
    return run_line(plan, tools, plan.calendar.ends(NIGHTS))


@pytest.fixture(scope="module")
def finished(lots):
    return [lot for lot in lots if lot.is_finished]


def stays(tools, lots):
    """The visits of each chamber: first start, last end and lot, in order of time."""
    held = defaultdict(list)
    for lot in lots:
        for step, wafer in np.argwhere(lot.chamber != NOWHERE).tolist():
            times = int(lot.started[step, wafer]), int(lot.ended[step, wafer])
            held[int(lot.chamber[step, wafer])].append((*times, lot.index))
    return {number: sorted(times) for number, times in held.items()}


def test_line_has_thirty_to_sixty_steps_and_twenty_to_eighty_tools(plan, tools):
    names = {one.equipment_id for one in tools.chambers}

    assert 30 <= len(plan.route) <= 60
    assert 20 <= len(names) <= 80
    assert len(tools.chambers) > len(names)


def test_as_many_lots_as_planned_start_evenly_over_each_day(plan, lots):
    gaps = {after.started_at - one.started_at for one, after in pairwise(lots)}

    assert gaps == {DAY // 3}
    assert lots[0].started_at == plan.calendar.begins(1) - plan.line.cycle_days * DAY
    assert [lot.night for lot in lots[:7]] == [1, 1, 1, 2, 2, 2, 3]
    assert list(lots_of_night(plan, 2)) == [3, 4, 5]


def test_a_lot_goes_through_the_steps_in_order_and_as_a_whole(finished):
    assert len(finished) >= 24
    for lot in finished:
        assert lot.started_at < lot.started[0].min()
        assert (lot.started[1:].min(axis=1) > lot.ended[:-1].max(axis=1)).all()


def test_every_wafer_of_a_finished_lot_was_in_a_chamber_that_can_do_the_step(tools, finished):
    for lot in finished:
        assert (lot.ended < NEVER).all()
        for step, able in enumerate(tools.of_steps):
            assert set(lot.chamber[step].tolist()) <= set(able.tolist())


def test_a_chamber_processes_one_wafer_or_one_batch_at_a_time(tools, lots):
    batches = 0
    for number, held in stays(tools, lots).items():
        is_batch = tools.plan.areas[tools.chambers[number].area].is_batch
        for (begin, end, lot), (next_begin, next_end, next_lot) in pairwise(held):
            together = (begin, end, lot) == (next_begin, next_end, next_lot)
            assert end <= next_begin or (is_batch and together)
            batches += together
    assert batches > 100


def test_wafers_take_as_long_as_their_area_says(tools, finished):
    for area, step in zip(tools.areas_of_steps, range(99), strict=False):
        took = {int(t) for lot in finished for t in lot.ended[step] - lot.started[step]}
        assert took == {round(area.wafer_minutes * MINUTE)}


def test_no_wafer_is_processed_during_a_clean(tools, lots):
    cleaned = 0
    for number, held in stays(tools, lots).items():
        chamber = tools.chambers[number]
        for begin, end, _ in held:
            # Since the last clean ended, and until the next begins.
            since = (begin - chamber.cleaned_at) % chamber.period
            assert chamber.cleaning <= since
            assert since + end - begin <= chamber.period
        cleaned += (held[-1][1] - held[0][0]) // chamber.period
    assert cleaned > 100


def test_wafers_of_a_lot_are_spread_evenly_over_the_chambers(finished, tools):
    for lot in finished:
        for step, able in enumerate(tools.of_steps):
            counts = [(lot.chamber[step] == number).sum() for number in able]
            assert max(counts) - min(counts) <= 1


def test_no_chamber_is_preferred_in_the_long_run(finished, tools):
    step = tools.step("etch_gate")
    able = tools.of_steps[step].tolist()
    # Of 25 wafers one chamber of four takes seven, the others six.
    counts = [[(lot.chamber[step] == number).sum() for number in able] for lot in finished]
    most = [able[int(np.argmax(one))] for one in counts]

    assert {tuple(sorted(one)) for one in counts} == {(6, 6, 6, 7)}
    assert all(is_share(most.count(number), len(most), 1 / 4) for number in able)


def test_a_longer_run_gives_the_same_events_up_to_then(plan, tools, lots):
    until = plan.calendar.ends(3)
    earlier = run_line(plan, tools, until)

    assert 0 < len(earlier) < len(lots)
    for short, long in zip(earlier, lots, strict=False):
        known = (long.started < until) | (short.started < until)
        for name in ("chamber", "started", "ended"):
            assert (getattr(short, name)[known] == getattr(long, name)[known]).all()
        assert (short.started_at, short.lot_id) == (long.started_at, long.lot_id)


def test_lots_are_ready_before_their_night(plan, finished):
    ready = [lot for lot in finished if sort_night(plan, lot) == lot.night]

    assert all(measured_at(plan, lot).max() < plan.calendar.begins(lot.night) for lot in ready)
    assert len(ready) >= 0.9 * len(finished)


def test_a_lot_that_is_late_is_sorted_in_the_night_after_pcm(plan):
    short = replace(plan, line=replace(plan.line, cycle_days=8))
    lots = run_line(short, ChamberList(short), short.calendar.ends(4))
    late = [lot for lot in lots if lot.is_finished]

    assert len(late) > 3
    for lot in late:
        night = short.calendar.night_of(int(measured_at(short, lot).max()))
        assert sort_night(short, lot) == night + 1 > lot.night


def test_a_lot_that_is_still_in_the_line_has_no_night_of_sort_yet(plan, lots):
    assert not lots[-1].is_finished
    assert sort_night(plan, lots[-1]) is None


def test_lots_wait_as_long_as_their_area_says_if_no_tool_is_busy(plan):
    idle = tuple(replace(one, clean_hours=0.0, wafer_minutes=0.1) for one in plan.areas)
    alone = replace(plan.changed(lots_per_night=1, wafers_per_lot=2), areas=idle)
    tools = ChamberList(alone)
    lots = [lot for lot in run_line(alone, tools, alone.calendar.ends(40)) if lot.is_finished]
    waits = np.array([lot.started[1:].min(axis=1) - lot.ended[:-1].max(axis=1) for lot in lots])
    planned = HOUR * np.array([area.queue_hours for area in tools.areas_of_steps[1:]])
    spread = np.log(waits / planned).ravel()

    # The mean of a log-normal's logarithm is that of its median.
    assert abs(spread.mean()) < 4 * error(spread) < 0.06
    # The standard error of a standard deviation is sigma / sqrt(2 n).
    assert abs(spread.std() - 0.4) < 4 * 0.4 / np.sqrt(2 * len(spread))


@pytest.mark.parametrize(("lots", "hurry"), [(1, 1.0), (6, 1.0), (12, 0.5)])
def test_tools_are_faster_where_more_lots_start_than_they_can_serve(plan, lots, hurry):
    some = replace(plan, line=replace(plan.line, capacity_lots=6.0, lots_per_night=lots))
    tools = ChamberList(some)
    first = run_line(some, tools, some.calendar.begins(1))[0]
    took = (first.ended - first.started)[tools.step("etch_gate")]

    (area,) = [one for one in plan.areas if one.area == "etch"]
    assert set(took.tolist()) == {round(area.wafer_minutes * MINUTE * hurry)}


def test_products_share_the_starts_from_their_first_night_on(plan):
    new = replace(plan.products[0], product_id="NEW", from_night=3, share=0.5)
    two = replace(plan, products=(*plan.products, new)).changed(lots_per_night=30)
    two = two.changed(wafers_per_lot=1)
    lots = run_line(replace(two, route=plan.route[:2]), ChamberList(two), two.calendar.ends(1))
    products = np.array([lot.product for lot in lots])
    before = np.array([lot.night < 3 for lot in lots])

    assert set(products[before]) == {0}
    assert is_share(products[~before].sum(), (~before).sum(), 0.5 / 1.5)
