"""Nights of which the driver is killed, really, in every step: they end as if it never was."""

import os
import signal

import pytest
from fabyield.jobs import stdf_files

from fabyield.errors import FabYieldError
from fabyield.lake.catalog import ALL
from fabyield.pipeline.launch import run_alone
from tests.jobs.conftest import LATE, LOT2, data_tables, differing, settle
from tests.jobs.submitted import Submitted, dying

pytestmark = pytest.mark.slow
# Of a step with many tables, some before its last: it has written half of them by then.
AMONG_OTHERS = {
    *("bronze.tests", "bronze.functional_values", "bronze.multi_values", "bronze.bin_counts"),
    *("bronze.stdf_wafers", "bronze.stdf_files", "bronze.fab_lots", "bronze.fab_products"),
    *("bronze.fab_process_history", "bronze.fab_pcm", "silver.wafer_registry", "silver.wafers"),
    *("gold.model_report", "gold.yield_prediction"),
    # Nothing has been split, packaged or cut off yet.
    *("bronze.fab_lot_history", "bronze.fab_assembly", "silver.truncated_files"),
}
KILLED_AT = {*data_tables(), "ops.metric_history"} - AMONG_OTHERS
# Two nights of which the second has steps that are done, one that is half done, and all others.
SOME = {"silver.wafer_names"}


@pytest.mark.parametrize(
    "tables",
    [
        pytest.param(SOME, id="one step"),
        pytest.param(KILLED_AT, id="every step", marks=pytest.mark.soak),
    ],
)
def test_f02_night_killed_after_a_commit_of_steps_ends_the_same(
    new_fab, undisturbed, unaudited, tables
):
    fab = new_fab()
    marks = fab.root / "killed"
    environment = dying(marks, tables)
    # Of two steps side by side, both may have come so far.
    while set(os.listdir(marks)) != tables:
        killed = len(os.listdir(marks))
        with Submitted(fab, "nightly", environment=environment) as night:
            assert night.wait() == -signal.SIGKILL, night.output.read_text()[-3000:]
        assert len(os.listdir(marks)) > killed

    fab.night()

    assert differing(fab.contents(), undisturbed) == {}
    assert {row["batch"] for row in fab.rows("ops.runs")} == {1}


def test_f02_half_published_files_fail_the_night_until_the_rest_is_back(
    new_fab, monkeypatch, unaudited
):
    fab = new_fab(files=False)
    fab.deliver(LOT2)
    (fab.stdf / "empty.stdf").write_bytes(b"")
    settle(fab.stdf / "empty.stdf")
    environment = dying(fab.root / "killed", ["bronze.parts"])
    with Submitted(fab, "stdf_files", environment=environment) as night:
        assert night.wait() == -signal.SIGKILL
    fab.deliver(LATE)

    with pytest.raises(FabYieldError, match=r"part of the batch is already published: .*empty"):
        run_alone(stdf_files.job, "stdf_files", fab.with_policy(empty_file="fail").settings, False)
    monkeypatch.setattr("fabyield.pipeline.night.steps", lambda: ["stdf_files"])
    fab.night()

    files = {row["path"]: (row["status"], row["batch"]) for row in fab.rows("bronze.stdf_files")}
    assert files == {
        "empty.stdf": ("empty", 1),
        "lot2.stdf.gz": ("complete", 1),
        "lot3.stdf.gz": ("complete", 2),
    }
    assert len(fab.rows("bronze.stdf_wafers")) == 2
    assert fab.store.read(ALL["bronze.test_values"]).count() == 52403 + 54123
