"""Lot IDs along the line, in the database, and in the truth."""

from collections import Counter
from dataclasses import replace

import pytest

from fabsim.calendar import NEVER
from fabsim.line.history import LineRun
from fabsim.line.lot_renames import lot_history, lot_ids, renamed_at, renamings
from fabsim.plan.excursions import Dirt
from tests.fabsim.fabs import is_share, small

DIRT = Dirt(split=0.3, merged=0.2, renumbered=0.1)


@pytest.fixture(scope="module")
def built(plan):
    return LineRun.until(replace(small(plan).changed(wafers_per_lot=4), dirt=DIRT), 3)


@pytest.fixture(scope="module")
def many(built):
    """Two thousand lots like the first, and their renamings."""
    lots = [replace(built.lots[0], index=index) for index in range(2_000)]
    return [(lot, renamings(built.plan, lot)) for lot in lots]


def of_kind(many, *events):
    return [(lot, found) for lot, found in many if tuple(one.event for one in found) == events]


def test_lots_are_split_merged_and_renumbered_at_their_shares(many):
    kinds = Counter(tuple(one.event for one in found) for _, found in many)

    assert is_share(kinds["split",], 2_000, 0.3)
    assert is_share(kinds["split", "merge"], 2_000, 0.2)
    assert is_share(kinds["renumber",], 2_000, 0.1)
    assert is_share(kinds[()], 2_000, 0.4)


def test_no_lot_is_renamed_where_the_plan_says_so(built):
    calm = replace(built.plan, dirt=Dirt())

    assert not any(renamings(calm, replace(built.lots[0], index=one)) for one in range(200))


def test_half_of_a_split_lot_gets_a_new_lot_id(built, many):
    for lot, (split,) in of_kind(many, "split")[:50]:
        before, after = (lot_ids(built.plan, lot, split.step - turn) for turn in (1, 0))
        last = lot_ids(built.plan, lot, len(built.plan.route))

        assert before == ["K1001"] * 4
        assert after == last == ["K1001", "K1001", "K1001.1", "K1001.1"]


def test_a_merged_lot_was_split_before_and_is_whole_again(built, many):
    for lot, (split, merge) in of_kind(many, "split", "merge")[:50]:
        apart = lot_ids(built.plan, lot, merge.step - 1)

        assert 1 <= split.step < merge.step < len(built.plan.route)
        assert apart == ["K1001", "K1001", "K1001.1", "K1001.1"]
        assert lot_ids(built.plan, lot, merge.step) == ["K1001"] * 4


def test_all_wafers_of_a_renumbered_lot_have_another_lot(built, many):
    for lot, (new,) in of_kind(many, "renumber")[:50]:
        assert lot_ids(built.plan, lot, new.step - 1) == ["K1001"] * 4
        assert lot_ids(built.plan, lot, new.step) == ["K1001R"] * 4


def test_history_has_each_renamed_wafer_and_its_time(built):
    events = [(lot, one) for lot in built.lots for one in renamings(built.plan, lot)]
    done = [(lot, one) for lot, one in events if lot.started[one.step].min() < NEVER]
    rows = [row for lot in built.lots for row in lot_history(built.plan, lot)]

    assert 0 < len(done) < len(events)
    assert rows == [
        (one.event, one.from_lot_id, one.to_lot_id, f"{slot:02d}", renamed_at(lot, one))
        for lot, one in done
        for slot in one.slots
    ]
    assert all(renamed_at(lot, one) == lot.started[one.step].min() for lot, one in done)
