import json
import logging
from dataclasses import replace

import pytest

from fabyield.errors import AccountingError, DataQualityError
from fabyield.lake.catalog import (
    FAB_LOTS,
    PARTS,
    QUARANTINE,
    VALIDATION_RESULTS,
    WAFER_RUNS,
    WAFER_YIELD,
    WAFERS,
)
from fabyield.lake.table import Expectation, Severity
from fabyield.pipeline.run import Run
from fabyield.pipeline.run_history import Attempt
from fabyield.quality.batch import Batch
from fabyield.quality.row_counts import TableRows


def percent(severity):
    arguments = {"column": "final_yield_pct", "min_value": 0, "max_value": 100}
    name = "expect_column_values_to_be_between"
    return Expectation(name, arguments, severity, "the tester's bins")


def judged(table, *expectations):
    return replace(table, expectations=expectations)


STRICT = judged(WAFER_YIELD, percent(Severity.ERROR))


NO_SITE = Expectation(
    "expect_column_values_to_be_between", {"column": "site_num", "max_value": 4}, Severity.ROW
)


def keys(run, table=WAFER_YIELD):
    return sorted(row["wafer_key"] for row in run.read(table).collect())


def next_batch(run, batch, since=0, seen=None):
    return Run(run.store, run.settings, Attempt(batch, "step"), since, seen or {})


def test_rows_are_written_with_their_batch_and_counted(run, rows):
    run.write(WAFER_YIELD, rows(WAFER_YIELD, {"wafer_key": 5, "batch": 99}))

    assert run.read(WAFER_YIELD).select("wafer_key", "batch").collect() == [(5, 1)]
    assert run.attempt.tables == [TableRows("gold.wafer_yield", 1, 1, 0, 0, 1)]


def test_broken_error_expectation_publishes_nothing_of_any_table(run, rows):
    good = Batch(WAFERS, rows(WAFERS, {"wafer_key": 1}))
    bad = Batch(STRICT, rows(STRICT, {"wafer_key": 1, "final_yield_pct": 101.0}))

    with pytest.raises(DataQualityError, match=r"nothing published: gold\.wafer_yield: .*101"):
        run.publish([good, bad])

    assert (run.store.exists(WAFERS), run.store.exists(WAFER_YIELD)) == (False, False)
    assert run.attempt.tables == []


def test_broken_expectation_is_recorded_and_its_owner_alerted(run, rows, caplog):
    caplog.set_level(logging.WARNING, "fabyield")
    with pytest.raises(DataQualityError):
        run.write(STRICT, rows(STRICT, {"final_yield_pct": 101.0}))

    broken = run.read(VALIDATION_RESULTS).where("not met").collect()[0]
    assert (broken["batch"], broken["step"], broken["table"]) == (1, "step", "gold.wafer_yield")
    assert (broken["severity"], broken["owner"]) == ("error", "yield-engineering")
    assert json.loads(broken["observed"])["partial_unexpected_list"] == [101.0]
    [alert] = run.notices
    assert (alert.owner, alert.look_at) == ("yield-engineering", "the tester's bins")
    assert "ALERT error gold.wafer_yield (owner yield-engineering)" in caplog.text


def test_broken_warn_expectation_publishes_and_alerts(run, rows):
    lenient = judged(WAFER_YIELD, percent(Severity.WARN))

    run.write(lenient, rows(lenient, {"wafer_key": 5, "final_yield_pct": 101.0}))

    assert keys(run) == [5]
    assert [alert.severity for alert in run.notices] == ["warn"]


def test_row_rule_quarantines_its_rows_with_reason_and_place(run, rows):
    parts = judged(PARTS, NO_SITE)
    place = {"file_key": 7, "part_num": 1, "record_offset": 1204331, "site_num": 9}

    run.write(parts, rows(parts, {"part_num": 0, "site_num": 4}, place))

    assert run.read(PARTS).select("part_num", "site_num").collect() == [(0, 4)]
    [kept] = run.read(QUARANTINE).collect()
    assert (kept["table"], kept["batch"], kept["fab_id"]) == ("bronze.parts", 1, "FAB1")
    assert (kept["file_key"], kept["record_offset"]) == (7, 1204331)
    assert kept["reason"] == str(NO_SITE)
    assert json.loads(kept["row"])["site_num"] == 9
    assert run.attempt.tables == [TableRows("bronze.parts", 2, 1, 1, 0, 1)]


