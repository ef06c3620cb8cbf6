"""What is read of the lake for a page: the wafers since the last one, bins and packages apart."""

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from fabyield.jobs.nightly import show_unfinished

from fabyield.lake.catalog import (
    BIN_PARETO,
    EXCURSION,
    EXCURSION_EVIDENCE,
    STDF_FILES,
    WAFER_YIELD,
)
from fabyield.pipeline.run_history import NIGHT, REPORT, Attempt, RunHistory, State
from fabyield.reports.read_night import read_night
from tests.conftest import FAB

CP1, CP2, FT1 = ({"insertion": name, "product_id": "P1"} for name in ("CP1", "CP2", "FT1"))


@pytest.fixture
def nights(run, rows):
    """`nights(7)` reads the page of night 7; wafers 1 and 2 changed in night 1, 3 in night 2."""
    yields = [
        CP1 | {"wafer_key": 1, "wafer_id": "01", "batch": 1, "final_yield_pct": 90.0},
        CP2 | {"wafer_key": 1, "wafer_id": "01", "batch": 1, "final_yield_pct": 90.0},
        FT1 | {"wafer_key": 2, "wafer_id": "-", "batch": 1, "final_yield_pct": 10.0},
        CP1 | {"wafer_key": 3, "wafer_id": "03", "batch": 2, "final_yield_pct": 90.0},
    ]
    bins = [
        place | {"wafer_key": key, "wafer_id": wafer, "bin_kind": kind, "bin_num": 5, "die": die}
        for place, key, wafer, die in ((CP1, 1, "01", 4), (CP2, 1, "01", 2), (FT1, 2, "-", 1))
        for kind in "HS"
    ]
    files = [{"file_key": n, "status": "complete", "batch": n} for n in (1, 2)]
    tables = ((WAFER_YIELD, yields), (BIN_PARETO, bins), (STDF_FILES, files))
    for table, records in tables:
        run.store.append(table, rows(table, *records), 1)

    def read(batch, pages=(), nights=()):
        history = RunHistory(run.store, FAB)
        for number in nights:
            history.record(Attempt(number, NIGHT), State.INCOMPLETE)
            state = State.DONE if number in pages else State.FAILED
            history.record(Attempt(number, REPORT), state)
        return read_night(replace(run, attempt=Attempt(batch, REPORT)))

    return read


def test_bins_are_of_one_insertion_hard_and_soft_and_packages_are_no_wafers(nights):
    night = nights(1, nights=[1])

    assert [(one.insertion, one.is_packaged) for one in night.yields] == [
        ("CP1", False),
        ("CP2", False),
        ("FT1", True),
    ]
    assert night.wafers == 1
    assert [(b.insertion, b.is_packaged, b.bin_kind, b.die, b.share_pct) for b in night.bins] == [
        (*place, kind, die, 100.0)
        for place, die in ((("CP1", False), 4), (("CP2", False), 2), (("FT1", True), 1))
        for kind in "HS"
    ]
    assert [wafer.insertion for wafer in night.maps] == ["CP1", "CP2"], "packages have no map"


def test_page_includes_the_nights_since_the_last_page_and_no_others(nights):
    made = nights(2, nights=[1, 2], pages=[1])
    assert ([one.wafer_id for one in made.yields], made.files.read) == (["03"], 1)
    assert made.earlier_nights == 0

    # Night 3 brings nothing, and 2 had no page.
    missed = nights(3, nights=[3])
    assert ([one.wafer_id for one in missed.yields], missed.files.read) == (["03"], 1)
    assert missed.earlier_nights == 1


def test_first_page_includes_all_nights_that_failed_before_it(nights):
    night = nights(3, nights=[1, 2, 3])

    assert ([one.wafer_id for one in night.yields], night.files.read) == (
        ["01", "01", "03", "-"],
        2,
    )
    assert night.earlier_nights == 2


def test_open_findings_and_those_that_ended_tonight_come_with_most_lost_die_first(
    nights, run, rows
):
    found = [
        {"excursion_id": name, "last_found_on": date(2026, 3, day), "lost_good_die": die}
        | {"state": state, "finding": f"{name}.", "first_found_on": date(2026, 3, 1)}
        | {"batch": 1 if name == "gone" else 7}
        for name, day, die, state in (
            ("ended", 9, 900.0, "ended"),
            ("small", 9, 10.0, "new"),
            ("large", 9, 500.0, "ongoing"),
            ("gone", 8, 999.0, "ended"),
        )
    ]
    evidence = {"excursion_id": "large", "kind": "zone", "evidence_rank": 1}
    run.store.append(EXCURSION, rows(EXCURSION, *found), 1)
    run.store.append(EXCURSION_EVIDENCE, rows(EXCURSION_EVIDENCE, evidence), 1)

    night = nights(7)

    assert [one.finding for one in night.findings] == ["large.", "small.", "ended."]
    assert [one.kind for one in night.findings[0].of("zone")] == ["zone"]


def test_last_whole_night_is_the_last_one_before_with_a_page(nights):
    assert nights(4, pages=[2], nights=[2, 3]).last_whole_on == Attempt(2, REPORT).started_at.date()
    assert nights(1).last_whole_on is None


def test_night_that_did_not_end_has_a_page_even_if_the_lake_cannot_be_read(run, monkeypatch):
    def read(*_, **__):
        raise OSError("the lake is gone")

    monkeypatch.setattr("fabyield.jobs.nightly.read_night", read)

    show_unfinished(run)

    page = Path(run.settings.report).read_text()
    assert "This night did not end." in page
    assert "Step nightly failed.</b> the lake is gone" in page


def test_night_that_did_not_end_has_a_page_of_the_tables_as_they_are(nights, run):
    nights(2, pages=[1], nights=[1, 2])

    show_unfinished(replace(run, attempt=Attempt(2, NIGHT)))

    page = Path(run.settings.report).read_text()
    assert "What follows is as of the night of" in page
    assert "Step report failed." in page
