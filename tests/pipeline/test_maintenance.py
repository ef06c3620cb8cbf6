import json
import os
import threading
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from deltalake import DeltaTable

from fabyield.lake.catalog import (
    PARAMETRIC_SUMMARY,
    TABLE_STATISTICS,
    TEST_VALUES,
    WAFER_REGISTRY,
    WAFER_RUNS,
)
from fabyield.lake.delta_log import DeltaLog
from fabyield.lake.store import STATISTICS
from fabyield.pipeline.maintenance import MIB, maintain_tables, optimize_conf
from fabyield.pipeline.run_history import Attempt


@pytest.fixture
def upkeep(run, unaudited):
    """`upkeep(batch, days=0, **maintain)`: one night's maintenance, and its rows by table."""

    def night(batch, days=0, **maintain):
        settings = replace(run.settings, maintain=replace(run.settings.maintain, **maintain))
        attempt = Attempt(batch, "maintain", datetime.now(UTC) + timedelta(days=days))
        tonight = replace(run, settings=settings, attempt=attempt)
        tonight.write(TABLE_STATISTICS, maintain_tables(tonight))
        of_batch = run.read(TABLE_STATISTICS).where(f"batch = {batch}").collect()
        return {row["table"]: row for row in of_batch}

    return night


@pytest.fixture
def summaries(run, rows):
    """`summaries(*nights)`: test summaries of a wafer a night, written night by night."""

    def write(*nights):
        for night in nights:
            tests = [{"wafer_key": night, "test_num": t, "batch": night} for t in range(40)]
            run.store.replace(
                PARAMETRIC_SUMMARY, rows(PARAMETRIC_SUMMARY, *tests), f"wafer_key in ({night})"
            )

    return write


def contents(run, table):
    return sorted(map(str, run.read(table).collect()))


def newest_commit(run, table):
    log = DeltaLog(run.store.path(table))
    lines = Path(log.commit_file(log.version)).read_text().splitlines()
    return [json.loads(line) for line in lines]


def test_small_files_become_one_and_the_rows_stay_the_same(run, upkeep, summaries):
    summaries(1, 2, 3)
    before = contents(run, PARAMETRIC_SUMMARY)

    stats = upkeep(3, small_files=3)[PARAMETRIC_SUMMARY.table]

    assert (stats["files"], stats["rows"], stats["optimized"]) == (1, 120, True)
    assert contents(run, PARAMETRIC_SUMMARY) == before
    assert stats["version"] == run.store.version(PARAMETRIC_SUMMARY)


def test_damaged_file_alerts_and_stops_neither_the_night_nor_other_tables(run, upkeep, summaries):
    summaries(1, 2, 3)
    run.store.create(WAFER_REGISTRY)
    folder = Path(run.store.path(PARAMETRIC_SUMMARY))
    next(folder.glob("*.parquet")).write_bytes(b"not Parquet")

    maintained = upkeep(3, small_files=3)

    assert not maintained[PARAMETRIC_SUMMARY.table]["optimized"]
    assert WAFER_REGISTRY.table in maintained
    [notice] = run.notices
    assert (notice.table, notice.severity) == (PARAMETRIC_SUMMARY.table, "error")
    assert "cannot be maintained" in notice.observed
    assert "is not a Parquet file" in notice.observed


def test_optimize_is_no_change_of_data_and_carries_no_transaction(run, upkeep, summaries):
    summaries(1, 2, 3)

    upkeep(3, small_files=3)

    commit = newest_commit(run, PARAMETRIC_SUMMARY)
    changes = [action[kind] for action in commit for kind in ("add", "remove") if kind in action]
    assert len(changes) == 4
    assert not any(change["dataChange"] for change in changes)
    assert not any("txn" in action for action in commit)


def test_f01_table_with_nothing_to_maintain_gets_no_commit(run, upkeep, summaries):
    summaries(1, 2, 3)
    upkeep(3, small_files=3)
    before = run.store.version(PARAMETRIC_SUMMARY)

    stats = upkeep(4, small_files=3)[PARAMETRIC_SUMMARY.table]

    assert (stats["optimized"], stats["files"]) == (False, 1)
    assert run.store.version(PARAMETRIC_SUMMARY) == before


def test_large_files_are_clustered_once_there_is_enough_of_them(run, upkeep, summaries):
    summaries(1)
    first = upkeep(1, unclustered_mb=256)[PARAMETRIC_SUMMARY.table]
    size = first["bytes"] / MIB

    clustered = upkeep(2, unclustered_mb=size)[PARAMETRIC_SUMMARY.table]

    assert (first["optimized"], first["unclustered_bytes"]) == (False, first["bytes"])
    assert (clustered["optimized"], clustered["unclustered_bytes"]) == (True, 0)


def test_table_that_declares_no_clustering_has_nothing_unclustered(run, rows, upkeep):
    for key in range(3):
        run.store.append(WAFER_REGISTRY, rows(WAFER_REGISTRY, {"wafer_key": key}), batch=key)

    stats = upkeep(1, small_files=3)[WAFER_REGISTRY.table]

    assert (stats["files"], stats["optimized"], stats["unclustered_bytes"]) == (1, True, 0)


