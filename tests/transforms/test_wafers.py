from datetime import UTC, datetime

from fabyield.settings import Settings
from fabyield.tables import (
    FAB_LOTS,
    FAB_PRODUCTS,
    FAB_WAFERS,
    STDF_FILES,
    STDF_WAFERS,
    WAFER_REGISTRY,
)
from fabyield.transforms import wafers as of_testers
from fabyield.transforms.wafers import canonical_wafers, sighted, wafers

RULES = Settings.load("dev").fab.wafer_id_rules
KEY = {"fab_id": "F1", "lot_id": "A", "wafer_id": "02", "wafer_key": 5}
PLACE = {"fab_id": "F1", "lot_id": "A", "wafer_id": "02"}
KNOWN = ["wafer_key", "product_id", "gross_die", "slot", "is_known"]


def test_wafer_takes_product_and_die_sites_from_its_lot(rows):
    actual = wafers(
        rows(WAFER_REGISTRY, KEY),
        rows(FAB_WAFERS, PLACE | {"slot": 2}),
        rows(FAB_LOTS, {"fab_id": "F1", "lot_id": " a", "product_id": "M16G"}),
        rows(FAB_PRODUCTS, {"fab_id": "F1", "product_id": "M16G", "gross_die": 519}),
    )

    assert actual.select(KNOWN).collect() == [(5, "M16G", 519, 2, True)]


def test_wafer_that_only_a_tester_saw_is_kept_as_unknown(rows):
    actual = wafers(rows(WAFER_REGISTRY, KEY), rows(FAB_WAFERS), rows(FAB_LOTS), rows(FAB_PRODUCTS))

    assert actual.select(KNOWN).collect() == [(5, None, None, None, False)]


def test_wafer_spelt_twice_by_the_database_is_one_with_its_first_start(rows):
    early, late = datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 3, 9, tzinfo=UTC)
    twice = [{"wafer_id": "W02", "started_at": late}, {"wafer_id": "2", "started_at": early}]
    fab_wafers = canonical_wafers(rows(FAB_WAFERS, *(PLACE | each for each in twice)), RULES)

    actual = wafers(rows(WAFER_REGISTRY, KEY), fab_wafers, rows(FAB_LOTS), rows(FAB_PRODUCTS))

    assert actual.select("wafer_key", "started_at").collect() == [(5, early.replace(tzinfo=None))]


def test_product_of_another_fab_gives_no_die_sites(rows):
    actual = wafers(
        rows(WAFER_REGISTRY, KEY),
        rows(FAB_WAFERS, PLACE),
        rows(FAB_LOTS, {"fab_id": "F1", "lot_id": "A", "product_id": "M16G"}),
        rows(FAB_PRODUCTS, {"fab_id": "F2", "product_id": "M16G", "gross_die": 519}),
    )

    assert actual.select("product_id", "gross_die").collect() == [("M16G", None)]


def test_tested_wafers_are_sighted_in_the_lot_that_their_file_names(rows):
    runs = rows(STDF_WAFERS, {"fab_id": "F1", "file_key": 1, "wafer_id": "w02 "})
    files = rows(STDF_FILES, {"file_key": 1, "lot_id": "a "}, {"file_key": 2, "lot_id": "B"})

    assert sighted(of_testers.tested(runs, files), RULES).collect() == [("F1", "A", "02")]
