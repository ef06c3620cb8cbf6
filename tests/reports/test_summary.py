from dataclasses import replace
from datetime import date

from fabyield.quality.row_counts import TableRows
from fabyield.reports.formatting import MISSING
from fabyield.reports.night_data import (
    BinCount,
    BrokenExpectation,
    FileCounts,
    ModelFigures,
    Prediction,
    StepResult,
    Unmatched,
)
from fabyield.reports.summary import summary

LONG = "a very long name of something in the fab that nobody should ever have chosen, but did " * 3


def test_files_and_rows_are_counted_with_separators(night):
    rows = [TableRows("bronze.parts", 1234567, 1234000, 560, 7)]

    text = summary(night(files=FileCounts(1024, 2, 3, 4), rows=rows))

    assert "STDF files: 1,024 read, 2 duplicate, 3 incomplete, 4 broken\n" in text
    assert "  bronze.parts  1,234,567  1,234,000          560           7\n" in text


def test_tests_of_unknown_wafers_are_reported_if_there_are_any(night):
    shares = [
        Unmatched("unmatched_touchdowns_ratio", 1234, 50000, 0.02468),
        Unmatched("unmatched_wafers_ratio", 0, 25, 0.0),
    ]

    text = summary(night(unmatched=shares))

    assert "Unknown to the factory database: 1,234 of 50,000 touch-downs (2.47 %)\n" in text
    assert "Unknown to the factory" not in summary(night(unmatched=shares[1:]))


def test_wafers_are_counted_once_and_apart_from_packages_and_insertions_apart(night, wafer):
    packages = wafer(lot_id="A1", wafer_id="-", insertion="FT1", tested_die=1234, is_packaged=True)
    rows = [wafer(), wafer(wafer_id="W02"), wafer(insertion="CP2"), packages]

    lines = summary(night(yields=rows)).splitlines()

    top = lines.index("Wafers sorted: 2")
    assert [line.split() for line in lines[top + 2 : top + 7]] == [
        ["CP1", "1", "2", "200"],
        ["CP2", "1", "1", "100"],
        ["Packages", "tested"],
        ["Ins.", "Lots", "Tested", "packages"],
        ["FT1", "1", "1,234"],
    ]
    [lot] = [line.split() for line in lines if line.startswith("  A1 ")]
    assert [lot[3], *lot[-2:]] == [MISSING] * 3, "neither wafers nor a lowest and highest one"
    listed = lines[lines.index("Wafers") + 2 :]
    assert [line.split()[1] for line in listed[: listed.index("")]] == ["W01", "W02", "W01"]


def test_worst_wafers_of_many_are_listed_by_insertion(night, wafer):
    rows = [wafer(wafer_id=f"W{n}", insertion=name) for n in range(20) for name in ("CP1", "CP2")]

    text = summary(night(yields=rows))

    assert all(f"Worst 10 of 20 wafers at {name}\n" in text for name in ("CP1", "CP2"))


def test_nights_without_a_page_that_are_included_are_counted(night):
    assert "Earlier nights without a page, which are included: 2" in summary(
        night(earlier_nights=2)
    )


def test_few_wafers_are_listed_one_by_one(night, wafer):
    rows = [wafer(), wafer(wafer_id="W02", first_pass_yield_pct=87.654, final_yield_pct=88.0)]

    lines = summary(night(yields=rows)).splitlines()

    assert "  L1   P1       CP1        2     90.00 %  95.00 %   W02 88.00 %    W01 95.00 %" in lines
    assert "Wafers" in lines
    assert "  L1   W02    P1       CP1          100     87.65 %  88.00 %" in lines


def test_only_the_worst_ten_of_many_wafers_are_listed(night, wafer):
    rows = [wafer(wafer_id=f"W{n:02d}", final_yield_pct=50.0 + n) for n in range(31)]

    text = summary(night(yields=rows))

    listed = text.split("Worst 10 of 31 wafers at CP1\n")[1].split("\n\n")[0].splitlines()[1:]
    assert [line.split()[1] for line in listed] == [f"W{n:02d}" for n in range(10)]


