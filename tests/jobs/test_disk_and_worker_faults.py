"""Faults of disks and workers that a night must survive, by number: all of them are real."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from fabyield.jobs import die_results, stdf_files, touchdowns

from fabyield.lake.catalog import ALL
from fabyield.lake.fsck.check import check
from fabyield.pipeline.launch import run_alone
from fabyield.pipeline.run import Run
from fabyield.pipeline.run_history import Attempt
from tests.jobs.conftest import LATE, LOT2, differing, fab_in
from tests.lake.test_fsck import flip_bit

pytestmark = pytest.mark.slow
SUBMIT = Path(sys.executable).with_name("spark-submit")
JOBS = Path(__file__).parents[2] / "jobs"
ROWS = {"lot2.stdf.gz": 52403, "lot3.stdf.gz": 54123}
# So little that nothing can be written, and so much that a few tables of a batch can be written.
LITTLE, SOME = 30_000, 300_000
# Kills a Python worker of Spark the moment that it decodes `victim`, as the kernel does that is out
# of memory: always, or only once.
KILLER = """
import os, signal, sys
if "pyspark.daemon" in sys.orig_argv:
    from fabyield.readers.stdf import stage as stdf_stage
    decode = stdf_stage._decode
    def killing(system, path, *rest):
        if path.endswith("{victim}") and not os.path.exists("{pardon}"):
            open("{pardon}", "w").close() if {once} else None
            os.kill(os.getpid(), signal.SIGKILL)
        return decode(system, path, *rest)
    stdf_stage._decode = killing
"""


def submitted(root, job="stdf_files", *words, **environment):
    """A job of the fab in `root`, in a process of its own."""
    folders = [f"--{name}={root / name}" for name in ("lake", "landing")]
    command = [str(SUBMIT), "--master=local[2,3]", str(JOBS / f"{job}.py"), *folders, *words]
    environment = {**os.environ, **environment}
    return subprocess.run(
        command, cwd=root, env=environment, capture_output=True, text=True, check=False
    )


def killing(root, victim, once):
    """The environment in which workers die that decode `victim`."""
    site = root / "site"
    site.mkdir()
    killer = KILLER.format(victim=victim, once=once, pardon=site / "pardon")
    (site / "sitecustomize.py").write_text(killer)
    return {"PYTHONPATH": str(site)}


def values(fab):
    rows = fab.store.read(ALL["bronze.test_values"]).groupBy("file_key").count().collect()
    return sorted(row["count"] for row in rows)


def last_line(done):
    return done.stdout.strip().splitlines()[-1]


@pytest.mark.soak
def test_f25_worker_that_is_killed_once_is_tried_again(spark, tmp_path):
    fab = fab_in(tmp_path, spark)
    fab.deliver(LOT2, LATE)

    done = submitted(tmp_path, **killing(tmp_path, LATE.name, once=True))

    assert (tmp_path / "site" / "pardon").exists()
    assert done.returncode == 0, done.stdout
    assert values(fab) == sorted(ROWS.values())


def test_f25_worker_that_dies_each_time_fails_the_step_and_names_its_file(spark, tmp_path):
    fab = fab_in(tmp_path, spark)
    fab.deliver(LOT2, LATE)

    done = submitted(tmp_path, **killing(tmp_path, LATE.name, once=False))

    assert done.returncode == 1
    told = last_line(done)
    assert "FAILED: step stdf_files: decoding failed in partition " in told
    assert "which reads lot3.stdf.gz, tried 3 times: its Python worker was killed" in told
    assert fab.rows("bronze.stdf_files") == []
    run_alone(stdf_files.job, "stdf_files", fab.settings, full=False)
    assert values(fab) == sorted(ROWS.values())


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 24 MB, which only root may make."""
    disk = tmp_path / "disk"
    disk.mkdir()
    size = ["-t", "tmpfs", "-o", "size=24m", "tmpfs"]
    mounted = subprocess.run(["mount", *size, str(disk)], capture_output=True, check=False)
    if mounted.returncode:
        said = f"no disk can be filled here: {mounted.stderr.decode().strip()}"
        assert "CI" not in os.environ, said
        pytest.skip(said)
    yield disk
    subprocess.run(["umount", "--lazy", str(disk)], check=True)


def fill(disk, free):
    """Leave `free` bytes of `disk`; the file that takes the rest."""
    filler = disk / "filler"
    filler.unlink(missing_ok=True)
    filler.write_bytes(bytes(shutil.disk_usage(disk).free - free))
    return filler


@pytest.mark.parametrize(
    ("free", "where"),
    [
        pytest.param(LITTLE, "", id="nothing can be written", marks=pytest.mark.soak),
        pytest.param(SOME, "lake/bronze/", id="some tables can be written"),
    ],
)
def test_f24_full_disk_fails_the_step_and_leaves_the_tables(spark, small_disk, free, where):
    fab = fab_in(small_disk, spark)
    fab.deliver(LOT2)
    run_alone(stdf_files.job, "stdf_files", fab.settings, full=False)
    before = (values(fab), fab.rows("bronze.stdf_files"))
    version = fab.store.version(ALL["bronze.test_values"])
    fab.deliver(LATE)

    filler = fill(small_disk, free)
    done = submitted(small_disk)

    assert done.returncode == 1
    assert re.search(f"FAILED: step stdf_files: .*{small_disk}/{where}", last_line(done))
    assert "No space left on device" in last_line(done)
    assert fab.store.version(ALL["bronze.test_values"]) == version
    assert (values(fab), fab.rows("bronze.stdf_files")) == before
    filler.unlink()
    run_alone(stdf_files.job, "stdf_files", fab.settings, full=False)
    assert values(fab) == sorted(ROWS.values())


@pytest.mark.soak
def test_f24_full_disk_does_not_change_a_table_that_is_replaced(
    spark, night, undisturbed, small_disk
):
    shutil.copytree(night.root, small_disk, dirs_exist_ok=True)
    fab = fab_in(small_disk, spark)
    versions = fab.versions()

    filler = fill(small_disk, LITTLE)
    done = submitted(small_disk, "parametric_results", "--full")

    assert done.returncode == 1
    assert "FAILED: step parametric_results: " in last_line(done)
    assert "No space left on device" in last_line(done)
    assert fab.versions() == versions
    filler.unlink()
    assert differing(fab.contents(), undisturbed) == {}


def test_f23_flipped_bit_stops_the_step_and_the_named_command_repairs_it(
    new_fab, night, undisturbed, unaudited
):
    fab = new_fab(like=night)
    folder = Path(fab.store.path(ALL["silver.touchdowns"]))
    flip_bit(sorted(folder.glob("*.parquet"))[0], "wafer_key")

    with pytest.raises(Exception, match="FAILED_READ_FILE"):
        die_results.job(Run(fab.store, fab.settings, Attempt(2, "die_results")))
    tables = [ALL["silver.touchdowns"], ALL["silver.die_results"]]
    [found] = check(fab.settings.lake, tables, fab.settings.maintain, deep=True)
    run_alone(touchdowns.job, "touchdowns", fab.settings, full=True)

    assert "or write the table again: spark-submit jobs/touchdowns.py --full" in found.repair
    assert list(check(fab.settings.lake, tables, fab.settings.maintain, deep=True)) == []
    assert differing(fab.contents(), undisturbed) == {}
