"""The whole night where driver and executors are processes of their own."""

import subprocess

import pytest
import yaml

from tests.jobs.conftest import FEW_TASKS, differing
from tests.jobs.test_faults import NIGHTLY, SUBMIT

pytestmark = pytest.mark.slow
# Two workers of one core and 2,048 MiB, as a real cluster starts them.
MASTER = "local-cluster[2,1,2048]"


def test_night_on_a_cluster_of_two_workers_fills_the_same_tables(new_fab, undisturbed):
    fab = new_fab()
    conf = fab.root / "here.yml"
    database = {"url": f"jdbc:sqlite:{fab.root / 'fab.db'}"}
    conf.write_text(yaml.safe_dump({"database": database, "spark": FEW_TASKS}))
    folders = [f"--{name}={fab.root / name}" for name in ("lake", "landing", "report")]
    sizes = ["--master", MASTER, "--executor-memory", "2048m", "--executor-cores", "1"]

    command = [*SUBMIT, *sizes, str(NIGHTLY), f"--conf={conf}", *folders]
    night = subprocess.run(command, cwd=fab.root, capture_output=True, text=True, check=False)

    assert night.returncode == 0, night.stdout[-3000:] + night.stderr[-3000:]
    assert differing(fab.contents(), undisturbed) == {}
