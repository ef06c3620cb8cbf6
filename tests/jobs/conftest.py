"""A small fab with known truth and the real files, and whole nights over them."""

import fcntl
import json
import os
import shutil
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from deltalake import DeltaTable
from fabyield.jobs.nightly import show_unfinished
from pyspark.sql import SparkSession

from fabsim import Destination, in_processes, simulate
from fabyield.lake.catalog import ALL
from fabyield.lake.store import Store
from fabyield.lake.table import BATCH
from fabyield.pipeline.logs import logging_to
from fabyield.pipeline.night import NEW_FILES, nightly, run_if_changed
from fabyield.pipeline.night_modes import NightMode
from fabyield.pipeline.run import Run
from fabyield.pipeline.run_history import NIGHT, Attempt, RunHistory
from fabyield.settings.settings import Settings
from tests.conftest import forget_lakes
from tests.plans import small_plan

NOT_HELD = (BATCH, "read_in", "delta_versions")
REAL = Path(__file__).parents[1] / "data" / "stdf"
LOT2, LATE = REAL / "lot2.stdf.gz", REAL / "lot3.stdf.gz"
BEFORE = time.time() - 3600
Contents = dict[str, list[str]]
# For nights that are submitted with a conf of their own: few rows are not worth many tasks.
FEW_TASKS = Settings.load("dev").spark | {
    "spark.sql.shuffle.partitions": "2",
    "spark.sql.adaptive.enabled": "false",
    "spark.databricks.delta.snapshotPartitions": "1",
}


@dataclass(frozen=True)
class Fab:
    """A lake with its landing zone and its factory database, below one folder."""

    root: Path
    spark: SparkSession
    settings: Settings

    @property
    def stdf(self) -> Path:
        return self.root / "landing" / "stdf"

    @property
    def store(self) -> Store:
        return Store(self.spark, self.settings.lake)

    @property
    def history(self) -> RunHistory:
        return RunHistory(self.store, self.settings.fab.fab_id)

    def deliver(self, *files: Path) -> None:
        """Copies of `files` come into the landing zone, an hour before the tests."""
        self.stdf.mkdir(parents=True, exist_ok=True)
        settle(*(Path(shutil.copy(file, self.stdf)) for file in files))

    def night(self) -> None:
        with logging_to(self.settings.log, NIGHT):
            nightly(self.settings, on_failure=show_unfinished)

    def take(self, *steps: str, mode: NightMode = NEW_FILES) -> None:
        """A batch of only these steps."""
        history = self.history
        with logging_to(self.settings.log, NIGHT):
            attempt = Attempt(history.next_batch(), NIGHT)
            run = Run(self.store, self.settings, attempt, mode=mode)
            for step in steps:
                run_if_changed(run, history, step, step)

    def with_policy(self, **ingest: object) -> "Fab":
        """The same fab, with other settings of `ingest`."""
        changed = replace(self.settings.ingest, **ingest)
        return replace(self, settings=replace(self.settings, ingest=changed))

    def one_step_at_a_time(self) -> "Fab":
        """The same fab, whose nights have one step under way."""
        night = replace(self.settings.night, parallel_steps=1)
        return replace(self, settings=replace(self.settings, night=night))

    def log(self) -> str:
        return (self.root / "log" / "nightly.log").read_text()

    def rows(self, table: str) -> list[dict]:
        return [row.asDict(recursive=True) for row in self.store.read(ALL[table]).collect()]

    def versions(self) -> dict[str, int]:
        return {name: self.store.version(ALL[name]) for name in data_tables()}

    def contents(self) -> Contents:
        """Every row of every data table as text; which batch wrote it does not matter.

        As delta-rs reads it, which is another reader than the night's, and a quick one.
        """
        return {name: self._texts(name) for name in data_tables()}

    def _texts(self, name: str) -> list[str]:
        path = self.store.path(ALL[name])
        if not self.store.exists(ALL[name]):
            return []
        rows = DeltaTable(path).to_pyarrow_table().to_pylist()
        # Where a fab lies, and how often its tables were written, is not what they hold.
        told = [{k: v for k, v in row.items() if k not in NOT_HELD} for row in rows]
        return sorted(json.dumps(row, default=str) for row in told)


