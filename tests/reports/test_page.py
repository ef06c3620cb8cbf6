"""The page shows the figures of its night, and text from data cannot change it."""

import os
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from datetime import date
from pathlib import Path
from xml.etree import ElementTree

import fabyield.reports
from fabyield.quality.row_counts import TableRows
from fabyield.reports.formatting import MISSING
from fabyield.reports.night_data import (
    BinCount,
    BrokenExpectation,
    Die,
    Driver,
    Evidence,
    FileCounts,
    Finding,
    ModelFigures,
    Prediction,
    StepResult,
    TopDriver,
    WaferMap,
)
from fabyield.reports.page import outcomes, page

EVIL = "<script>alert(1)</script>"
MODEL = ModelFigures("P1", True, pr_auc=0.8125, pr_auc_all_pass=0.1, pr_auc_lot_mean=0.25)


def words(html):
    """What a reader sees: the text of the page, white space folded."""
    return " ".join(re.sub(r"<style>.*?</style>|<[^>]*>", " ", html, flags=re.S).split())


def section(html, name):
    return html.split(f'<section id="{name}">')[1].split("</section>")[0]


def prediction(wafer_id, probability, actual, drivers=()):
    split = "unsorted" if actual is None else "test"
    return Prediction("L1", wafer_id, "P1", split, probability, True, actual, list(drivers))


def test_names_from_data_are_text_and_never_markup(night, wafer):
    html = page(
        night(
            lake=EVIL,
            yields=[wafer(lot_id=EVIL, wafer_id=EVIL, product_id=EVIL, insertion=EVIL)],
            bins=[BinCount(EVIL, EVIL, False, "H", 5, EVIL, 5, 100.0, 100.0)],
            maps=[WaferMap(EVIL, EVIL, EVIL, 95.0, [Die(0, 0, 5, False)])],
            broken=[BrokenExpectation(EVIL, EVIL, EVIL, EVIL, EVIL, EVIL, EVIL)],
            models=[ModelFigures(EVIL, False, EVIL)],
            predictions=[
                Prediction(EVIL, EVIL, EVIL, "test", 0.5, True, None, [Driver(EVIL, 1, 1)])
            ],
            top_drivers=[TopDriver(EVIL, EVIL, 0.5)],
            rows=[TableRows(EVIL, 1, 0, 0, 0)],
            steps=[StepResult(EVIL, "failed", 1.0), StepResult("a", EVIL, 1.0)],
        )
    )

    assert "<script" not in html
    assert html.count("&lt;script&gt;") > 25


def test_characters_that_turn_text_around_are_replaced(night):
    html = page(night(steps=[StepResult("parts\u202egpj", "done", 1.0)]))

    assert "parts\ufffdgpj" in html


def test_page_loads_nothing_and_forbids_scripts(night, wafer):
    html = page(night(yields=[wafer()]))

    assert not re.findall(r"https?:|src=|@import|url\(", html)
    assert "default-src 'none'" in html


def test_yield_of_lot_and_wafer_is_the_one_given(night, wafer):
    html = section(
        page(night(yields=[wafer(final_yield_pct=87.654, good_die=1, gross_die=3)])), "yield"
    )

    assert "L1 1 100 90.00 1.00 33.33 5 W01 87.65 W01 87.65" in words(html)
    assert "W01 100 3 1 5 90.00 87.65 79.17" in words(html)


def test_headline_counts_wafers_once_and_adds_up_quarantine(night, wafer):
    rows = [TableRows("bronze.parts", 1250, 1000, 250, 0), TableRows("bronze.x", 1000, 0, 1000, 0)]

    text = words(page(night(yields=[wafer(), wafer(insertion="CP2")], rows=rows)))

    each = "1 wafer, 100 die tested"
    assert f"Wafers sorted 1 CP1: {each} CP2: {each} Final yield" in text
    assert "Rows quarantined 1,250" in text


def test_packages_are_no_wafers_and_no_insertion_is_added_to_another(night, wafer):
    packages = wafer(lot_id="A1", wafer_id="-", insertion="FT1", tested_die=1234, is_packaged=True)

    html = page(night(yields=[wafer(), packages]))

    assert "Wafers sorted 1 CP1: 1 wafer, 100 die tested Packages tested 1,234 FT1, 1 lot" in (
        words(html)
    )
    yields = words(section(html, "yield"))
    assert "P1 FT1, packages 1 lot, 1,234 packages tested." in yields
    assert f"A1 {MISSING} 1,234 7.29" in yields
    assert "lot A1, packages: first pass" in yields


