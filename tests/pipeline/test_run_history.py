from datetime import UTC, datetime, timedelta

import pytest

from fabyield.lake.catalog import FAB_LOTS, FAB_PRODUCTS, RUNS
from fabyield.lake.store import Store
from fabyield.pipeline.run_history import MAINTAIN, NIGHT, Attempt, Fingerprint, RunHistory, State
from fabyield.quality.row_counts import TableRows
from tests.conftest import FAB, clock_at

KEEP_DAYS = 7


@pytest.fixture
def store(spark, settings):
    return Store(spark, settings.lake)


def recorded(store, *attempts):
    history = RunHistory(store, FAB)
    for batch, step, state in attempts:
        history.record(Attempt(batch, step), State(state))
    # What the next process reads.
    return RunHistory(store, FAB)


@pytest.mark.parametrize(
    ("states", "open_batch"),
    [
        (["running"], 1),
        (["running", "failed"], 1),
        (["running", "failed", "running"], 1),
        (["running", "stopped"], None),
        (["running", "failed", "running", "incomplete"], None),
        (["running", "failed", "running", "done"], None),
    ],
)
def test_night_is_open_until_it_has_ended(store, states, open_batch):
    history = recorded(store, *((1, NIGHT, state) for state in states))

    assert history.open_batch() == open_batch
    assert history.next_batch() == 2


@pytest.mark.parametrize(
    ("state", "open_batch"), [("running", 2), ("failed", 2), ("stopped", None), ("done", None)]
)
def test_job_alone_is_open_until_it_is_done_or_stopped_by_data_quality(store, state, open_batch):
    history = recorded(store, (1, NIGHT, "done"), (2, "wafers", state))

    assert history.open_batch() == open_batch
    assert history.lone_step(2) == "wafers"


def test_step_of_a_night_is_no_job_alone(store):
    history = recorded(store, (1, NIGHT, "running"), (1, "wafers", "done"))

    assert history.open_batch() == 1
    assert history.lone_step(1) is None


def test_step_is_done_for_the_batches_that_it_finished(store):
    attempts = [(1, "done"), (2, "done"), (3, "failed"), (4, "running")]

    history = recorded(store, *((batch, "wafers", state) for batch, state in attempts))

    assert [history.is_done(batch, "wafers") for batch in (1, 2, 3, 4)] == [
        True,
        True,
        False,
        False,
    ]
    assert history.last_batch("wafers") == 2
    assert history.last_batch("wafer_runs") == 0


def test_versions_are_what_the_step_saw_when_it_was_last_done(store):
    history = RunHistory(store, FAB)
    seen = [("done", 8), ("failed", 9), ("unchanged", 10), ("stopped", 11)]
    for batch, (state, version) in enumerate(seen, 1):
        history.record(Attempt(batch, "wafers", seen={"a": version, "b": -1}), State(state))

    for known in (history, RunHistory(store, FAB)):
        assert known.versions("wafers", KEEP_DAYS) == {"a": 10, "b": -1}
        assert (known.last("wafers").batch, known.last_batch("wafers")) == (3, 3)
        assert known.versions("wafer_runs", KEEP_DAYS) == {}


def test_rows_are_made_by_what_the_last_run_over_all_of_them_used(store):
    history = RunHistory(store, FAB)
    for batch, is_full in ((1, True), (2, False)):
        fingerprint = Fingerprint("conf", f"code {batch}")
        history.record(
            Attempt(batch, "wafers", fingerprint=fingerprint, is_full=is_full), State.DONE
        )

    for known in (history, RunHistory(store, FAB)):
        assert known.full_run_fingerprint("wafers") == Fingerprint("conf", "code 1")
        assert known.last("wafers").fingerprint == Fingerprint("conf", "code 2")
        assert known.full_run_fingerprint("wafer_runs") is None


def test_new_lake_has_no_batch_yet(store):
    history = RunHistory(store, FAB)

    assert (history.open_batch(), history.next_batch()) == (None, 1)


def test_row_of_an_attempt_sums_its_tables(store):
    attempt = Attempt(1, "stdf_files")
    attempt.tables += [TableRows("a", 10, 7, 1, 2, 5), TableRows("b", 100, 90, 10, 0, 6)]

    RunHistory(store, FAB).record(attempt, State.DONE)

    [row] = store.read(RUNS).collect()
    names = ("rows_in", "rows_out", "rows_quarantined", "rows_duplicate")
    assert [row[name] for name in names] == [110, 97, 11, 2]
    assert [(table["table"], table["version"]) for table in row["tables"]] == [("a", 5), ("b", 6)]
    assert row["seconds"] >= 0


def test_fab_sees_its_own_runs_and_numbers_are_of_the_lake(store):
    recorded(store, (1, NIGHT, "done"), (1, "wafers", "done"), (2, NIGHT, "running"))

    other = RunHistory(store, "OTHER")

    assert (other.open_batch(), other.next_batch()) == (None, 3)
    assert other.last_batch("wafers") == 0
    other.record(Attempt(3, NIGHT), State.RUNNING)
    assert [RunHistory(store, fab).open_batch() for fab in (FAB, "OTHER")] == [2, 3]


@pytest.mark.parametrize(
    ("maintained_days_later", "state", "versions"),
    [
        (None, "done", {"a": 5}),
        (KEEP_DAYS - 1, "done", {"a": 5}),
        (KEEP_DAYS + 1, "done", {}),
        (KEEP_DAYS + 1, "running", {}),
    ],
)
def test_no_version_can_be_followed_where_changes_since_may_be_gone(
    store, monkeypatch, maintained_days_later, state, versions
):
    started = datetime(2026, 3, 2, tzinfo=UTC)
    clock_at(monkeypatch, started)
    RunHistory(store, FAB).record(Attempt(1, "wafers", seen={"a": 5}), State.DONE)
    if maintained_days_later:
        clock_at(monkeypatch, started + timedelta(days=maintained_days_later))
        RunHistory(store, "OTHER").record(Attempt(2, MAINTAIN), State(state))

    assert RunHistory(store, FAB).versions("wafers", KEEP_DAYS) == versions


def test_version_can_be_followed_however_old_where_nothing_has_changed_since(store, monkeypatch):
    started = datetime(2026, 3, 2, tzinfo=UTC)
    for number, table in enumerate((FAB_LOTS, FAB_PRODUCTS, FAB_LOTS)):
        store.append(table, store.read(table), batch=number)
    clock_at(monkeypatch, started)
    seen = {FAB_LOTS.table: 1, FAB_PRODUCTS.table: 1}
    RunHistory(store, FAB).record(Attempt(1, "wafers", seen=seen), State.DONE)
    clock_at(monkeypatch, started + timedelta(days=KEEP_DAYS + 1))
    history = RunHistory(store, FAB)
    history.record(Attempt(2, MAINTAIN), State.DONE)

    assert history.versions("wafers", KEEP_DAYS) == {FAB_PRODUCTS.table: 1}
