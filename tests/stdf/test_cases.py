"""Files built after public bug reports; tests/data/cases has their sources and right values."""

from pathlib import Path

import pytest

from fabyield.settings.settings import Settings
from fabyield.stdf.reader import batches
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


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("c12_resume.stdf", (20, 19, 20, 0)),
        ("d2_probe*.stdf", (20, 16, 18, 0)),
        ("c11_flags.stdf", (8, None, None, 0)),
        ("c3_zeros_over.stdf", (12, None, None, 0)),
    ],
)
def test_files_that_were_read_rightly_still_are(counted, pattern, expected):
    found = counted("passed", pattern)

    assert [value for value, right in zip(found, expected, strict=True) if right is not None] == [
        right for right in expected if right is not None
    ]
