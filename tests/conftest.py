"""One Spark session for the whole run, and rows that name only the columns a test is about."""

import gc
import os
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

os.environ["PYSPARK_PYTHON"] = sys.executable

import pytest
from pyspark.sql import DataFrame, SparkSession

from fabyield.lake.few_rows import few_rows
from fabyield.lake.store import Store
from fabyield.lake.table import Table
from fabyield.pipeline import spark as spark_module
from fabyield.pipeline.run import Run
from fabyield.pipeline.run_history import Attempt
from fabyield.settings.settings import Settings
from tests import s3
from tests.postgresql import Server, programs, server

ROOT = Path(__file__).parents[1]
# Fixtures that start Spark or a server, or cannot do without.
HEAVY = {"spark", "postgresql", "s3_url"}
AT = datetime(2026, 3, 2, tzinfo=UTC)
FAB = Settings.load("dev").fab.fab_id
BLANK: dict[str, Any] = {
    **{"string": "-", "boolean": False, "date": date(2026, 3, 2), "timestamp": AT},
    **{"int": 0, "bigint": 0, "float": 0.0, "double": 0.0},
}
QUICK = {
    "spark.master": "local[2]",
    # One session reads many lakes, of which it keeps plans and logs.
    "spark.driver.memory": "3g",
    "spark.default.parallelism": "1",
    "spark.sql.shuffle.partitions": "1",
    "spark.sql.adaptive.enabled": "false",
    "spark.databricks.delta.snapshotPartitions": "1",
    # Interpreted, over a handful of rows: nights that are submitted compile theirs.
    "spark.sql.codegen.wholeStage": "false",
    "spark.sql.codegen.factoryMode": "NO_CODEGEN",
    # Which files of a few rows can be passed over takes longer than to read them.
    "spark.databricks.delta.stats.skipping": "false",
    "spark.databricks.delta.writeChecksumFile.enabled": "false",
    "spark.delta.logStore.file.impl": "io.delta.storage.LocalLogStore",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
}


def changed_packages() -> set[str]:
    """The packages of lib/fabyield that the newest commit or the work tree has changed."""
    command = ["git", "diff", "--name-only", "HEAD~1", "--", "lib/fabyield"]
    told = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False).stdout
    return {Path(line).relative_to("lib/fabyield").parts[0] for line in told.splitlines()}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    changed = changed_packages()
    for item in items:
        matrix = item.get_closest_marker("matrix")
        if matrix and changed.isdisjoint(matrix.args):
            item.add_marker("soak")
        if HEAVY.intersection(getattr(item, "fixturenames", ())):
            item.add_marker("spark")


@pytest.fixture(scope="session")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkSession]:
    settings = Settings.load("dev")
    warehouse = {"spark.sql.warehouse.dir": str(tmp_path_factory.mktemp("warehouse"))}
    settings = replace(settings, spark=settings.spark | QUICK | warehouse)
    session = spark_module.session(settings, "tests")
    # What is loaded by now stays: to look through it for each lake takes longer than most tests.
    gc.collect()
    gc.freeze()
    yield session
    session.stop()


def forget_lakes(spark: SparkSession) -> None:
    """Drop what Delta keeps of tables: of many lakes it fills the heap, and all time goes to GC."""
    gc.collect()
    spark.sparkContext._jvm.org.apache.spark.sql.delta.DeltaLog.clearCache()


def skip_audits(patch: pytest.MonkeyPatch) -> None:
    """Audits publish nothing, and take most of a small night's time."""
    patch.setattr("fabyield.quality.expectations.batch_expectations", lambda table: [])


def clock_at(patch: pytest.MonkeyPatch, time: datetime) -> None:
    """Let runs begin and end at `time`."""
    clock = type("Clock", (datetime,), {"now": classmethod(lambda cls, tz: time)})
    patch.setattr("fabyield.pipeline.run_history.datetime", clock)


@pytest.fixture
def unaudited(monkeypatch: pytest.MonkeyPatch) -> None:
    """For tests of other things."""
    skip_audits(monkeypatch)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings whose folders are all below the test's own."""
    (tmp_path / "landing" / "stdf").mkdir(parents=True)
    folders = {name: str(tmp_path / name) for name in ("lake", "landing", "report", "log")}
    return Settings.load("dev", **folders)


@pytest.fixture
def run(spark: SparkSession, settings: Settings) -> Run:
    """The first attempt at a step of batch 1, in a lake without tables."""
    forget_lakes(spark)
    return Run(Store(spark, settings.lake), settings, Attempt(1, "step"))


@pytest.fixture
def rows(spark: SparkSession) -> Callable[..., DataFrame]:
    """`rows(TABLE, {...}, {...})`: a data frame of TABLE; columns not named get a blank value."""

    def build(table: Table, *records: dict[str, Any]) -> DataFrame:
        blank = {name: BLANK.get(column.type) for name, column in table.columns.items()}
        # A run sees the rows of its fab only.
        blank |= {"fab_id": FAB} if "fab_id" in blank else {}
        assert not {k for r in records for k in r} - set(blank), "unknown column"
        return few_rows(spark, [blank | r for r in records], table.ddl)

    return build


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Server]:
    """A real server on loopback; without one its tests are skipped, but never in CI."""
    if programs() is None and "CI" not in os.environ:
        warnings.warn("PostgreSQL is NOT TESTED: no initdb on this machine", stacklevel=1)
        pytest.skip("no PostgreSQL server is installed (Debian: apt install postgresql)")
    # Not below pytest's folder, which no other user may enter.
    with TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        with server(Path(folder) / "server") as running:
            yield running


@pytest.fixture(scope="session")
def s3_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with s3.server(tmp_path_factory.mktemp("s3")) as url:
        yield url


@pytest.fixture
def bucket(s3_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A folder of the test's own in an object store, which all clients find by the environment."""
    for name, value in s3.environment(s3_url).items():
        monkeypatch.setenv(name, value)
    return f"s3a://{s3.BUCKET}/{tmp_path.name}"
