from datetime import UTC, datetime, timedelta

from fabyield.lake.catalog import PROCESS_HISTORY_AT_TEST, WAFER_RUNS, WAFER_YIELD
from fabyield.transforms.gold.commonality import (
    commonality,
    compared_wafers,
    process_visits,
    test_visits,
)
from fabyield.transforms.shared.name_rules import NO_NAME
from fabyield.transforms.shared.suspect_arms import SuspectRules

START = datetime(2026, 3, 1, tzinfo=UTC)
SORTED = {"product_id": "P1", "insertion": "CP1", "wafer_id": "W01", "final_yield_pct": 96.0}
PLACE = ["factor_kind", "process_step", "level"]


def test_chamber_of_the_low_wafers_is_the_suspect_of_its_product(rows):
    keys = range(24)
    wafers = rows(
        WAFER_YIELD,
        *(
            SORTED
            | {"wafer_key": n, "lot_id": f"K{n // 4}", "tested_at": START}
            | {"final_yield_pct": 85.0 + n / 100 if n % 3 == 1 else 96.0 + n / 100}
            for n in keys
        ),
    )
    history = rows(
        PROCESS_HISTORY_AT_TEST,
        *(
            {"wafer_key": n, "insertion": "CP1", "process_step": "etch", "started_at": START}
            | {"equipment_id": "E1", "chamber_id": "ABC"[n % 3], "recipe_id": "R1"}
            for n in keys
        ),
    )

    actual = commonality(wafers, history, rows(WAFER_RUNS), SuspectRules()).collect()

    found = {row["level"]: (row["product_id"], row["verdict"], row["low_wafers"]) for row in actual}
    assert found["E1/B"] == ("P1", "suspect", 8)
    assert found["E1/A"] == ("P1", "none", 0)


def test_last_lots_of_a_product_are_compared_without_packages(rows):
    lots = [("K1", 1), ("K2", 2), ("K3", 3)]
    named = [
        SORTED | {"wafer_key": n, "lot_id": lot, "tested_at": START + timedelta(days=n)}
        for lot, n in lots
    ]
    others = [
        {"wafer_key": 4, "lot_id": "K4", "wafer_id": NO_NAME},
        {"wafer_key": 5, "lot_id": "K5", "product_id": None},
        {"wafer_key": 6, "lot_id": "K6", "final_yield_pct": None},
    ]
    late = {"tested_at": START + timedelta(days=9)}

    actual = compared_wafers(rows(WAFER_YIELD, *named, *(SORTED | late | o for o in others)), 2)

    assert sorted(row["lot_id"] for row in actual.collect()) == ["K2", "K3"]


def test_wafer_has_a_place_for_equipment_chamber_and_recipe_that_are_known(rows):
    step = {"process_step": "etch", "equipment_id": "E1", "started_at": START}
    history = rows(
        PROCESS_HISTORY_AT_TEST,
        step | {"wafer_key": 1, "chamber_id": "B", "recipe_id": "R1"},
        step | {"wafer_key": 2, "chamber_id": None, "recipe_id": None},
        step | {"wafer_key": 3, "started_at": None},
    )

    actual = process_visits(history).select("wafer_key", *PLACE).collect()

    assert sorted(map(tuple, actual)) == [
        (1, "chamber", "etch", "E1/B"),
        (1, "equipment", "etch", "E1"),
        (1, "recipe", "etch", "R1"),
        (2, "equipment", "etch", "E1"),
    ]


def test_tester_and_program_of_a_wafer_are_those_of_its_first_run_that_is_no_retest(rows):
    run = {"wafer_key": 1, "insertion": "CP1", "test_program": "p", "test_program_rev": "07"}
    runs = rows(
        WAFER_RUNS,
        run | {"tester_id": "T1", "started_at": START + timedelta(hours=1)},
        run | {"tester_id": "T2", "started_at": START},
        run | {"tester_id": "T4", "started_at": START - timedelta(hours=1), "is_retest_file": True},
        run | {"tester_id": "T3", "started_at": START + timedelta(hours=2), "is_superseded": True},
    )

    actual = test_visits(runs).select(*PLACE).collect()

    assert sorted(map(tuple, actual)) == [("program", "CP1", "p 07"), ("tester", "CP1", "T2")]


test_visits.__test__ = False
