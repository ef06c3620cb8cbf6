"""A step is left out of a night where nothing has changed since it was last done, and only then."""

import logging
import shutil
from dataclasses import replace

import pytest
from delta import DeltaTable

from fabyield.lake.catalog import INSERTIONS, RUNS, WAFER_RUNS
from fabyield.lake.delta_log import DeltaLog
from fabyield.pipeline.night import run_if_changed
from fabyield.pipeline.night_modes import Kind, NightMode
from fabyield.pipeline.run import Run
from fabyield.pipeline.run_history import NIGHT, Attempt, Fingerprint, RunHistory, State
from fabyield.pipeline.steps import declared, sources_hash
from tests.conftest import FAB

STEP = "insertions"


class Nights:
    """Nights of one step over rows of its source that change in between."""

    def __init__(self, run: Run, rows):
        self.run, self.store, self.rows = run, run.store, rows
        self.settings, self.mode = run.settings, NightMode()

    def test(self, *wafers, batch=1):
        read = [{"wafer_key": key, "file_key": key, "insertion": "CP1"} for key in wafers]
        run = replace(self.run, attempt=Attempt(batch, "wafer_runs"))
        run.write(WAFER_RUNS, self.rows(WAFER_RUNS, *read))

    def night(self):
        history = RunHistory(self.store, FAB)
        attempt = Attempt(history.next_batch(), NIGHT)
        night = Run(self.store, self.settings, attempt, mode=self.mode)
        run_if_changed(night, history, STEP, STEP)
        [row] = [r for r in self.store.rows(RUNS) if r["batch"] == attempt.batch]
        return row["state"]


@pytest.fixture
def nights(run, rows, unaudited):
    nights = Nights(run, rows)
    nights.test(1)
    assert nights.night() == "done"
    return nights


def test_step_is_unchanged_until_its_source_changes(nights):
    assert [nights.night(), nights.night()] == ["unchanged", "unchanged"]
    nights.test(1, 2)
    assert [nights.night(), nights.night()] == ["done", "unchanged"]
    assert sorted(row["wafer_key"] for row in nights.store.rows(INSERTIONS)) == [1, 2]


def test_changes_are_followed_from_the_nights_that_found_none(nights):
    assert nights.night() == "unchanged"
    nights.test(1, 2)

    assert nights.night() == "done"

    [last] = [r for r in nights.store.rows(RUNS) if r["batch"] == 3]
    assert [table["rows_out"] for table in last["tables"]] == [1]


def test_rewritten_files_and_new_properties_are_no_change(nights):
    nights.test(1, 2)
    assert nights.night() == "done"
    stored = DeltaTable.forPath(nights.store.spark, nights.store.path(WAFER_RUNS))
    before = nights.store.version(WAFER_RUNS)
    stored.optimize().executeCompaction()
    path = nights.store.path(WAFER_RUNS)
    nights.store.spark.sql(f"ALTER TABLE delta.`{path}` SET TBLPROPERTIES ('note' = 'x')")

    assert nights.store.version(WAFER_RUNS) == before + 2
    assert nights.night() == "unchanged"


def test_table_that_the_step_wrote_and_that_is_lost_is_made_again(nights):
    shutil.rmtree(nights.store.path(INSERTIONS))

    assert nights.night() == "done"
    assert [row["wafer_key"] for row in nights.store.rows(INSERTIONS)] == [1]


def test_row_that_somebody_deleted_of_what_the_step_wrote_has_it_looked_at_again(nights):
    DeltaTable.forPath(nights.store.spark, nights.store.path(INSERTIONS)).delete("true")

    assert nights.night() == "done"


def test_commits_that_are_gone_or_cannot_be_read_may_be_changes(nights):
    log = DeltaLog(nights.store.path(WAFER_RUNS))
    assert not log.changed_since(log.version)
    assert DeltaLog(log.uri).changed_since(log.version + 1)
    assert DeltaLog(log.uri).changed_since(-1)
    with open(log.commit_file(log.version), "w"):
        pass
    assert DeltaLog(log.uri).changed_since(log.version - 1)


def test_change_of_the_settings_that_a_step_reads_has_it_looked_at_again(nights, monkeypatch):
    reading = replace(declared()[STEP], conf=("fab",))
    monkeypatch.setitem(declared(), STEP, reading)
    assert [nights.night(), nights.night()] == ["done", "unchanged"]
    model = replace(nights.settings.model, seed=8)
    nights.settings = replace(nights.settings, model=model)
    assert nights.night() == "unchanged"

    fab = replace(nights.settings.fab, retest_rule="flag")
    nights.settings = replace(nights.settings, fab=fab)

    assert [nights.night(), nights.night()] == ["done", "unchanged"]


def test_rebuild_takes_all_rows_whatever_has_changed(nights):
    nights.mode = NightMode(Kind.REBUILD, step=STEP)
    assert nights.night() == "done"
    nights.mode = NightMode(Kind.REBUILD, step="touchdowns")
    assert nights.night() == "unchanged"


def test_rebuild_of_another_step_replaces_no_rows_of_one_that_takes_only_what_is_new(nights):
    nights.test(1, 2)
    nights.mode = NightMode(Kind.REBUILD, step="process_history")

    assert nights.night() == "done"

    assert sorted(row["wafer_key"] for row in nights.store.rows(INSERTIONS)) == [1, 2]


def test_other_code_rebuilds_nothing_by_itself_but_logs_each_night_what_is_due(
    nights, monkeypatch, caplog
):
    caplog.set_level(logging.INFO, "fabyield")
    monkeypatch.setattr("fabyield.pipeline.launch.sources_hash", lambda step: "tomorrow's")

    assert [nights.night(), nights.night()] == ["unchanged", "unchanged"]

    due = f"`fabyield rebuild {STEP}` is due"
    assert len([line for line in caplog.messages if due in line]) == 2
    nights.mode = NightMode(Kind.REBUILD, step=STEP)
    nights.night()
    nights.mode = NightMode()
    caplog.clear()
    nights.night()
    assert due not in caplog.text


def test_what_an_attempt_saw_is_on_record(nights):
    [row] = [r for r in nights.store.rows(RUNS) if r["state"] == State.DONE]

    seen = {table["table"]: table["version"] for table in row["seen"]}
    written = nights.store.version(INSERTIONS)
    assert seen == {WAFER_RUNS.table: nights.store.version(WAFER_RUNS), INSERTIONS.table: written}
    assert row["is_full"]
    assert Fingerprint(row["conf_hash"], row["sources_hash"]) == Fingerprint(
        nights.settings.hash_of(()), sources_hash(STEP)
    )
