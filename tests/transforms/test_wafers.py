from datetime import UTC, datetime

import pytest

from fabyield.lake.catalog import (
    FAB_LOTS,
    FAB_PRODUCTS,
    FAB_WAFERS,
    STDF_FILES,
    STDF_WAFERS,
    WAFER_NAMES,
)
from fabyield.settings.settings import Settings
from fabyield.transforms.shared.name_rules import NameRules, canonical_names
from fabyield.transforms.silver import wafers as transform
from tests.frames import of_tuples

FAB = Settings.load("dev").fab
RULES = NameRules(FAB.lot_id_rules, FAB.wafer_id_rules)
PLACE = {"fab_id": "F1", "lot_id": "A", "wafer_id": "02"}
CHILD = PLACE | {"lot_id": "A.1"}
NAME = {"wafer_key": 5, "name_key": 5}
KNOWN = ["wafer_key", "product_id", "gross_die", "slot", "is_known"]
EVENT = "fab_id string, lot_id string, wafer_id string, from_lot_id string, renamed_at timestamp"
DAY = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture
def wafers(rows, spark):
    """`wafers(fab_wafers=, lots=, products=, events=)`: wafer 5, called A/02, then A.1/02."""

    def build(fab_wafers=(), lots=(), products=(), events=()):
        names = rows(WAFER_NAMES, PLACE | NAME, CHILD | NAME | {"name_key": 6})
        known = canonical_names(rows(FAB_WAFERS, *fab_wafers), RULES)
        lots = transform.canonical_lots(rows(FAB_LOTS, *lots), RULES)
        renamings = of_tuples(spark, list(events), EVENT)
        return transform.wafers(names, renamings, known, lots, rows(FAB_PRODUCTS, *products))

    return build


def lot(lot_id, product_id="M16G"):
    return {"fab_id": "F1", "lot_id": lot_id, "product_id": product_id}


def product(product_id="M16G", fab_id="F1"):
    return {"fab_id": fab_id, "product_id": product_id, "gross_die": 519}


def test_wafer_has_product_and_die_sites_of_its_lot(wafers):
    actual = wafers([PLACE | {"slot": 2}], [lot(" a")], [product()])

    assert actual.select(KNOWN).collect() == [(5, "M16G", 519, 2, True)]


def test_wafer_that_only_a_tester_saw_is_kept_as_unknown(wafers):
    assert wafers().select(KNOWN).collect() == [(5, None, None, None, False)]


def test_wafer_with_two_spellings_is_one_with_the_first_start(wafers):
    late = datetime(2026, 3, 9, tzinfo=UTC)
    twice = [{"wafer_id": "W02", "started_at": late}, {"wafer_id": "2", "started_at": DAY}]

    actual = wafers([PLACE | each for each in twice])

    assert actual.select("wafer_key", "started_at").collect() == [(5, DAY.replace(tzinfo=None))]


def test_product_of_another_fab_gives_no_die_sites(wafers):
    actual = wafers([PLACE], [lot("A")], [product(fab_id="F2")])

    assert actual.select("product_id", "gross_die").collect() == [("M16G", None)]


def test_split_wafer_has_its_first_lot_and_the_product_of_its_current_one(wafers):
    split = ("F1", "A.1", "02", "A", DAY)

    actual = wafers([CHILD], [lot("A"), lot("A.1", "M16G-LP")], [product("M16G-LP")], [split])

    told = actual.select("wafer_key", "lot_id", "current_lot_id", "product_id", "is_known")
    assert told.collect() == [(5, "A", "A.1", "M16G-LP", True)]


def test_wafer_in_a_lot_without_a_product_has_that_of_its_first_lot(wafers):
    split = ("F1", "A.1", "02", "A", DAY)

    assert wafers([], [lot("A")], [], [split]).select("product_id").collect() == [("M16G",)]


def test_current_lot_is_the_last_one_that_a_wafer_moved_to(wafers):
    back = ("F1", "A", "02", "A.1", DAY.replace(day=5))

    actual = wafers(events=[back, ("F1", "A.1", "02", "A", DAY)])

    assert actual.select("current_lot_id").collect() == [("A",)]


def test_of_moves_at_the_same_time_the_current_lot_is_the_one_none_leaves(wafers):
    on = [("F1", lot, "02", before, DAY) for lot, before in (("A.1", "B"), ("A", "A.1"))]

    for events in (on, on[::-1]):
        assert wafers(events=events).select("current_lot_id").collect() == [("A",)]


def test_ring_of_moves_at_the_same_time_always_gives_the_same_lot(wafers):
    ring = [("F1", lot, "02", before, DAY) for lot, before in (("A.1", "A"), ("A", "A.1"))]

    for events in (ring, ring[::-1]):
        assert wafers(events=events).select("current_lot_id").collect() == [("A.1",)]


def test_tested_wafers_have_the_lot_of_their_file(rows):
    runs = rows(STDF_WAFERS, {"fab_id": "F1", "file_key": 1, "wafer_id": "w02 "})
    files = rows(STDF_FILES, {"file_key": 1, "lot_id": "a "}, {"file_key": 2, "lot_id": "B"})

    seen = transform.names_in(transform.with_lot(runs, files), RULES)

    assert seen.collect() == [("F1", "A", "02")]


def test_both_names_of_a_renaming_are_found(spark):
    events = of_tuples(spark, [("F1", "A.1", "02", "A", DAY)], EVENT)

    assert sorted(transform.both_names(events).collect()) == [
        ("F1", "A", "02"),
        ("F1", "A.1", "02"),
    ]
