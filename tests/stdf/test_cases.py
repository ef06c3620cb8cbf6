"""Files built after public bug reports; tests/data/cases has their sources and right values."""

from collections import Counter
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from fabyield.settings.settings import Settings
from fabyield.stdf.reader import batches, read
from fabyield.stdf.tools.name_rules import Naming
from fabyield.stdf.tools.outline import outline
from fabyield.stdf.tools.retest import PartRules
from fabyield.stdf.tools.to_parquet import Rules, to_parquet

CASES = Path(__file__).parents[1] / "data" / "cases"
FAB = Settings.load("dev").fab
NAMING = Naming(FAB.wafer_id_rules, FAB.insertion_rules, FAB.default_insertion)


@pytest.fixture
def counted(tmp_path):
    """`counted(folder, pattern, rule)`: die tested, good at first, good at last, files left out."""

    def count(folder, pattern="*.stdf", rule="touch"):
        outlines = [outline(path) for path in sorted((CASES / folder).glob(pattern))]
        done = to_parquet(outlines, tmp_path, Rules(NAMING, PartRules(rule)), batches)
        return done.tested_die, done.first_pass_die, done.final_pass_die, len(done.skipped)

    return count


@pytest.mark.parametrize("rule", ["touch", "flag"])
@pytest.mark.parametrize(
    ("folder", "expected"),
    [
        ("ft-rescreen-partid", (20, 16, 19, 0)),
        ("ft-partid-per-site", (10, 8, 8, 0)),
        ("partflg0-supersede", (10, 7, 10, 0)),
        ("engineering-run-overrides", (20, 18, 18, 1)),
        ("rtst-cod-ignored", (20, 16, 19, 0)),
        ("second-mir", (10, 9, 9, 0)),
    ],
)
def test_f07_parts_are_told_apart_as_the_tester_says(counted, folder, rule, expected):
    assert counted(folder, rule=rule) == expected


@pytest.fixture
def results(tmp_path):
    """`results(name)`: the tests of a file, and its results with their test's text."""

    def of(name):
        path = next(CASES.rglob(name))
        to_parquet([outline(path)], tmp_path, Rules(NAMING, PartRules("touch")), batches)
        tests = pq.read_table(tmp_path / "tests.parquet").to_pylist()
        values = pq.read_table(tmp_path / "test_values.parquet").to_pylist()
        read_tables = read(path)
        texts = [tests[row["test_row"]]["test_txt"] for row in values]
        assert read_tables.test_values["test_txt"].to_pylist() == texts
        assert read_tables.test_values["own_limits"].to_pylist() == [
            row["own_limits"] for row in values
        ]
        return tests, [row | {"test_txt": text} for row, text in zip(values, texts, strict=True)]

    return of


def stated(**fields):
    none = dict.fromkeys(("units", "lo_limit", "hi_limit", "res_scal", "llm_scal", "hlm_scal"))
    return none | fields


def test_limits_of_a_record_are_kept_with_its_result(results):
    (test,), rows = results("b1_pat.stdf")

    assert (test["lo_limit"], test["hi_limit"]) == (0.5, 1.5)
    assert [row["own_limits"] for row in rows[:10]] == [None] * 10
    assert {str(row["own_limits"]) for row in rows[10:]} == {
        str(stated(lo_limit=0.75, hi_limit=1.25))
    }
    outside = [not 0.75 <= row["result"] <= 1.25 for row in rows[10:]]
    assert outside == [not row["test_pass"] for row in rows[10:]]
    assert sum(outside) == 7


def test_unit_of_a_record_is_kept_with_its_result(results):
    (test,), rows = results("e9_units.stdf")

    milli = stated(units="mV", lo_limit=500.0, hi_limit=1500.0)
    assert (test["units"], test["lo_limit"], test["hi_limit"]) == ("V", 0.5, 1.5)
    assert [row["own_limits"] for row in rows] == [None, None, milli, milli]


def test_unit_beside_inherited_scale_and_limits_is_that_of_the_test(results):
    tests, rows = results("b4_opt.stdf")

    found = {test["test_txt"]: (test["lo_limit"], test["hi_limit"]) for test in tests}
    assert (found["NOLIM"], found["LOONLY"]) == ((None, None), (1.0, None))
    assert found["DEF"] == (1.0, 9.0)
    assert {row["own_limits"] for row in rows} == {None}


def test_limits_that_bound_nothing_are_none(results):
    tests, _ = results("e10_inflim.stdf")

    assert [(test["lo_limit"], test["hi_limit"]) for test in tests] == [(None, 2.0)] * 3


def test_shared_number_is_told_by_the_order_in_the_part(results):
    tests, rows = results("b2_shared.stdf")

    assert [(test["test_txt"], test["units"]) for test in tests] == [("VDD", "V"), ("IDD", "A")]
    assert [row["test_txt"] for row in rows] == ["VDD", "IDD"] * 6
    assert all(row["result"] < 0.02 for row in rows if row["test_txt"] == "IDD")


def test_blanks_around_the_text_of_a_test_are_no_other_test(results):
    (test,), rows = results("e4_blank.stdf")

    assert test["test_txt"] == "VREF"
    assert [row["result"] for row in rows] == [1.0, 2.0, 3.0, 4.0]


WHOLE = (20, 17, 17)


@pytest.mark.parametrize(
    ("pattern", "expected", "refused"),
    [
        ("b4_opt.stdf", (4, 4, 4), {}),
        ("c1_*.stdf", (80, 68, 68), {}),
        ("c2_cnover_dtr.stdf", WHOLE, {}),
        ("c2_cnover_ptr.stdf", WHOLE, {"PTR": 20}),
        ("c3_zeros_dtr.stdf", WHOLE, {None: 1}),
        ("c3_zeros_over.stdf", (12, 9, 9), {None: 1}),
        ("c4_gdr.stdf", WHOLE, {}),
        ("c6_cat.stdf", WHOLE, {None: 1}),
        ("c6_multimember.stdf.gz", WHOLE, {}),
        ("c6_trail.stdf.gz", WHOLE, {None: 1}),
        ("c7_strip7.stdf", WHOLE, {None: 1}),
        ("c9_heads.stdf", (12, 9, 9), {}),
        ("c10_sdr.stdf", (3, 3, 3), {}),
        ("c11_flags.stdf", (8, 4, 4), {}),
        ("c12_resume.stdf", (20, 19, 20), {}),
        ("c13_mpr.stdf", (3, 3, 3), {}),
        ("c_time0.stdf", WHOLE, {}),
        ("c_wrrid.stdf", WHOLE, {}),
        ("d2_probe*.stdf", (20, 16, 18), {}),
        ("d5_*.stdf", (10, 10, 10), {}),
        ("d6_nan.stdf", (8, 8, 8), {}),
        ("e1_inter.stdf", (9, 9, 9), {}),
    ],
)
def test_files_that_were_read_rightly_still_are(counted, pattern, expected, refused):
    names = [
        name
        for path in (CASES / "passed").glob(pattern)
        for name in read(path).refused["record_name"].to_pylist()
    ]

    assert counted("passed", pattern)[:3] == expected
    assert Counter(names) == refused


def test_tests_of_a_part_that_is_never_closed_are_on_no_other_die(counted):
    table = read(CASES / "passed" / "c8_noprr.stdf")

    assert counted("passed", "c8_noprr.stdf")[:3] == (5, 5, 5)
    assert table.test_values["part_num"].to_pylist() == [0, 1, 2, 3, 4]
    assert "part never closed by PRR" in table.refused["reason"].to_pylist()