def test_full_cubes_are_not_rewritten(run, upkeep, summaries):
    # Each night more than half a cube, so that every second night closes one.
    summaries(1)
    maintain = run.settings.maintain
    size = DeltaLog(run.store.path(PARAMETRIC_SUMMARY)).state().files.values()
    cube = 1.5 * sum(file.size for file in size) / MIB
    small = {"target_file_mb": cube / 4, "cube_mb": cube, "unclustered_mb": cube / 100}
    assert cube < maintain.cube_mb
    kept = []
    for night in range(2, 9):
        summaries(night)
        before = set(DeltaLog(run.store.path(PARAMETRIC_SUMMARY)).state().files)
        upkeep(night, **small)
        kept.append(len(before & set(DeltaLog(run.store.path(PARAMETRIC_SUMMARY)).state().files)))

    assert kept[-1] > kept[3] > 0


def test_cube_is_closed_above_the_size_from_which_it_is_left_alone(settings):
    values = optimize_conf(settings.maintain)

    least, closed = (int(value) for name, value in values.items() if "Cube" in name)
    assert (least, closed) == (settings.maintain.cube_mb * MIB, 2 * least)


def test_settings_of_one_optimize_do_not_stay_in_the_session(run, upkeep, summaries):
    summaries(1, 2, 3)
    conf = run.spark.conf
    before = {name: conf.get(name, None) for name in optimize_conf(run.settings.maintain)}

    upkeep(3, small_files=3)

    assert {name: conf.get(name, None) for name in before} == before


def test_old_leftovers_are_deleted_and_what_versions_need_stays(run, upkeep, summaries):
    summaries(1, 2, 3)
    first = upkeep(3, small_files=3)[PARAMETRIC_SUMMARY.table]
    folder = Path(run.store.path(PARAMETRIC_SUMMARY))
    left = [folder / name for name in ("old.parquet", "young.parquet")]
    for path in left:
        path.write_bytes(b"of a write that was killed")
    os.utime(left[0], (time.time() - 8 * 86400,) * 2)

    stats = upkeep(4, days=8)[PARAMETRIC_SUMMARY.table]

    assert (first["vacuumed"], stats["vacuumed"]) == (False, True)
    assert [path.exists() for path in left] == [False, True]
    assert stats["version"] == first["version"]
    yesterday = run.spark.read.format("delta").option("versionAsOf", 3).load(str(folder))
    assert yesterday.count() == 120


def test_table_is_vacuumed_again_only_after_some_days(run, upkeep, summaries):
    summaries(1)
    done = [
        upkeep(b, days)[PARAMETRIC_SUMMARY.table]["vacuumed"]
        for b, days in enumerate((0, 6, 8, 14, 15))
    ]

    assert done == [False, False, True, False, True]


def test_declared_properties_and_clustering_are_given_to_a_table_that_lacks_them(run, rows, upkeep):
    bare = replace(TEST_VALUES, statistics=[], cluster_by=["test_num"])
    run.store.append(bare, rows(bare, {"file_key": 1}), batch=1)

    upkeep(1, log_days=60)

    state = DeltaLog(run.store.path(TEST_VALUES)).state()
    assert state.properties[STATISTICS] == ",".join(TEST_VALUES.statistics)
    assert state.properties["delta.logRetentionDuration"] == "interval 60 days"
    assert state.clustered_by == TEST_VALUES.cluster_by
    assert run.read(TEST_VALUES).count() == 1


def test_repeated_attempt_measures_a_table_once(run, upkeep, summaries):
    summaries(1)

    upkeep(1)
    upkeep(1)

    assert run.read(TABLE_STATISTICS).where(f"table = '{PARAMETRIC_SUMMARY.table}'").count() == 1


def test_f03_table_that_others_change_meanwhile_is_left_for_the_next_night(run, upkeep, caplog):
    for part in range(3):
        # Enough rows that writing them anew takes longer than a commit of others.
        wafers = run.spark.range(part * 400_000, (part + 1) * 400_000, numPartitions=1)
        columns = [f"cast(id as {c.type}) {n}" for n, c in WAFER_REGISTRY.columns.items()]
        run.store.append(WAFER_REGISTRY, wafers.selectExpr(*columns), batch=part)
    folder = Path(run.store.path(WAFER_REGISTRY))
    before, others = set(folder.glob("*.parquet")), DeltaTable(str(folder))

    def delete_once_optimize_has_begun():
        while not set(folder.glob("*.parquet")) - before:
            time.sleep(0.001)
        others.delete()

    thread = threading.Thread(target=delete_once_optimize_has_begun)
    thread.start()
    with caplog.at_level("INFO", "fabyield"):
        stats = upkeep(1, small_files=3)[WAFER_REGISTRY.table]
    thread.join()

    assert f"{WAFER_REGISTRY.table}: left for the next night" in caplog.text
    assert not stats["optimized"]
    assert run.read(WAFER_REGISTRY).count() == 0


def test_merge_still_finds_its_rows_after_an_optimize(run, rows, upkeep):
    for key in range(4):
        run.store.merge(WAFER_RUNS, rows(WAFER_RUNS, {"file_key": key, "batch": key}))
    upkeep(4, small_files=3)

    run.store.merge(WAFER_RUNS, rows(WAFER_RUNS, {"file_key": 1, "lot_id": "new", "batch": 5}))

    assert run.read(WAFER_RUNS).where("lot_id = 'new'").count() == 1
    assert [row["batch"] for row in replace(run, since=4).new(WAFER_RUNS).collect()] == [5]
