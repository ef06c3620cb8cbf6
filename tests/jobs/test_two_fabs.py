"""Two fabs in one lake, each with rules, a landing zone and a factory database of its own."""

import json
import signal
from dataclasses import replace

import pytest

from fabyield.lake.catalog import ALL
from fabyield.pipeline.night_modes import Kind, NightMode
from tests.jobs.conftest import LATE, LOT2, differing
from tests.jobs.submitted import Submitted, dying

pytestmark = pytest.mark.slow
FEW = (
    *("stdf_files", "fab_tables", "wafers", "truncated_files", "wafer_runs", "touchdowns"),
    *("die_results", "wafer_yield", "process_history", "packaged_parts", "unmatched"),
)


@pytest.fixture
def fabs(new_fab):
    """FAB1, and OTHER in its lake: there wafers of GAL-LOT are of lot R-LOT."""
    one, two = new_fab(files=False), new_fab(files=False)
    one.deliver(LOT2)
    two.deliver(LATE)
    rules = {"lot_id_rules": [["^GAL-LOT$", "R-LOT"]], "time_zone": "America/Boise"}
    other = replace(two.settings.fab, fab_id="OTHER", **rules)
    return one, replace(two, settings=replace(two.settings, lake=one.settings.lake, fab=other))


def of(fab):
    """What tables have of `fab`: rows as text."""
    mine = fab.settings.fab.fab_id
    told = {name: map(json.loads, rows) for name, rows in fab.contents().items()}
    return {
        name: [json.dumps(row) for row in rows if row.get("fab_id", mine) == mine]
        for name, rows in told.items()
        if not name.startswith("bronze.")
    }


def test_night_of_a_fab_uses_its_own_rules_and_changes_no_other_fab(fabs, unaudited):
    one, two = fabs
    one.take(*FEW)
    alone = of(one)
    two.take(*FEW)
    assert differing(of(one), alone) == {}

    told = of(two)
    one.take("fab_tables", "wafers", "wafer_runs", "process_history", "packaged_parts")
    two.take(*FEW[2:], mode=NightMode(Kind.REBUILD))

    assert differing(of(one), alone) == {}
    assert differing(of(two), told) == {}
    yields = {
        (row["fab_id"], row["lot_id"], row["wafer_id"]): round(row["final_yield_pct"], 2)
        for row in one.rows("gold.wafer_yield")
    }
    assert yields == {("FAB1", "GAL-LOT", "02"): 95.40, ("OTHER", "R-LOT", "GAL-LOT-03"): 94.57}
    keys = [row["wafer_key"] for row in one.rows("silver.wafer_registry")]
    assert len(keys) == len(set(keys))
    assert sorted(row["file_key"] for row in one.rows("bronze.stdf_files")) == [1, 2]


@pytest.mark.soak
def test_unfinished_night_of_a_fab_waits_for_its_own_next_one(fabs, unaudited, monkeypatch):
    one, two = fabs
    monkeypatch.setattr("fabyield.pipeline.night.steps", lambda: ["stdf_files"])
    environment = dying(two.root / "killed", ["bronze.parts"])
    with Submitted(two, "nightly", environment=environment) as night:
        assert night.wait() == -signal.SIGKILL
    left = stages(one)

    one.night()

    assert left == stages(one) != set()
    assert (one.history.open_batch(), two.history.open_batch()) == (None, 1)
    two.night()
    files = {
        (row["fab_id"], row["file_key"], row["batch"]) for row in one.rows("bronze.stdf_files")
    }
    assert files == {("OTHER", 1, 1), ("FAB1", 2, 2)}
    values = one.store.read(ALL["bronze.test_values"]).groupBy("file_key").count().collect()
    assert {tuple(row) for row in values} == {(1, 54123), (2, 52403)}
    assert len(one.rows("bronze.stdf_wafers")) == 2


def stages(fab):
    return {str(path) for path in (fab.root / "lake" / "_stage").rglob("_SUCCESS")}
