"""One night over all files of tests/data/cases: each has its right value in the lake."""

import pytest

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


@pytest.fixture(scope="module")
def night(new_fab):
    """The lake after one night over all cases, with those that cannot be read."""
    fab = new_fab(files=False)
    files = [path for path in CASES.rglob("*") if path.suffix in (".stdf", ".gz", ".zip")]
    fab.deliver(*files)
    fab.night()
    return fab


def test_f07_every_case_has_its_right_yields(night):
    found = {
        row["lot_id"]: (row["tested_die"], row["first_pass_yield_pct"], row["final_yield_pct"])
        for row in night.rows("gold.wafer_yield")
        if row["lot_id"] in YIELDS
    }

    assert found == YIELDS


def test_how_each_part_was_identified_is_stored(night):
    keys = {row["wafer_key"]: row["lot_id"] for row in night.rows("silver.wafers")}
    found = {
        (keys[row["wafer_key"]], row["identified_by"]) for row in night.rows("silver.die_results")
    }

    assert {how for lot, how in found if lot == "FTRES"} == {"part_id", "rescreen_count"}
    assert {how for lot, how in found if lot == "FTSITE"} == {"part_id_and_site"}
    assert {how for lot, how in found if lot == "PIDRT"} == {"coordinates", "part_id_flag"}


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
