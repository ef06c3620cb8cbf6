from datetime import UTC, datetime
from itertools import pairwise

import pytest

from fabyield.lake.catalog import FAB_LOT_HISTORY
from fabyield.settings.settings import Settings
from fabyield.transforms.shared.name_rules import NameRules
from fabyield.transforms.silver.lot_renames import first_names, renamings

FAB = Settings.load("dev").fab
RULES = NameRules(FAB.lot_id_rules, FAB.wafer_id_rules)


def at(day):
    return datetime(2026, 3, day, tzinfo=UTC)


def event(day, before, after, wafer="02", kind="split"):
    lots = {"from_lot_id": before, "to_lot_id": after, "wafer_id": wafer}
    return {"fab_id": "F1", "event": kind, "happened_at": at(day), **lots}


@pytest.fixture
def origins(rows):
    """`origins(event, ...)`: the first lot of each renamed wafer; None where it is ambiguous."""

    def find(*events):
        found = first_names(renamings(rows(FAB_LOT_HISTORY, *events), RULES)).collect()
        return {r["lot_id"]: None if r["is_ambiguous"] else r["origin_lot_id"] for r in found}

    return find


def test_split_wafer_is_the_wafer_of_its_mother_lot(origins):
    assert origins(event(3, "A", "A.1")) == {"A.1": "A"}


def test_wafer_that_returns_to_its_lot_has_its_first_name(origins):
    assert origins(event(3, "A", "A.1"), event(5, "A.1", "A", kind="merge")) == {"A.1": "A"}


def test_wafer_is_traced_through_many_names_to_its_first(origins):
    names = [f"L{n:02d}" for n in range(20)]
    steps = [event(1 + n, *pair) for n, pair in enumerate(pairwise(names))]

    assert origins(*steps) == dict.fromkeys(names[1:], "L00")


def test_names_given_at_the_same_time_are_traced_too(origins):
    assert origins(event(3, "A", "B"), event(3, "B", "C")) == {"B": "A", "C": "A"}


def test_names_exchanged_at_the_same_time_are_ambiguous(origins):
    assert origins(event(3, "A", "B"), event(3, "B", "A")) == {"A": None, "B": None}


def test_only_the_name_given_to_wafers_of_two_lots_is_ambiguous(origins):
    two = event(3, "A", "C", kind="merge"), event(4, "B", "C", kind="merge")

    assert origins(*two, event(5, "D", "D.1")) == {"C": None, "D.1": "D"}


def test_names_that_come_from_an_ambiguous_name_are_ambiguous(origins):
    two = event(3, "A", "C", kind="merge"), event(4, "B", "C", kind="merge")

    assert origins(*two, event(5, "C", "C.1"), event(6, "C.1", "C.2")) == dict.fromkeys(
        ("C", "C.1", "C.2")
    )


def test_name_given_to_a_wafer_of_an_ambiguous_name_is_ambiguous(origins):
    two = event(3, "A", "C", kind="merge"), event(4, "B", "C", kind="merge")

    back = origins(*two, event(5, "C", "A"), event(6, "C", "B"))
    on = origins(event(2, "A", "D"), event(3, "D", "C"), event(4, "B", "C"), event(5, "C", "D"))

    assert back == dict.fromkeys("ABC")
    assert on == dict.fromkeys("CD")


def test_name_given_to_another_wafer_once_its_first_has_left_is_ambiguous(origins):
    left, taken = event(3, "A", "A.1"), event(6, "C", "A", kind="merge")
    back = event(5, "A.1", "A", kind="merge")

    assert origins(left, taken) == {"A": None, "A.1": None}
    assert origins(left, back, taken, event(7, "D", "D.1")) == {"A": None, "A.1": None, "D.1": "D"}
    assert origins(left, taken, event(8, "A", "A.2")) == dict.fromkeys(("A", "A.1", "A.2"))


def test_wafer_that_reaches_a_lot_in_two_ways_is_one_wafer(origins):
    away = event(3, "A", "A.1"), event(4, "A.1", "A.2")

    assert origins(*away, event(5, "A.1", "A.2")) == {"A.1": "A", "A.2": "A"}


def test_wafers_of_other_numbers_and_fabs_are_other_wafers(origins, rows):
    elsewhere = event(3, "A", "A.1") | {"fab_id": "F2"}
    events = rows(FAB_LOT_HISTORY, event(3, "A", "A.1", "3"), event(4, "B", "A.1", "4"), elsewhere)

    found = first_names(renamings(events, RULES)).collect()

    told = {(r["fab_id"], r["wafer_id"], r["origin_lot_id"], r["is_ambiguous"]) for r in found}
    assert told == {("F1", "03", "A", False), ("F1", "04", "B", False), ("F2", "02", "A", False)}


def test_names_are_canonical_with_either_lot_as_the_prefix(rows):
    spelt = [event(3, " a", "a.1", f"{lot}-w2") for lot in ("A", "A.1")]

    found = renamings(rows(FAB_LOT_HISTORY, *spelt), RULES).distinct().collect()

    assert [tuple(row)[:5] for row in found] == [("F1", "A.1", "02", "A", "split")]


def test_event_that_renames_nothing_is_dropped(rows):
    assert renamings(rows(FAB_LOT_HISTORY, event(3, "A", " a")), RULES).isEmpty()