def test_row_that_breaks_two_rules_is_quarantined_once_with_both_reasons(run, rows):
    other = replace(NO_SITE, arguments={"column": "hard_bin", "max_value": 9})
    parts = judged(PARTS, NO_SITE, other)

    run.write(parts, rows(parts, {"site_num": 9, "hard_bin": 10}))

    assert [r["reason"] for r in run.read(QUARANTINE).collect()] == [f"{NO_SITE}; {other}"]


def test_f02_attempt_repeated_after_a_kill_leaves_the_same_rows(run, rows):
    parts = judged(PARTS, NO_SITE)
    df = rows(parts, {"part_num": 0}, {"part_num": 1, "site_num": 9})

    run.write(parts, df)
    next_batch(run, batch=1).write(parts, df)

    assert [row["part_num"] for row in run.read(PARTS).collect()] == [0]
    assert [row["file_key"] for row in run.read(QUARANTINE).collect()] == [0]


def test_rows_lost_on_the_way_stop_the_publish(run, rows):
    df = rows(WAFER_YIELD, {"wafer_key": 5})

    with pytest.raises(AccountingError, match=r"3 rows in, but 1 out .* 0 quarantined .* 1 dup"):
        run.publish([Batch(WAFER_YIELD, df, source_rows=3, duplicates=1)])

    assert not run.store.exists(WAFER_YIELD)


def test_rows_left_out_on_purpose_are_accounted_for(run, rows):
    record = {"file_key": 7, "record_offset": 99, "record_length": 12, "reason": "too short"}
    refused = rows(QUARANTINE, record | {"row": "PRR"})

    df = rows(PARTS, {"part_num": 5})
    run.publish([Batch(PARTS, df, source_rows=4, duplicates=2, refused=refused)])

    assert run.attempt.tables == [TableRows("bronze.parts", 4, 1, 1, 2, 1)]
    [kept] = run.read(QUARANTINE).collect()
    assert (kept["table"], kept["record_offset"], kept["row"]) == ("bronze.parts", 99, "PRR")


def test_second_publish_of_a_step_keeps_the_verdicts_of_the_first(run, rows):
    run.write(WAFERS, rows(WAFERS, {"wafer_key": 1}))
    run.write(WAFER_YIELD, rows(WAFER_YIELD, {"wafer_key": 1}))

    verdicts = run.read(VALIDATION_RESULTS).select("table").distinct().collect()
    assert sorted(row["table"] for row in verdicts) == ["gold.wafer_yield", "silver.wafers"]


def test_rows_of_the_given_wafers_make_room_and_no_others(run, rows):
    run.write(WAFER_YIELD, rows(WAFER_YIELD, *({"wafer_key": key} for key in (1, 2, 3))))

    later = next_batch(run, batch=2)
    later.write(WAFER_YIELD, rows(WAFER_YIELD, {"wafer_key": 2}), [2, 3])

    stored = run.read(WAFER_YIELD).select("wafer_key", "batch").collect()
    assert sorted(stored) == [(1, 1), (2, 2)]


def test_f18_no_touched_wafers_write_nothing(run, rows):
    run.write(WAFER_YIELD, rows(WAFER_YIELD, {"wafer_key": 1}))
    before = run.store.version(WAFER_YIELD)

    next_batch(run, batch=2).write(WAFER_YIELD, rows(WAFER_YIELD), [])

    assert (keys(run), run.store.version(WAFER_YIELD)) == ([1], before)


def test_source_without_a_right_row_deletes_nothing(run, rows):
    bad = Expectation("expect_column_values_to_be_null", {"column": "status"}, Severity.ROW)
    fab = {"fab_id": run.fab_id, "status": None}
    run.write(FAB_LOTS, rows(FAB_LOTS))
    run.write(FAB_LOTS, rows(FAB_LOTS, fab | {"lot_id": "A"}, fab | {"lot_id": "B"}))

    for wrong in (rows(FAB_LOTS), rows(FAB_LOTS, fab | {"lot_id": "A", "status": "?"})):
        with pytest.raises(
            DataQualityError, match=r"bronze\.fab_lots: its source has no valid row"
        ):
            next_batch(run, batch=2).write(judged(FAB_LOTS, bad), wrong)
    assert run.read(FAB_LOTS).count() == 2
    next_batch(run, batch=2).write(FAB_LOTS, rows(FAB_LOTS, fab | {"lot_id": "B"}))
    assert [row["lot_id"] for row in run.read(FAB_LOTS).collect()] == ["B"]


