"""One night over all files of tests/data/cases: each has its right value in the lake."""

from dataclasses import replace

import pytest

from fabsim import load_plan
from fabsim.line.history import LineRun
from fabsim.plan.final_test import Ecid, FinalTest, Numbering
from fabsim.truth import yield_row
from tests.fabsim.fabs import packages_plan, packages_tested
from tests.stdf.test_cases import CASES

YIELDS = {
    "FTRES": (20, 80.0, 95.0),
    "FTSITE": (10, 80.0, 80.0),
    "PIDRT": (10, 70.0, 100.0),
    "CORR": (20, 90.0, 90.0),
    "RTST": (20, 80.0, 95.0),
    "RESUME": (20, 95.0, 100.0),
    "REPROBE": (20, 80.0, 90.0),
    "ONECO": (5, 100.0, 100.0),
}


# Lots of packages by the name of their assembly lots, and the habits by which they were tested.
FLOORS = {
    "FLOOR": load_plan(scenario="test_floor").final_test,
    "KEPT": FinalTest(testers=2, rescreens=1, ecid=Ecid.NONE),
    "ECID": FinalTest(
        rescreens=2,
        rescreen_numbering=Numbering.ANEW,
        sites_number_alone=True,
        engineering_runs=("E",),
    ),
}


@pytest.fixture(scope="module")
def lots(tmp_path_factory):
    """The files of a simulated lot for each of FLOORS, and the session that has its truth."""
    plan, found = packages_plan(), {}
    built = LineRun.until(plan, 1)
    for name, habits in FLOORS.items():
        line = replace(plan.line, assembly_lot_id=name + "{number}")
        own = replace(built, plan=replace(plan, line=line, final_test=habits))
        found |= {name: packages_tested(own, tmp_path_factory.mktemp(name))}
    return found


@pytest.fixture(scope="module")
def night(new_fab, lots):
    """The lake after one night over all cases, with those that cannot be read, and all `lots`."""
    fab = new_fab(files=False)
    files = [path for path in CASES.rglob("*") if path.suffix in (".stdf", ".gz", ".zip")]
    fab.deliver(*files, *(path for files in lots.values() for path in files))
    fab.night()
    return fab


def test_f07_every_case_has_its_right_yields(night):
    found = {
        row["lot_id"]: (row["tested_die"], row["first_pass_yield_pct"], row["final_yield_pct"])
        for row in night.rows("gold.wafer_yield")
        if row["lot_id"] in YIELDS
    }

    assert found == YIELDS


def test_simulated_final_test_has_its_true_yields_whatever_its_habits(night, lots):
    truth = [yield_row(next(iter(files.values()))) for files in lots.values()]
    names = ("tested_die", "first_pass_die", "good_die", "recovered_die")

    found = {row["lot_id"]: [row[name] for name in names] for row in night.rows("gold.wafer_yield")}

    expected = {row["spelt_lot_id"]: [row[name] for name in names] for row in truth}
    assert len(expected) == len(FLOORS)
    assert {lot: found.get(lot) for lot in expected} == expected


def test_how_each_part_was_identified_is_stored(night):
    keys = {row["wafer_key"]: row["lot_id"] for row in night.rows("silver.wafers")}
    found = {
        (keys[row["wafer_key"]], row["identified_by"]) for row in night.rows("silver.die_results")
    }

    assert {how for lot, how in found if lot == "FTRES"} == {"part_id", "rescreen_count"}
    assert {how for lot, how in found if lot == "FTSITE"} == {"part_id_and_site"}
    assert {how for lot, how in found if lot == "PIDRT"} == {"coordinates", "part_id_flag"}
    assert {how for lot, how in found if lot == "FLOOR1001"} == {
        "part_id_and_site",
        "rescreen_count",
    }
    assert {how for lot, how in found if lot == "ECID1001"} == {"origin"}


def test_die_without_one_coordinate_is_left_off_the_map(night):
    assert "ONECO" in (night.root / "report.html").read_text()
