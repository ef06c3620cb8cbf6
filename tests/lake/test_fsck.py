import json
import os
import re
import shutil
import time
from dataclasses import replace
from functools import partial
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from fabyield.cli.app import app
from fabyield.lake.catalog import PARAMETRIC_SUMMARY, WAFER_NAMES
from fabyield.lake.fsck.check import check
from fabyield.lake.fsck.repair import fix_all
from fabyield.lake.store import Store
from fabyield.lake.table import Column
from fabyield.pipeline.run import Run
from fabyield.pipeline.run_history import Attempt, RunHistory, State
from fabyield.quality.row_counts import TableRows
from fabyield.settings.settings import Settings
from tests.conftest import FAB

NIGHTS = 12
TESTS = 40


@pytest.fixture(scope="module")
def twelve_nights(spark, tmp_path_factory):
    """gold.parametric_summary after twelve nights of one wafer each, as its step wrote them."""
    settings = Settings.load("dev", lake=str(tmp_path_factory.mktemp("nights") / "lake"))
    run = Run(Store(spark, settings.lake), settings, Attempt(NIGHTS, "parametric_summary"))
    spark.conf.set("spark.databricks.delta.writeChecksumFile.enabled", "true")
    for night in range(1, NIGHTS + 1):
        values = {"fab_id": f"'{FAB}'", "wafer_key": night, "test_num": "id", "batch": night}
        columns = [f"{values.get(name, 0)} as {name}" for name in PARAMETRIC_SUMMARY.columns]
        frame = PARAMETRIC_SUMMARY.conform(spark.range(TESTS).coalesce(1).selectExpr(*columns))
        run.store.replace(PARAMETRIC_SUMMARY, frame, f"wafer_key in ({night})")
    spark.conf.set("spark.databricks.delta.writeChecksumFile.enabled", "false")
    run.attempt.tables.append(TableRows(PARAMETRIC_SUMMARY.table, TESTS, TESTS, 0, 0, NIGHTS))
    RunHistory(run.store, FAB).record(run.attempt, State.DONE)
    return settings.lake


@pytest.fixture
def lake(run, twelve_nights):
    """A copy of those nights, to be damaged."""
    shutil.copytree(twelve_nights, run.settings.lake)
    return run


@pytest.fixture
def fsck(lake, settings):
    """`fsck()`: what is wrong with gold.parametric_summary."""

    def look(table=PARAMETRIC_SUMMARY, deep=False):
        return list(check(settings.lake, [table], settings.maintain, deep))

    return look


def folder(run):
    return Path(run.store.path(PARAMETRIC_SUMMARY))


def commit(run, version):
    return folder(run) / "_delta_log" / f"{version:020d}.json"


def checkpoint(run):
    [found] = (folder(run) / "_delta_log").glob("*.checkpoint.parquet")
    return found


def data_file(run):
    return sorted(folder(run).glob("*.parquet"))[0]


def count(run):
    """As a new process reads it."""
    run.spark.sparkContext._jvm.org.apache.spark.sql.delta.DeltaLog.clearCache()
    return run.spark.read.format("delta").load(str(folder(run))).count()


def overwrite(path, content):
    """As a disk may that keeps no sums of its own."""
    path.write_bytes(content)
    path.with_name(f".{path.name}.crc").unlink(missing_ok=True)


def flip_bit(path, column):
    """Change one bit of a value of `column`."""
    chunks = pq.read_metadata(path).row_group(0)
    [found] = [
        c for c in map(chunks.column, range(chunks.num_columns)) if c.path_in_schema == column
    ]
    content = bytearray(path.read_bytes())
    first = found.dictionary_page_offset or found.data_page_offset
    content[first + found.total_compressed_size - 3] ^= 1
    overwrite(path, content)


def rename_column(path, name, other):
    """Change the schema of a Parquet file, which has no checksum, and none of its pages."""
    content = path.read_bytes()
    footer = len(content) - 8 - int.from_bytes(content[-8:-4], "little")
    overwrite(path, content[:footer] + content[footer:].replace(name, other, 1))


def test_lake_that_is_whole_has_no_findings(lake, fsck):
    assert fsck(deep=True) == []
    assert count(lake) == NIGHTS * TESTS


