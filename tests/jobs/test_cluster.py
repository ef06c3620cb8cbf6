"""The whole night where driver and executors are processes of their own."""

import pytest

from tests.jobs.conftest import differing
from tests.jobs.submitted import Submitted

pytestmark = [pytest.mark.slow, pytest.mark.soak]
# Two workers of one core and 2,048 MiB, as a real cluster starts them.
MASTER = "local-cluster[2,1,2048]"


def test_night_on_a_cluster_of_two_workers_fills_the_same_tables(new_fab, undisturbed):
    fab = new_fab()
    sizes = ["--master", MASTER, "--executor-memory", "2048m", "--executor-cores", "1"]

    with Submitted(fab, "nightly", options=sizes) as night:
        ended = night.wait()

    assert ended == 0, night.output.read_text()[-6000:]
    assert differing(fab.contents(), undisturbed) == {}
