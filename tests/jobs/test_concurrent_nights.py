"""Two runs at once on one lake, each a process of its own."""

import signal
from dataclasses import asdict
from functools import partial

import pytest
import yaml
from fabyield.jobs import stdf_files

from fabyield.lake.catalog import ALL
from fabyield.lake.locks.single_writer import as_single_writer
from fabyield.pipeline.ingest.stdf_files import KINDS
from fabyield.pipeline.launch import run_alone
from fabyield.settings.sections import Leasing
from tests.jobs.conftest import differing
from tests.jobs.submitted import Submitted

pytestmark = pytest.mark.slow


@pytest.mark.soak
def test_f03_two_nights_at_once_take_turns_and_lose_and_double_no_row(new_fab, undisturbed):
    fab = new_fab()
    with Submitted(fab, "nightly", "one") as one:
        one.says(" 1/")
        with Submitted(fab, "nightly", "two") as two:
            two.says(f"is written by nightly (process {held_by(fab)}")

            assert [one.wait(), two.wait()] == [0, 0]

    assert differing(fab.contents(), undisturbed) == {}
    done = [row["batch"] for row in fab.rows("ops.runs") if is_night(row, "done")]
    assert sorted(done) == [1, 2]


def test_f03_run_paused_beyond_its_lease_ends_before_its_next_commit(new_fab, undisturbed):
    fab, lease = new_fab(), Leasing("lease", seconds=5)
    with Submitted(fab, "stdf_files", "paused", lease=asdict(lease)) as paused:
        paused.says("parts: published")
        paused.send(signal.SIGSTOP)
        other = partial(run_alone, stdf_files.job, "stdf_files", fab.settings, full=False)
        as_single_writer(fab.settings.lake, other, lease, "stdf_files")
        versions = {name: fab.store.version(table) for name, table in ALL.items()}
        paused.send(signal.SIGCONT)
        assert paused.wait() == 1

    assert "FAILED: " in paused.said.read_text()
    assert "lease 1 of this run ended" in paused.said.read_text()
    assert {name: fab.store.version(table) for name, table in ALL.items()} == versions
    after = fab.contents()
    decoded = ["bronze.stdf_files", *(table.table for table, _ in KINDS.values())]
    after, before = ({n: of[n] for n in decoded} for of in (after, undisturbed))
    assert differing(after, before) == {}


def held_by(fab):
    return yaml.safe_load((fab.root / "lake" / "_lock").read_text())["pid"]


def is_night(row, state):
    return (row["step"], row["state"]) == ("nightly", state)
