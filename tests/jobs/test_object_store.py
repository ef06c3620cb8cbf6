"""A night whose lake, landing zone and models are in an object store."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml
from pyarrow import fs

from fabyield.lake.locks.lease import leased
from fabyield.lake.locks.owner import LockOwner
from fabyield.settings.loading import merged
from tests import s3
from tests.jobs.conftest import FEW_TASKS, Contents, Fab, differing, fab_in

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
JARS = ":".join(str(ROOT / "var" / name / "*") for name in ("jars", "jars-s3"))
SUBMIT = (str(BIN / "spark-submit"), "--driver-class-path", JARS)
HERE = {"FABYIELD_DB_USER": "", "FABYIELD_DB_PASSWORD": "", "FABYIELD_OPERATOR_KEY": "a key"}


@dataclass(frozen=True)
class Stored:
    """A fab whose landing zone and lake are below s3a://<bucket>."""

    fab: Fab
    url: str

    @property
    def environment(self) -> dict[str, str]:
        jdbc = {"FABYIELD_DB_URL": f"jdbc:sqlite:{self.fab.root / 'fab.db'}"}
        return os.environ | s3.environment(self.url) | HERE | jdbc

    def conf(self, **over: object) -> Path:
        """conf/prod.yml, for a store on this machine."""
        prod = yaml.safe_load((ROOT / "conf" / "prod.yml").read_text())
        here = {
            "spark.hadoop.fs.s3a.endpoint": self.url,
            "spark.hadoop.fs.s3a.path.style.access": "true",
            **FEW_TASKS,
            "spark.sql.adaptive.enabled": "true",
            "spark.sql.adaptive.coalescePartitions.initialPartitionNum": "4",
        }
        places = {name: f"s3a://{s3.BUCKET}/{name}" for name in ("lake", "landing")}
        files = {name: str(self.fab.root / name) for name in ("report", "log")}
        settings = merged(merged(prod, {"spark": here}), places | files | over)
        settings["database"]["driver"] = "org.sqlite.JDBC"
        path = self.fab.root / "prod.yml"
        path.write_text(yaml.safe_dump(settings))
        return path

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        given = {"cwd": self.fab.root, "env": self.environment, "text": True}
        return subprocess.run(command, check=False, capture_output=True, **given)

    def submit(self, job: str, **over: object) -> subprocess.CompletedProcess[str]:
        script = str(ROOT / "jobs" / f"{job}.py")
        return self.run(*SUBMIT, script, f"--conf={self.conf(**over)}")

    def files(self) -> fs.FileSystem:
        return fs.S3FileSystem(
            endpoint_override=self.url,
            region="us-east-1",
            access_key="key-of-the-tests",
            secret_key="secret-of-the-tests",
        )


@pytest.fixture(scope="module")
def stored(new_fab, tmp_path_factory) -> Iterator[Stored]:
    with s3.server(tmp_path_factory.mktemp("s3")) as url:
        stored = Stored(new_fab(), url)
        put = {"destination_filesystem": stored.files()}
        fs.copy_files(str(stored.fab.root / "landing"), f"{s3.BUCKET}/landing", **put)
        yield stored


@pytest.fixture(scope="module")
def stored_night(stored) -> subprocess.CompletedProcess[str]:
    return stored.submit("nightly", ingest={"settle_seconds": 0})


@pytest.mark.soak
def test_night_on_an_object_store_fills_the_same_tables_as_one_on_disk(
    stored, stored_night, undisturbed, spark, tmp_path
):
    assert stored_night.returncode == 0, stored_night.stdout + stored_night.stderr
    get = {"source_filesystem": stored.files()}
    fs.copy_files(f"{s3.BUCKET}/lake", str(tmp_path / "lake"), **get)

    contents = fab_in(tmp_path, spark).contents()

    assert differing(wherever(contents), wherever(undisturbed)) == {}


@pytest.mark.soak
def test_question_is_answered_from_the_object_store(stored, stored_night):
    sql = "SELECT count(*) AS wafers, sum(tested_die) AS die FROM gold.wafer_yield"
    answered = stored.run(str(BIN / "fabyield"), "query", sql, f"--lake=s3a://{s3.BUCKET}/lake")

    assert answered.returncode == 0, answered.stderr
    assert "11" in answered.stdout.split()


@pytest.mark.soak
def test_credentials_of_the_store_are_in_no_output_of_a_night(stored, stored_night):
    log = (stored.fab.root / "log" / "nightly.log").read_text()
    said = stored_night.stdout + stored_night.stderr + log

    assert "secret-of-the-tests" not in said
    assert "key-of-the-tests" not in said


def test_f03_second_driver_on_the_object_store_is_refused_by_the_lease(stored, monkeypatch):
    lake = f"s3a://{s3.BUCKET}/lake"
    for name, value in s3.environment(stored.url).items():
        monkeypatch.setenv(name, value)
    me = LockOwner("another night", "elsewhere", 7, "then")

    with leased(lake, me, seconds=60, wait_seconds=0):
        second = stored.submit("wafers", lease={"wait_seconds": 0})

    assert second.returncode == 1
    told = f"FAILED: {lake}: still written by another night (process 7 on elsewhere since then)"
    assert told in second.stdout


CREATOR = """
import sys
from fabyield.settings.settings import Settings
from fabyield.pipeline.spark import session

spark = session(Settings.load(sys.argv[1]), "creator")
path = spark._jvm.org.apache.hadoop.fs.Path("s3a://fab/created")
files = path.getFileSystem(spark._jsc.hadoopConfiguration())


def said(create):
    try:
        return create()
    except Exception as error:
        return "refused" if "FileAlreadyExistsException" in str(error) else error


one, two = files.create(path, False), files.create(path, False)
one.close()
print(said(two.close), said(lambda: files.create(path, False)))
"""


def test_s3a_checks_before_it_creates_a_file_so_only_a_lease_stops_a_driver(stored):
    script = stored.fab.root / "creator.py"
    script.write_text(CREATOR)

    created = stored.run(*SUBMIT, str(script), str(stored.conf()))

    assert created.returncode == 0, created.stderr
    assert created.stdout.split()[-2:] == ["None", "refused"]


# Files are numbered as they come, and stores do not keep the times of files.
WHERE = ("file_key", "modified_at", "clock_ahead_s", "night_on")
WHERE += ("model_path", "training_rows_path", "operator_hash")


def wherever(contents: Contents) -> Contents:
    """The rows without what says where and when they were delivered and stored."""
    told = {name: map(json.loads, rows) for name, rows in contents.items()}
    return {
        name: sorted(json.dumps({k: v for k, v in row.items() if k not in WHERE}) for row in rows)
        for name, rows in told.items()
    }
