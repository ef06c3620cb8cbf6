"""The whole night where driver and executors are processes of their own."""

import pytest

from benchmarks.night import events
from tests.jobs.conftest import differing
from tests.jobs.submitted import Submitted

pytestmark = [pytest.mark.slow, pytest.mark.soak]
# Two workers of one core and 2,048 MiB, as a real cluster starts them.
MASTER = "local-cluster[2,1,2048]"
# The steps over each part or result.
LARGE = {
    *("stdf_files", "touchdowns", "die_results", "parametric_results", "functional_results"),
    *("multi_results", "bin_pareto", "parametric_summary", "wafer_yield"),
}


def test_night_on_a_cluster_of_two_workers_fills_the_same_tables(new_fab, undisturbed):
    fab = new_fab()
    sizes = ["--master", MASTER, "--executor-memory", "2048m", "--executor-cores", "1"]
    # Also of a few rows there are more tasks than one, wherever rows are sent.
    tasks = {"spark.sql.shuffle.partitions": "4", "spark.locality.wait": "0"}

    with Submitted(
        fab, "nightly", options=sizes, spark=tasks | events.conf(fab.root / "events")
    ) as night:
        ended = night.wait()

    assert ended == 0, night.output.read_text()[-6000:]
    assert differing(fab.contents(), undisturbed) == {}
    told = events.told(fab.root / "events")
    assert {step: told[step]["executors"] for step in LARGE} == dict.fromkeys(LARGE, 2)