def test_wafers_that_lost_a_row_to_another_are_touched_as_well(run, rows):
    file = {"file_key": 7, "fab_id": run.fab_id}
    others = {"file_key": 8, "fab_id": "OTHER", "wafer_key": 6}
    run.write(WAFER_RUNS, rows(WAFER_RUNS, file | {"wafer_key": 4}, others))
    run.store.create(WAFER_YIELD)
    later = next_batch(run, 2, since=1, seen={WAFER_RUNS.table: run.store.version(WAFER_RUNS)})

    later.write(WAFER_RUNS, rows(WAFER_RUNS, file | {"wafer_key": 5}))
    run.store.merge(WAFER_RUNS, rows(WAFER_RUNS, others | {"insertion": "CP2"}))

    assert later.touched(WAFER_YIELD, WAFER_RUNS) == [4, 5]


def test_part_of_a_mirrored_source_deletes_only_what_it_says_is_gone(run, rows):
    lots = [{"fab_id": run.fab_id, "lot_id": lot} for lot in "ABC"]
    run.write(FAB_LOTS, rows(FAB_LOTS, *lots))

    changed = rows(FAB_LOTS, lots[1] | {"status": "new"})
    for batch, part, gone in ((2, changed, lots[2]), (3, rows(FAB_LOTS), lots[0])):
        part_of_it = Batch(FAB_LOTS, part, whole=False, gone=rows(FAB_LOTS, gone))
        next_batch(run, batch).publish([part_of_it])

    assert run.read(FAB_LOTS).select("lot_id", "status").collect() == [("B", "new")]


def test_step_that_takes_all_rows_sees_them_all_as_inserted(run, rows):
    run.write(WAFERS, rows(WAFERS, {"wafer_key": 1, "fab_id": run.fab_id}))

    [change] = next_batch(run, batch=2).changes(WAFERS).collect()

    assert (change["wafer_key"], change["_change_type"]) == (1, "insert")


def test_all_rows_of_a_table_that_was_created_again_are_seen_as_inserted(run, rows):
    run.write(WAFERS, rows(WAFERS, {"wafer_key": 1, "fab_id": run.fab_id}))

    later = next_batch(run, batch=2, since=1, seen={WAFERS.table: 30})

    assert [row["_change_type"] for row in later.changes(WAFERS).collect()] == ["insert"]


def test_part_of_a_source_deletes_nothing_even_if_it_is_empty(run, rows):
    fab = {"fab_id": run.fab_id}
    run.write(FAB_LOTS, rows(FAB_LOTS, *(fab | {"lot_id": name} for name in "AB")))
    changed = rows(FAB_LOTS, fab | {"lot_id": "B", "status": "held"}, fab | {"lot_id": "C"})

    for part in (changed, rows(FAB_LOTS)):
        next_batch(run, batch=2).publish([Batch(FAB_LOTS, part, whole=False)])

    stored = run.read(FAB_LOTS).orderBy("lot_id").select("lot_id", "status", "batch").collect()
    assert stored == [("A", "-", 1), ("B", "held", 2), ("C", "-", 2)]


def test_touched_are_the_wafers_with_rows_since_the_step_was_done(run, rows):
    old = [{"wafer_key": 1, "batch": 1}, {"wafer_key": 2, "batch": 1}]
    changed = [{"wafer_key": 2, "lot_id": "B", "batch": 2}, {"wafer_key": 9, "batch": 2}]
    run.store.merge(WAFERS, rows(WAFERS, *old))
    seen = {WAFERS.table: run.store.version(WAFERS)}
    run.store.merge(WAFERS, rows(WAFERS, old[0] | {"batch": 2}, *changed))

    later = next_batch(run, batch=3, since=1, seen=seen)

    assert later.touched(WAFER_YIELD, WAFERS) is None
    run.store.create(WAFER_YIELD)
    assert later.touched(WAFER_YIELD, WAFERS) == [2, 9]
    assert later.touched(WAFER_YIELD, WAFERS, WAFER_YIELD) == [2, 9]
    assert next_batch(run, batch=3).touched(WAFER_YIELD, WAFERS) is None
    assert keys(later, WAFERS) == [1, 2, 9]
    assert [row["wafer_key"] for row in later.read(WAFERS, [9]).collect()] == [9]