FOUND = Finding(
    finding="E1/B at etch: 20 wafers, -11.0 points at CP1 since K3.",
    excursion_id="P1 CP1 etch E1/B K3",
    product_id="P1",
    insertion="CP1",
    state="new",
    first_found_on=date(2025, 11, 21),
    lost_good_die=1234.4,
    affected_wafers=20,
    evidence=[
        Evidence("zone", "edge", 65.0, 95.0, -30.0, "%"),
        Evidence("test", "vth_01", 0.00044, 0.00042, 1.765, "V"),
        Evidence("bystander", "C1/A at cmp", 1e-9, unit="p-value"),
        Evidence("in_line_lot", "K9", 6.0, unit="wafers"),
    ],
)


def test_findings_come_first_with_their_evidence(night, wafer):
    html = page(night(findings=[FOUND], yields=[wafer()]))

    assert html.index('id="findings"') < html.index("Wafers sorted")
    shown = words(section(html, "findings"))
    assert (
        "E1/B at etch: 20 wafers, -11.0 points at CP1 since K3. new P1, 1,234 good die lost"
        in shown
    )
    assert "edge 65.0 % 95.0 % -30.00 points" in shown
    assert "vth_01 0.00044 V 0.00042 V +1.76 sigma" in shown
    assert "C1/A at cmp: shares wafers" in shown
    assert "K9 (6)" in shown


def test_night_without_a_finding_says_what_was_looked_for(night, wafer):
    quiet, empty = (
        words(section(page(night(yields=yields)), "findings")) for yields in ([wafer()], [])
    )

    assert "no tool, chamber, recipe, tester or program in common" in quiet
    assert "nothing could be found" in empty


def test_name_in_the_query_of_a_finding_cannot_end_its_text(night):
    found = replace(FOUND, excursion_id="P'1")

    shown = section(page(night(findings=[found])), "findings")
    assert "excursion_id = 'P&#39;&#39;1'" in shown


def test_hard_and_soft_bins_of_each_insertion_have_a_pareto(night):
    kinds = [("CP1", "H"), ("CP1", "S"), ("FT1", "H"), ("FT1", "S")]
    bins = [
        BinCount("P1", insertion, insertion == "FT1", kind, 5, None, 5, 100.0, 100.0)
        for insertion, kind in kinds
    ]

    html = section(page(night(bins=bins)), "bins")

    assert re.findall('aria-label="(.*?)"', html) == [
        f"{'Hard' if kind == 'H' else 'Soft'} bin Pareto of P1 {insertion}"
        for insertion, kind in kinds
    ]
    assert "P1 FT1, packages" in words(html)


def test_page_says_that_it_makes_up_for_nights_without_one(night):
    assert "Earlier nights without a page, which this one includes: 2." in page(
        night(earlier_nights=2)
    )


def test_empty_night_says_in_every_section_what_that_means(night):
    html = page(night())

    assert "No STDF file was new this night; the tables are unchanged." in html
    assert "No wafer was sorted this night." in section(html, "yield")
    assert "No wafer to map this night." in section(html, "maps")
    assert "No die failed this night." in section(html, "bins")
    assert "No expectation was checked this night." in section(html, "expectations")
    assert "No wafer was scored this night." in section(html, "predictions")
    assert "No model was trained this night." in section(html, "models")
    assert "No table was written this night." in section(html, "rows")
    assert "No step was recorded." in section(html, "steps")


def test_expectations_that_were_checked_and_met_are_not_broken(night):
    assert "No expectation was broken." in section(page(night(asked=3)), "expectations")


def test_page_of_a_night_that_stopped_says_why_and_of_when_its_figures_are(night):
    steps = [StepResult("parts", "stopped", 1.0, message="parts: no die")]

    first = page(night(steps=steps, is_whole=False))
    later = page(night(steps=steps, is_whole=False, last_whole_on=date(2025, 11, 20)))

    shown = words(later.split("<main>")[1])
    assert shown.startswith("This night did not end. What follows is as of the night of 2025-11-20")
    assert "Step parts stopped. parts: no die" in shown
    assert "the tables are unchanged" not in shown
    assert "tables may be missing" in words(first)


def test_night_with_a_new_file_is_not_called_quiet(night):
    assert "No STDF file was new" not in page(night(files=FileCounts(incomplete=1)))


