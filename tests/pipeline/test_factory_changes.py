"""Steps that the factory database tells twice of a wafer: by two names, or two spellings."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from fabyield.lake.catalog import FAB_PROCESS_HISTORY, PROCESS_HISTORY, WAFER_NAMES
from fabyield.pipeline.ingest.factory_changes import update_batch
from fabyield.pipeline.night_modes import Kind, NightMode
from fabyield.pipeline.run_history import Attempt
from tests.conftest import FAB

WAFER = {"fab_id": FAB, "wafer_id": "02"}


@pytest.fixture
def nights(run, rows):
    """`nights([step, ...], ...)`: what silver has of wafer A/02, also called A.1/02, after each."""
    names = [
        WAFER | {"lot_id": lot, "wafer_key": 1, "name_key": n} for n, lot in ((1, "A"), (2, "A.1"))
    ]
    run.write(WAFER_NAMES, rows(WAFER_NAMES, *names))
    seen = {WAFER_NAMES.table: run.store.version(WAFER_NAMES)}

    def take(*nights):
        found = []
        for batch, steps in enumerate(nights, 1):
            night = replace(run, attempt=Attempt(batch, "step"), since=batch - 1, seen=dict(seen))
            night.store.merge(FAB_PROCESS_HISTORY, rows(FAB_PROCESS_HISTORY, *steps))
            night.publish([update_batch(night, FAB_PROCESS_HISTORY, PROCESS_HISTORY)])
            [counts] = night.attempt.tables
            stored = night.read(PROCESS_HISTORY).orderBy("step_seq").collect()
            chambers = "".join(row["chamber_id"] for row in stored)
            found.append((chambers, counts.rows_out, counts.duplicates, len(night.notices)))
            tables = (FAB_PROCESS_HISTORY, PROCESS_HISTORY)
            seen.update({t.table: run.store.version(t) for t in tables})
        return found

    return take


def step(lot, chamber, hour, seq=10):
    at = None if hour is None else datetime(2026, 3, 2, hour, tzinfo=UTC)
    values = {"lot_id": lot, "step_seq": seq, "chamber_id": chamber, "updated_at": at}
    return WAFER | values | {"started_at": None, "ended_at": None}


def test_of_two_copies_of_a_step_the_last_changed_one_counts_and_a_difference_alerts(nights):
    same, other = (step("A.1", chamber, 6) for chamber in "XY")

    assert nights([step("A", "X", 5), same]) == [("X", 1, 1, 0)]
    # A copy that comes later, as its lot is split.
    assert nights([step("A", "X", 5), step("A", "Z", 5, seq=20), other]) == [("YZ", 2, 1, 1)]


@pytest.mark.parametrize(
    ("copy", "counts"),
    [
        (step("A.1", "Y", 6), ("Y", 1, 0, 0)),
        (step("A.1", "Y", 4), ("X", 0, 1, 1)),
        (step("A.1", "Y", None), ("X", 0, 1, 1)),
    ],
)
def test_copy_that_comes_another_night_counts_if_it_was_changed_later(nights, copy, counts):
    assert nights([step("A", "X", 5)], [copy]) == [("X", 1, 0, 0), counts]


@pytest.mark.parametrize("hour", [4, 6, None])
def test_updated_row_replaces_its_old_version_whatever_its_time_is(nights, hour):
    assert nights([step("A", "X", 5)], [step("A", "Y", hour)])[1] == ("Y", 1, 0, 0)


def test_copy_that_was_updated_but_not_last_takes_not_the_place_of_the_other(nights):
    kept, overtaken, updated = step("A.1", "Y", 7), step("A", "X", 5), step("A", "Z", 6)

    assert nights([kept, overtaken], [updated]) == [("Y", 1, 1, 1), ("Y", 0, 1, 2)]


def test_rebuilt_names_are_all_read(run, rows, nights):
    assert nights([step("A", "X", 5)])[0][0] == "X"
    names = [WAFER | {"lot_id": "A", "wafer_key": 2, "name_key": 1}]
    run.store.replace(WAFER_NAMES, rows(WAFER_NAMES, *names), "true")
    seen = {t.table: run.store.version(t) for t in (FAB_PROCESS_HISTORY, PROCESS_HISTORY)}
    seen[WAFER_NAMES.table] = run.store.version(WAFER_NAMES) + 1
    night = replace(run, attempt=Attempt(2, "step"), since=1, seen=seen)

    night.publish([update_batch(night, FAB_PROCESS_HISTORY, PROCESS_HISTORY)])

    assert [row["wafer_key"] for row in night.read(PROCESS_HISTORY).collect()] == [2]


def test_rebuild_of_another_step_leaves_rows_of_which_nothing_is_new(run, nights):
    assert nights([step("A", "X", 5)])[0][0] == "X"
    tables = (FAB_PROCESS_HISTORY, PROCESS_HISTORY, WAFER_NAMES)
    seen = {table.table: run.store.version(table) for table in tables}
    rebuild = NightMode(Kind.REBUILD, step="wafer_yield")
    night = replace(run, attempt=Attempt(2, "step"), since=1, seen=seen, mode=rebuild)

    night.publish([update_batch(night, FAB_PROCESS_HISTORY, PROCESS_HISTORY)])

    assert [row["chamber_id"] for row in night.read(PROCESS_HISTORY).collect()] == ["X"]