def differing(some: Contents, others: Contents) -> dict[str, list[str]]:
    """The tables that do not hold the same, with a row that only the one or the other has.

    To compare them as they are is quick; to have pytest say how they differ takes hours.
    """
    assert some.keys() == others.keys()
    unlike = {name: Counter(some[name]) for name in some if some[name] != others[name]}
    return {
        name: [*(rows - Counter(others[name])), *(Counter(others[name]) - rows)][:1]
        for name, rows in unlike.items()
    }


def fab_in(root: Path, spark: SparkSession) -> Fab:
    """The fab in `root`, whatever stands there already."""
    folders = {name: str(root / name) for name in ("lake", "landing", "log")}
    settings = Settings.load("dev", report=str(root / "report.html"), **folders)
    database = replace(settings.database, url=f"jdbc:sqlite:{root / 'fab.db'}")
    return Fab(root, spark, replace(settings, database=database))


def settle(*files: Path) -> None:
    """Date `files` an hour before the tests: a night leaves what has just changed for later."""
    for path in files:
        os.utime(path, (BEFORE,) * 2)


def made_once(name: str, factory: pytest.TempPathFactory, make: Callable[[Path], None]) -> Path:
    """A folder that one of the processes that test side by side makes, for all of them."""
    base = factory.getbasetemp()
    base = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    folder, making = base / name, base / f"{name}.making"
    with (base / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            shutil.rmtree(making, ignore_errors=True)
            make(making)
            making.rename(folder)
    return folder


def data_tables() -> list[str]:
    return [name for name in ALL if not name.startswith("ops.")]


@pytest.fixture(scope="session")
def small_line(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five sorted lots of two wafers of 61 die and 8 tests, others in process, the real lot2."""

    def make(root: Path) -> None:
        root.mkdir()
        simulate(small_plan(), Destination.in_folder(str(root)), range(1, 2), in_processes(1))
        stdf = root / "landing" / "stdf"
        for file in stdf.glob("*/*"):
            file.rename(stdf / file.name)
        shutil.copy(LOT2, stdf)
        settle(*stdf.glob("*.stdf*"))

    return made_once("line", tmp_path_factory, make)


@pytest.fixture(scope="session")
def new_fab(
    spark: SparkSession, small_line: Path, tmp_path_factory: pytest.TempPathFactory
) -> Callable[..., Fab]:
    """`new_fab()`: an empty lake over a copy of the small line, or over no files at all.

    `new_fab(like=fab)`: a copy of all that `fab` is, its lake too.
    """

    def make(files: bool = True, like: Fab | None = None) -> Fab:
        forget_lakes(spark)
        source = small_line if like is None else like.root
        root = tmp_path_factory.mktemp("fab") / "fab"
        shutil.copytree(source, root, ignore=shutil.ignore_patterns("truth", "log*", "sensors"))
        if not files:
            shutil.rmtree(root / "landing" / "stdf")
            (root / "landing" / "stdf").mkdir()
        return fab_in(root, spark)

    return make


@pytest.fixture(scope="session")
def night(
    new_fab: Callable[..., Fab], spark: SparkSession, tmp_path_factory: pytest.TempPathFactory
) -> Fab:
    """One undisturbed night for all tests that only look."""

    def make(root: Path) -> None:
        fab = new_fab()
        fab.night()
        shutil.copytree(fab.root, root)

    root = tmp_path_factory.mktemp("night") / "fab"
    shutil.copytree(made_once("undisturbed", tmp_path_factory, make), root)
    return fab_in(root, spark)


@pytest.fixture(scope="session")
def undisturbed(night: Fab) -> Contents:
    """What every table holds after that night."""
    return night.contents()