def test_failed_step_and_lost_rows_come_before_any_figure(night):
    rows = [TableRows("silver.die_results", 10, 7, 1, 0)]

    top = words(page(night(steps=[StepResult("parts", "failed", 1.0)], rows=rows))).split(
        "Wafers sorted"
    )[0]

    assert "Step parts failed." in top
    assert "silver.die_results: rows unaccounted for: 2." in top


def test_model_is_next_to_both_baselines(night):
    text = words(section(page(night(models=[MODEL])), "models"))

    assert "P1 0.812 0.100 0.250" in text
    assert "no better than a baseline" not in text


def test_model_below_a_baseline_is_marked(night):
    weak = ModelFigures("P1", True, pr_auc=0.2, pr_auc_all_pass=0.1, pr_auc_lot_mean=0.25)

    assert "no better than a baseline" in page(night(models=[weak]))


def test_product_without_a_model_says_why(night):
    none = ModelFigures("P2", False, "3 low wafers in training, 20 are needed")

    assert "P2 no model 3 low wafers in training, 20 are needed" in words(
        page(night(models=[none]))
    )


def test_wafers_still_to_be_sorted_are_listed_before_the_sorted(night):
    driver = Driver("ETCH=E7/B", 1.0, 1.25)
    rows = [prediction("W1", 0.9, True), prediction("W2", 0.375, None, [driver])]

    text = words(section(page(night(predictions=rows)), "predictions"))

    assert "L1 W2 P1 37.5 % low not yet +1.25 ETCH=E7/B = 1.000" in text
    assert text.index("L1 W2") < text.index("L1 W1")


def test_training_wafers_do_not_count_as_outcomes():
    rows = [
        Prediction("L1", "W1", "P1", "test", 0.9, True, True),
        Prediction("L1", "W2", "P1", "test", 0.2, False, True),
        Prediction("L1", "W3", "P1", "test", 0.8, True, False),
        Prediction("L1", "W4", "P1", "test", 0.7, True, False),
        Prediction("L1", "W5", "P1", "train", 0.9, True, True),
    ]

    assert outcomes(rows) == {
        "caught": 1,
        "missed": 1,
        "false_alarms": 2,
        "rightly_passed": 0,
    }


def test_broken_expectation_names_its_owner_and_what_to_look_at(night):
    one = BrokenExpectation(
        "gold.spc", "yield", "warn", "mean", "column=x", "mean 78", "Look at E7."
    )

    text = words(section(page(night(broken=[one])), "expectations"))

    assert "warn gold.spc mean column=x mean 78 yield Look at E7." in text


def test_every_drawing_of_a_full_page_is_well_formed(night, wafer):
    die = [Die(0, 0, 1, True), Die(1, 0, 5, False)]
    bins = [BinCount("P1", "CP1", False, kind, 5, "a & b", 5, 100.0, 100.0) for kind in ("H", "S")]
    html = page(
        night(
            yields=[wafer(lot_id="a & <b>")],
            bins=bins,
            maps=[WaferMap("\x00", "W1", "CP1", 50.0, die)],
            top_drivers=[TopDriver("P1", "x < y", 0.5)],
        )
    )

    drawings = re.findall(r"<svg.*?</svg>", html, re.S)

    assert len([ElementTree.fromstring(drawing) for drawing in drawings]) >= 5


def test_rarer_bins_left_out_of_a_pareto_are_counted(night):
    bins = [BinCount("P1", "CP1", False, "H", n, None, 1, 5.0, 5.0 * n) for n in range(1, 21)]

    assert "5 rarer bins not shown" in page(night(bins=bins))


def test_equal_nights_make_equal_pages(night, wafer):
    assert page(night(yields=[wafer()])) == page(night(yields=[wafer()]))


def test_page_is_made_from_a_zipped_package(tmp_path):
    package = Path(fabyield.reports.__file__).parent.parent
    kept = tmp_path / "lib" / "fabyield"
    shutil.copytree(package / "reports", kept / "reports")
    (kept / "quality").mkdir()
    for needed in ("__init__.py", "errors.py", "quality/__init__.py", "quality/row_counts.py"):
        shutil.copy(package / needed, kept / needed)
    archive = shutil.make_archive(str(tmp_path / "code"), "zip", tmp_path / "lib")
    script = (
        "from datetime import date; from fabyield.reports import night_data, page\n"
        "assert '.zip' in page.__file__, page.__file__\n"
        "assert 'Night of 2025' in page.page(night_data.Night(date(2025, 1, 2), 'lake', 'page'))"
    )

    subprocess.run(
        [sys.executable, "-c", script], env=os.environ | {"PYTHONPATH": archive}, check=True
    )
