from datetime import UTC, datetime, timedelta

import pytest

from fabyield.lake.catalog import (
    BIN_PARETO,
    PARAMETRIC_SUMMARY,
    PROCESS_HISTORY,
    PROCESS_HISTORY_AT_TEST,
    WAFER_YIELD,
    WAFERS,
    ZONE_YIELD,
)
from fabyield.lake.few_rows import few_rows
from fabyield.transforms.gold.commonality import process_visits
from fabyield.transforms.gold.excursion_evidence import (
    SUSPECTED,
    counted_evidence,
    excursion_wafers,
    in_line_wafers,
)

START = datetime(2026, 3, 1, tzinfo=UTC)
SUSPECT = {
    **{"excursion_id": "x", "suspect_rank": 1, "fab_id": "FAB1", "product_id": "P1"},
    **{"insertion": "CP1", "factor_kind": "chamber", "process_step": "etch", "level": "E1/B"},
    **{"since_at": START, "until_at": START + timedelta(days=2), "ended_at": None},
}


@pytest.fixture
def suspects(spark):
    return lambda *changes: few_rows(spark, [SUSPECT | one for one in changes or [{}]], SUSPECTED)


def visit(wafer_key, chamber, day, **more):
    place = {"process_step": "etch", "equipment_id": "E1", "chamber_id": chamber}
    return {"wafer_key": wafer_key, "started_at": START + timedelta(days=day), **place, **more}


def sorted_wafer(wafer_key, **more):
    die = {"tested_die": 100, "good_die": 90}
    return {"wafer_key": wafer_key, "product_id": "P1", "insertion": "CP1", **die, **more}


def test_wafers_that_went_through_the_suspect_in_its_time_are_affected(rows, suspects):
    history = [visit(1, "B", 1), visit(2, "A", 1), visit(3, "B", -1), visit(4, "B", 3)]
    visits = rows(PROCESS_HISTORY_AT_TEST, *({**one, "insertion": "CP1"} for one in history))
    wafers = rows(WAFER_YIELD, *(sorted_wafer(key) for key in (1, 2, 3, 4)))

    actual = excursion_wafers(wafers, process_visits(visits), suspects()).collect()

    found = {row["wafer_key"]: row["excursion_id"] for row in actual}
    assert found == {1: "x", 2: None, 3: None, 4: None}


def test_wafer_of_two_excursions_counts_for_the_stronger(rows, suspects):
    visits = rows(PROCESS_HISTORY_AT_TEST, {**visit(1, "B", 1), "insertion": "CP1"})
    weaker = {"excursion_id": "a", "suspect_rank": 2, "factor_kind": "equipment", "level": "E1"}

    actual = excursion_wafers(
        rows(WAFER_YIELD, sorted_wafer(1)), process_visits(visits), suspects({}, weaker)
    )

    assert [row["excursion_id"] for row in actual.collect()] == ["x"]


@pytest.mark.parametrize(("ended_at", "lots"), [(None, ["K1", "K2"]), (START, [])])
def test_untested_wafers_that_went_through_the_suspect_are_in_line(rows, suspects, ended_at, lots):
    history = [visit(1, "B", 1), visit(2, "B", 9), visit(3, "B", 1), visit(4, "A", 1)]
    visits = process_visits(rows(PROCESS_HISTORY, *history), "fab_id", "wafer_key")
    names = ({"wafer_key": n, "current_lot_id": f"K{n}", "product_id": "P1"} for n in (1, 2, 3, 4))
    tested = rows(WAFER_YIELD, sorted_wafer(3), sorted_wafer(1, insertion="CP2"))

    actual = in_line_wafers(
        visits, suspects({"ended_at": ended_at}), rows(WAFERS, *names), tested
    ).collect()

    assert sorted(row["lot_id"] for row in actual) == lots


def test_die_zones_bins_tests_and_lots_are_counted_for_affected_and_other_wafers(rows):
    arms = rows(WAFER_YIELD, sorted_wafer(1, lot_id="K1"), sorted_wafer(2, lot_id="K2"))
    arms = arms.selectExpr("*", "if(wafer_key = 1, 'x', null) as excursion_id")
    at = [{"wafer_key": key, "insertion": "CP1", "product_id": "P1"} for key in (1, 2)]
    zone = {"zone": "edge", "tested_die": 9, "good_die": 5}
    zones = rows(ZONE_YIELD, *(one | zone for one in at))
    bins = rows(
        BIN_PARETO,
        *(one | {"bin_kind": "H", "bin_num": 3, "bin_nam": "vth", "die": 7} for one in at),
        at[0] | {"bin_kind": "H", "bin_num": 1, "die": 90, "is_pass": True},
    )
    figures = {"mean": 0.4, "sigma": 0.1, "units": "V", "test_num": 7, "test_txt": ""}
    tests = rows(PARAMETRIC_SUMMARY, *(one | figures for one in at))

    actual = counted_evidence(arms, zones, bins, tests).collect()

    found = {(r["excursion_id"], r["kind"], r["subject"]): r for r in actual}
    mine = {
        kind: (subject, r["wafers"], r["amount"], r["total"])
        for (excursion, kind, subject), r in found.items()
        if excursion
    }
    assert mine == {
        "die": ("", 1, 90, 100),
        "zone": ("edge", 1, 5, 9),
        "hard_bin": ("3 vth", 1, 7, None),
        "test": ("7", 1, None, None),
        "affected_lot": ("K1", 1, None, None),
    }
    test = found[None, "test", "7"]
    assert (test["mean"], test["sigma"], test["unit"], test["spread"]) == (0.4, 0.1, "V", None)