def test_f22_empty_newest_commit_is_found_and_written_again(lake, fsck):
    commit(lake, NIGHTS).write_bytes(b"")
    assert count(lake) == (NIGHTS - 1) * TESTS

    [found] = fsck()

    assert found.file == str(commit(lake, NIGHTS))
    assert f"commit {NIGHTS} (batch 12, step parametric_summary, 40 rows) is empty" in found.what
    assert "fabyield fsck gold.parametric_summary --repair" in found.repair
    fix_all([found])
    assert fsck(deep=True) == []
    assert count(lake) == NIGHTS * TESTS


def test_f22_newest_commit_that_replaced_rows_is_written_again(lake, fsck, rows):
    lake.spark.conf.set("spark.databricks.delta.writeChecksumFile.enabled", "true")
    again = rows(PARAMETRIC_SUMMARY, {"wafer_key": 3, "test_num": 7, "batch": 13})
    lake.store.replace(PARAMETRIC_SUMMARY, again, "wafer_key in (3)")
    lake.spark.conf.set("spark.databricks.delta.writeChecksumFile.enabled", "false")
    content = commit(lake, NIGHTS + 1).read_text()
    commit(lake, NIGHTS + 1).write_text(content[: len(content) // 2])

    [found] = fsck()
    fix_all([found])

    assert "cannot be read" in found.what
    assert count(lake) == (NIGHTS - 1) * TESTS + 1


def test_f22_empty_commit_without_a_checksum_file_must_be_restored(lake, fsck):
    commit(lake, NIGHTS).with_suffix(".crc").unlink()
    content = commit(lake, NIGHTS).read_bytes()
    commit(lake, NIGHTS).write_bytes(b"")

    [found] = fsck()

    assert found.fix is None
    assert found.repair.startswith("restore it from a backup")
    commit(lake, NIGHTS).write_bytes(content)
    assert fsck() == []
    assert count(lake) == NIGHTS * TESTS


def test_f22_empty_commit_below_later_ones_is_not_to_be_deleted(lake, fsck):
    commit(lake, NIGHTS - 1).write_bytes(b"")
    assert count(lake) == (NIGHTS - 1) * TESTS

    [found] = fsck()

    assert "do not delete it" in found.repair
    assert found.fix is None


def test_f22_commit_older_than_a_checkpoint_takes_no_rows_along(lake, fsck):
    commit(lake, 4).write_bytes(b"")

    [found] = fsck()

    assert "a checkpoint has the rows of newer versions" in found.what
    assert count(lake) == NIGHTS * TESTS


def cut(path):
    overwrite(path, path.read_bytes()[: path.stat().st_size // 2])


@pytest.mark.parametrize("damage", [cut, partial(flip_bit, column="add.path")])
def test_f22_damaged_checkpoint_is_found_and_removed(lake, fsck, damage):
    damage(checkpoint(lake))
    with pytest.raises(Exception, match="FAILED_READ_FILE"):
        count(lake)

    [found] = fsck()

    assert "checkpoint is damaged" in found.what
    assert found.repair.startswith(f"delete {checkpoint(lake)} and ")
    fix_all([found])
    assert fsck(deep=True) == []
    assert count(lake) == NIGHTS * TESTS


@pytest.mark.parametrize("name", [b"sizd", b"s\xf1ze"])
def test_f22_checkpoint_with_a_damaged_name_of_a_column_is_found_and_removed(lake, fsck, name):
    rename_column(checkpoint(lake), b"size", name)

    [found] = fsck()

    assert re.search("has no column add.size|can't decode byte 0xf1", found.what)
    fix_all([found])
    assert fsck(deep=True) == []


def test_f22_damaged_checkpoint_that_the_log_needs_is_kept(lake, fsck):
    commit(lake, 0).unlink()
    checkpoint(lake).write_bytes(b"")

    found = fsck()

    assert [one.fix for one in found] == [None]
    assert "the commits before it are gone" in found[0].repair


@pytest.mark.parametrize("content", ['{"version": 99}', "", "[]"])
def test_f22_pointer_to_no_checkpoint_is_found_and_removed(lake, fsck, content):
    (folder(lake) / "_delta_log" / "_last_checkpoint").write_text(content)

    [found] = fsck()

    assert found.file.endswith("_last_checkpoint")
    fix_all([found])
    assert fsck() == []


def test_f22_commit_that_is_gone_is_missed_by_what_the_step_recorded(lake, fsck):
    commit(lake, NIGHTS).unlink()

    [found] = fsck()

    assert "newest version is 11" in found.what
    assert "batch 12, step parametric_summary, 40 rows reached 12" in found.what
    assert found.file == str(commit(lake, NIGHTS))


def test_f22_gap_between_commits_is_found(lake, fsck):
    commit(lake, NIGHTS - 1).unlink()

    [found] = fsck()

    assert found.what.startswith("commit 11 is missing")


def test_f23_flipped_bit_stops_spark_and_is_found_by_a_deep_look(lake, fsck):
    flip_bit(data_file(lake), "wafer_key")
    with pytest.raises(Exception, match="FAILED_READ_FILE"):
        lake.read(PARAMETRIC_SUMMARY).agg({"wafer_key": "sum"}).collect()

    [found] = fsck(deep=True)

    assert fsck() == []
    assert found.file == str(data_file(lake))
    assert "CRC checksum verification failed" in found.what
    assert "its 40 rows cannot be read" in found.what
    assert "spark-submit jobs/parametric_summary.py --full" in found.repair


def test_f23_damaged_name_of_a_column_is_found(lake, fsck):
    rename_column(data_file(lake), b"executed", b"exeguted")
    as_declared = pa.schema([("executed", pa.int64())])
    assert pq.read_table(data_file(lake), schema=as_declared)["executed"].null_count == TESTS

    [found] = fsck()

    assert found.what.startswith("has columns twice, or that the table lacks: exeguted")


def test_f23_damaged_name_that_another_column_has_is_found(lake, fsck):
    rename_column(data_file(lake), b"maximum", b"minimum")

    [found] = fsck()

    assert found.what.startswith("has columns twice, or that the table lacks: minimum")


def test_rows_that_were_changed_in_a_table_with_a_feed_are_whole(run, rows, fsck):
    for origin in ("A", "B"):
        run.store.merge(WAFER_NAMES, rows(WAFER_NAMES, {"lot_id": "L", "origin_lot_id": origin}))
    files = Path(run.store.path(WAFER_NAMES)).glob("*.parquet")
    assert any("_change_type" in pq.read_schema(file).names for file in files)

    assert fsck(WAFER_NAMES, deep=True) == []


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (Path.unlink, "is missing"),
        (lambda path: path.write_bytes(path.read_bytes()[:-100]), "bytes, .* were written"),
        (lambda path: path.write_bytes(bytes(path.stat().st_size)), "magic bytes"),
    ],
)
def test_file_that_is_missing_cut_or_overwritten_is_found(lake, fsck, damage, message):
    path = data_file(lake)
    damage(path)

    [found] = fsck()

    assert found.file == str(path)
    assert re.search(message, found.what)


def test_column_that_is_stored_with_another_type_is_found(fsck):
    changed = {**PARAMETRIC_SUMMARY.columns, "executed": Column("int", "Results")}

    [found] = fsck(replace(PARAMETRIC_SUMMARY, columns=changed))

    assert "column executed is bigint, schemas/ says int" in found.what


def test_old_leftovers_are_reported_and_are_no_damage(lake, fsck):
    left = folder(lake) / "left.parquet"
    left.write_bytes(b"of a write that was killed")
    assert fsck() == []
    os.utime(left, (time.time() - 15 * 86400,) * 2)

    [found] = fsck()

    assert (found.is_harmless, found.what) == (True, "1 files, 26 bytes, that no version needs")


def test_command_ends_with_one_until_all_is_mended(lake, settings):
    commit(lake, NIGHTS).write_bytes(b"")
    given = ["fsck", "gold.parametric_summary", "--lake", settings.lake]
    ends = []
    for options in ([], ["--repair"], []):
        done = CliRunner().invoke(app, [*given, *options])
        ends.append((done.exit_code, "is empty" in done.output, done.output.splitlines()[-1]))

    one, none = "tables: 1, findings: 1", "tables: 1, findings: 0"
    assert ends == [(1, True, one), (0, True, one), (0, False, none)]
    assert json.loads(commit(lake, NIGHTS).read_text().splitlines()[0])["commitInfo"]


@pytest.mark.parametrize(
    ("given", "message"),
    [(["gold.nothing"], "gold.nothing: no such table"), (["--lake", "/nowhere"], "no lake there")],
)
def test_wrong_name_or_lake_is_refused(given, message):
    done = CliRunner().invoke(app, ["fsck", *given])

    assert message in str(done.exception)
