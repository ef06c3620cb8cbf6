"""Two fabs in one lake, each with rules, a landing zone and a factory database of its own."""

import json
import shutil
from dataclasses import replace

import pytest

from fabyield.purpose import Kind, Purpose
from fabyield.settings import steps
from tests.jobs.conftest import REAL

pytestmark = pytest.mark.slow
FEW = ("stdf_files", "file_beginnings", "fab_tables", "wafers", "test_runs", "touchdowns")
FEW = (*FEW, "die_results", "wafer_yield", "process_history", "packaged_parts", "unmatched")


@pytest.fixture
def fabs(new_fab):
    """FAB1, and OTHER in its lake: there wafers of GAL-LOT are of lot R-LOT."""
    one, two = new_fab(files=False), new_fab(files=False)
    shutil.copy2(REAL / "lot2.stdf.gz", one.stdf)
    shutil.copy2(REAL / "lot3.stdf.gz", two.stdf)
    rules = {"lot_id_rules": [["^GAL-LOT$", "R-LOT"]], "time_zone": "America/Boise"}
    other = replace(two.settings.fab, fab_id="OTHER", **rules)
    return one, replace(two, settings=replace(two.settings, lake=one.settings.lake, fab=other))


def of(fab):
    """What tables have of `fab`: rows as text."""
    mine = fab.settings.fab.fab_id
    told = {name: map(json.loads, rows) for name, rows in fab.contents().items()}
    return {
        name: [row for row in rows if row.get("fab_id", mine) == mine]
        for name, rows in told.items()
        if not name.startswith("bronze.")
    }


def test_night_of_a_fab_goes_by_its_own_rules_and_leaves_those_of_others(fabs, unaudited):
    one, two = fabs
    one.take(*FEW)
    alone = of(one)
    two.take(*FEW)
    assert of(one) == alone

    one.take(*FEW)
    told = of(two)
    for fab in fabs:
        rebuild = Purpose(Kind.REBUILD)
        fab.take(*(step for step in FEW if rebuild.takes(step)), purpose=rebuild)

    assert (of(one), of(two)) == (alone, told)
    yields = {
        (row["fab_id"], row["lot_id"], row["wafer_id"]): round(row["final_yield_pct"], 2)
        for row in one.rows("gold.wafer_yield")
    }
    assert yields == {("FAB1", "GAL-LOT", "02"): 95.40, ("OTHER", "R-LOT", "03"): 94.57}
    keys = [row["wafer_key"] for row in one.rows("silver.wafer_registry")]
    assert len(keys) == len(set(keys))
    assert sorted(row["file_key"] for row in one.rows("bronze.stdf_files")) == [1, 2]


def test_unfinished_night_of_a_fab_waits_for_its_own_next_one(fabs, unaudited, monkeypatch):
    one, two = fabs
    with monkeypatch.context() as broken:
        broken.setattr("fabyield.jobs.stdf_files.batches", lambda *_: 1 / 0)
        broken.setattr("fabyield.night.steps", lambda: ["stdf_files"])
        with pytest.raises(ZeroDivisionError):
            two.night()
    decoded = sorted((one.root / "lake" / "_stage").rglob("_SUCCESS"))

    one.take("stdf_files")

    assert sorted((one.root / "lake" / "_stage").rglob("_SUCCESS"))[: len(decoded)] == decoded
    assert (one.ledger.open_batch(), two.ledger.open_batch()) == (None, 1)
    monkeypatch.setattr("fabyield.night.steps", lambda: ["stdf_files"])
    two.night()
    files = {(row["fab_id"], row["file_key"]) for row in one.rows("bronze.stdf_files")}
    assert len(files) == len(two.rows("bronze.stdf_files")) == 2
    assert {fab for fab, _ in files} == {"FAB1", "OTHER"}
    assert steps() == ["stdf_files"]
