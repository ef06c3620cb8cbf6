"""One night over all files of tests/data/cases: each has its right value in the lake."""

from dataclasses import replace

import pytest

from fabsim import load_plan
from fabsim.line.history import LineRun
from fabsim.plan.final_test import Ecid, FinalTest, Numbering
from fabsim.truth import yield_row
from tests.fabsim.fabs import packages_plan, packages_tested
from tests.stdf.test_cases import CASES

WHOLE = (20, 85.0, 85.0)
YIELDS = {
    "FTRES": (20, 80.0, 95.0),
    "FTSITE": (10, 80.0, 80.0),
    "PIDRT": (10, 70.0, 100.0),
    "CORR": (20, 90.0, 90.0),
    "RTST": (20, 80.0, 95.0),
    "RESUME": (20, 95.0, 100.0),
    "REPROBE": (20, 80.0, 90.0),
    "ONECO": (5, 100.0, 100.0),
    **dict.fromkeys(("C1PIR", "C1PRR", "C1PTR", "C1WRR", "CNOVER", "CNPTR", "ZEROS"), WHOLE),
    **dict.fromkeys(("GDR", "CATA", "ASCII3", "TIME0", "WRRID"), WHOLE),
    "ZOVER": (12, 75.0, 75.0),
    "NOPRR": (5, 100.0, 100.0),
    "FLAGS": (8, 50.0, 50.0),
    "MPR": (3, 100.0, 100.0),
    "INTER": (9, 100.0, 100.0),
    "MIRA": (10, 90.0, 90.0),
}
# (lot_id, test_txt, units): (lo_limit, hi_limit, mean, cp, no_capability)
LIMITS = {
    ("INFLIM", "VX", "V"): (None, 2.0, 1.15, None, None),
    ("INFLIM", "VN", "V"): (None, 2.0, 1.15, None, None),
    ("INFLIM", "VB", "V"): (None, 2.0, 1.15, None, None),
    ("SWAPLIM", "ILOW", "A"): (None, None, -0.45, None, "low limit above high limit"),
    ("PAT", "VT", "V"): (None, None, 1.19, None, "several limits"),
    ("UNITS", "VBG", "V"): (0.5, 1.5, 1.0, None, None),
    ("UNITS", "VBG", "mV"): (500.0, 1500.0, 1000.0, None, None),
    ("SHARED", "VDD", "V"): (0.5, 1.5, 1.025, 8.909, None),
    ("SHARED", "IDD", "A"): (0.005, 0.015, 0.01025, 8.909, None),
    ("BLANK", "VREF", "V"): (0.0, 9.0, 2.5, 1.162, None),
    ("OPT", "NOLIM", "V"): (None, None, 5.0, None, None),
    ("OPT", "LOONLY", "V"): (1.0, None, 5.0, None, None),
    ("OPT", "DEF", "V"): (1.0, 9.0, 5.0, None, None),
    ("OPT", "SCAL", "A"): (0.001, 0.002, 0.0015, None, None),
    ("NANS", "VT", "V"): (0.5, 1.5, 1.2, 0.8333, None),
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


def test_lot_behind_a_second_mir_is_in_no_other_and_told(night):
    [file] = [row for row in night.rows("bronze.stdf_files") if row["lot_id"] == "MIRA"]
    alerts = [line for line in night.log().splitlines() if "ALERT" in line]

    assert "MIRB" not in {row["lot_id"] for row in night.rows("silver.wafers")}
    assert file["status"] == "incomplete"
    assert any("two_lots.stdf is incomplete: a second MIR at byte" in text for text in alerts)


def test_limits_and_units_of_records_are_kept_apart_in_capability(night):
    columns = ("lo_limit", "hi_limit", "mean", "cp", "no_capability")
    lots = {lot for lot, *_ in LIMITS}
    found = {
        (row["lot_id"], row["test_txt"], row["units"]): tuple(_short(row[name]) for name in columns)
        for row in night.rows("gold.parametric_summary")
        if row["lot_id"] in lots
    }

    assert found == LIMITS


def test_file_that_contradicts_itself_is_told(night):
    wrong = {row["lot_id"]: row["contradictions"] for row in night.rows("bronze.stdf_files")}
    alerts = [line for line in night.log().splitlines() if "ALERT" in line]

    assert {lot for lot, told in wrong.items() if told} == {"FLAGPASS"}
    assert "HBR.HBIN_PF, bin 5 is F: 0 by the tester, 4 counted" in wrong["FLAGPASS"][0]
    assert any("in 1 files the tester's own counts or bins contradict" in text for text in alerts)


def _short(value):
    return float(f"{value:.4g}") if isinstance(value, float) else value