def test_worst_bins_are_the_first_three_of_each_kind_at_each_insertion(night):
    bins = [BinCount("P1", "CP1", False, "H", n, "leak", 1000, 12.345, 50.0) for n in range(1, 8)]

    lines = summary(night(bins=bins)).splitlines()

    assert "  P1       CP1   hard 1  leak  1,000               12.35 %" in lines
    assert sum(line.startswith("  P1 ") for line in lines) == 3
    kinds = [replace(one, bin_kind="S") for one in bins] + [replace(bins[0], insertion="CP2")]
    lines = summary(night(bins=bins + kinds)).splitlines()
    assert sum(line.startswith("  P1 ") for line in lines) == 3 + 3 + 1


def test_broken_expectations_name_owner_and_advice(night):
    one = BrokenExpectation("gold.spc", "yield", "error", "between", "x", "mean 78", "Look at E7.")

    text = summary(night(broken=[one]))

    assert "Expectations broken: 1\n" in text
    assert "  ERROR gold.spc (yield): between x; observed mean 78. Look at E7.\n" in text


def test_model_figures_are_next_to_their_baselines(night):
    model = ModelFigures("P1", True, pr_auc=0.8125, pr_auc_all_pass=0.1, pr_auc_lot_mean=0.25)

    text = summary(night(models=[model]))

    assert "  PR-AUC 0.812 (all-pass 0.100, lot mean 0.250)" in text
    assert "NO BETTER" not in text


def test_product_without_a_model_says_why(night):
    text = summary(night(models=[ModelFigures("P2", False, "3 low wafers, 20 are needed")]))

    assert "P2: no model: 3 low wafers, 20 are needed\n" in text


def test_only_wafers_not_yet_sorted_are_counted_as_predictions(night):
    rows = [
        Prediction("L1", "W1", "P1", "unsorted", 0.9, True),
        Prediction("L1", "W2", "P1", "unsorted", 0.1, False),
        Prediction("L1", "W3", "P1", "test", 0.9, True, True),
    ]

    assert "Low yield predicted for 1 of 2 wafers not yet sorted." in summary(
        night(predictions=rows)
    )


def test_empty_night_says_that_the_tables_are_unchanged(night):
    text = summary(night())

    assert "No STDF file was new this night; the tables are unchanged.\n" in text
    assert "Yield: no wafer was sorted this night.\n" in text
    assert "No expectation was checked this night.\n" in text


def test_summary_of_a_night_that_stopped_says_so_first_and_of_when_its_figures_are(night):
    steps = [StepResult("parts", "stopped", 1.0, message="no die")]

    lines = summary(
        night(steps=steps, is_whole=False, last_whole_on=date(2025, 11, 20))
    ).splitlines()

    assert lines[1] == "THIS NIGHT DID NOT END: the figures below are as of the night of 2025-11-20"
    assert lines[2] == "STOPPED: step parts; no die"


def test_failed_step_and_lost_rows_come_first(night):
    rows = [TableRows("gold.spc", 10, 7, 1, 0)]

    lines = summary(night(steps=[StepResult("parts", "failed", 1.0)], rows=rows)).splitlines()

    assert lines[1].startswith("FAILED: step parts;")
    assert lines[2] == (
        "UNACCOUNTED: gold.spc: rows in differ from rows out + quarantined + duplicates by 2"
    )


def test_summary_ends_with_where_tables_and_page_are(night):
    assert summary(night()).endswith("\n\nLake  /data/lake\nPage  /data/report.html\n")


def test_no_line_is_longer_than_a_hundred_columns(night, wafer):
    text = summary(
        night(
            rows=[TableRows(LONG, 10**12, 10**12, 0, 0)],
            yields=[wafer(lot_id=LONG, wafer_id="W01", product_id=LONG, insertion=LONG)],
            bins=[BinCount(LONG, LONG, False, "H", 5, LONG, 5, 100.0, 100.0)],
            broken=[BrokenExpectation(LONG, LONG, "warn", LONG, LONG, LONG, LONG)],
            models=[ModelFigures(LONG, False, LONG), ModelFigures(LONG, True)],
        )
    )

    assert max(len(line) for line in text.splitlines()) <= 100


def test_names_cannot_steer_the_terminal_or_forge_a_line(night, wafer):
    forged = "L1\x1b[2K\nNo expectation was broken."

    text = summary(night(yields=[wafer(lot_id=forged)], lake=forged, asked=1))

    assert "\x1b" not in text
    assert text.splitlines().count("No expectation was broken.") == 1
