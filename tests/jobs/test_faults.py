"""What a night must survive, by number."""

import gzip
import json
import shutil
import sqlite3
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from fabyield import stdf
from fabyield.errors import DataQualityError
from fabyield.lake.catalog import ALL
from fabyield.lake.table import Severity
from tests.conftest import clock_at
from tests.jobs.conftest import LATE, LOT2, differing, settle

pytestmark = pytest.mark.slow


def test_f01_f18_second_night_over_the_same_files_changes_nothing_and_warns(
    new_fab, night, undisturbed
):
    fab = new_fab(like=night)
    versions = fab.versions()

    fab.night()

    assert fab.versions() == versions
    assert differing(fab.contents(), undisturbed) == {}
    second = [row for row in fab.rows("ops.runs") if row["batch"] == 2]
    assert {row["state"] for row in second if row["step"] == "nightly"} == {"running", "done"}
    assert "no new STDF file" in fab.log()


def test_f07_renamed_and_recompressed_copies_are_counted_once(new_fab, night, undisturbed):
    fab = new_fab(like=night)
    real = fab.stdf / "lot2.stdf.gz"
    shutil.copy2(real, fab.stdf / "renamed.stdf.gz")
    (fab.stdf / "plain.stdf").write_bytes(gzip.decompress(real.read_bytes()))
    settle(fab.stdf / "plain.stdf")

    fab.take(*TO_YIELD)

    after = fab.contents()
    assert differing(after, undisturbed).keys() == {"bronze.stdf_files"}
    files = {row["path"]: row["status"] for row in fab.rows("bronze.stdf_files")}
    copies = [files[name] for name in ("lot2.stdf.gz", "plain.stdf", "renamed.stdf.gz")]
    assert copies == ["complete", "duplicate", "duplicate"]
    counts = [t for t in tables(fab) if t["table"] == "bronze.test_values"]
    assert (2 * 52403, 2 * 52403) in [(t["rows_in"], t["duplicates"]) for t in counts]


def test_f08_file_a_week_late_adds_its_wafer_and_changes_no_other(new_fab, night, monkeypatch):
    fab = new_fab(like=night)
    fab.deliver(LATE)
    clock_at(monkeypatch, datetime.now(UTC) + timedelta(days=7))

    fab.take(*TO_YIELD, "parametric_results")

    for name, of_the_wafer in (("gold.wafer_yield", 1), ("silver.parametric_results", 54123)):
        before, after = (lake.store.read(ALL[name]) for lake in (night, fab))
        added = after.exceptAll(before).groupBy("lot_id", "wafer_id").count().collect()

        assert before.exceptAll(after).isEmpty()
        assert [tuple(row) for row in added] == [("GAL-LOT", "03", of_the_wafer)]
    [late] = [row for row in fab.rows("gold.wafer_yield") if row["wafer_id"] == "03"]
    assert round(late["first_pass_yield_pct"], 2) == 88.87
    assert round(late["final_yield_pct"], 2) == 94.57
    counts = [t for t in tables(fab) if t["table"] == "bronze.test_values"]
    found = [[t[n] for n in ("rows_in", "rows_out", "quarantined", "duplicates")] for t in counts]
    assert [54123, 54123, 0, 0] in found


def test_f09_truncated_file_is_read_and_replaced_by_the_complete_one(new_fab, small_line):
    fab = new_fab(files=False)
    content = real_content(small_line)
    # The tester names the wafer only at its end: half a file is of no wafer yet.
    nameless = content.replace(b"\nGAL-LOT-02", b"\n          ", 1)
    (fab.stdf / "cut.stdf").write_bytes(nameless[: len(content) // 2])
    settle(*fab.stdf.iterdir())
    fab.take(*TO_YIELD)
    [cut] = fab.rows("gold.wafer_yield")
    [file] = fab.rows("bronze.stdf_files")
    [rest] = [row for row in fab.rows("ops.quarantine") if "are left" in row["reason"]]
    assert 0 < cut["tested_die"] < 1456
    assert file["status"] == "incomplete"
    assert rest["record_offset"] + rest["record_length"] == len(content) // 2

    (fab.stdf / "whole.stdf").write_bytes(content)
    settle(fab.stdf / "whole.stdf")
    fab.take(*TO_YIELD)

    [whole] = fab.rows("gold.wafer_yield")
    assert (whole["tested_die"], round(whole["final_yield_pct"], 2)) == (1456, 95.40)
    assert {row["wafer_key"] for row in fab.rows("silver.die_results")} == {whole["wafer_key"]}


TO_YIELD = ("stdf_files", "wafers", "wafer_runs", "touchdowns", "die_results", "wafer_yield")
SPELLINGS = ("W02", "w02", "2", "02")
NULLED = {"bronze.fab_wafers", "bronze.fab_process_history"}


@pytest.fixture(scope="module")
def odd(new_fab, small_line):
    """A night of files and rows of the factory database, each odd in a way of its own."""
    fab = new_fab(files=False)
    content = real_content(small_line)
    (fab.stdf / "empty.stdf").write_bytes(b"")
    (fab.stdf / "header.stdf").write_bytes(content[:106])
    (fab.stdf / "text.stdf").write_text("not STDF")
    part = {"head_num": 1, "site_num": 1}
    passed = [("PIR", part), ("PRR", part | {"hard_bin": 1, "soft_bin": 1})]
    wafer = {"head_num": 1, "wafer_id": "05"}
    aborted = [("WIR", wafer), ("WRR", wafer | {"part_cnt": 0})]
    ahead = int(time.time()) + 30 * 86400
    for name, mir, records in (
        ("aborted", {"lot_id": "ABORTED"}, aborted),
        ("nameless", {"node_nam": "T1"}, passed),
        ("ahead", {"lot_id": "AHEAD", "start_t": ahead}, passed),
    ):
        with stdf.Writer(fab.stdf / f"{name}.stdf") as writer:
            for kind, values in (("MIR", mir), *records, ("MRR", {"finish_t": 1})):
                writer.write(kind, **values)
    for turn, spelling in enumerate(SPELLINGS):
        respelt = content.replace(b"\nGAL-LOT-02", b"\n" + spelling.ljust(10).encode())
        # Another tester, or the copies would be one session.
        respelt = respelt.replace(b"galaxy-t", b"galax%03d" % turn)
        (fab.stdf / f"spelt{turn}.stdf").write_bytes(respelt)
    settle(*fab.stdf.iterdir())
    with sqlite3.connect(fab.root / "fab.db") as database:
        for table, null in (("wafers", "lot_id"), ("process_history", "step_seq")):
            # Without the keys that no fab's view has either.
            database.execute(f"create table open_{table} as select * from {table}")
            database.execute(f"drop table {table}")
            database.execute(f"alter table open_{table} rename to {table}")
            database.execute(f"update {table} set {null} = null where rowid = 1")
    fab.take("stdf_files", "fab_tables", *TO_YIELD[1:], "process_history")
    return fab


def test_f11_empty_and_header_only_files_are_refused_and_reported(odd):
    files = {row["path"]: row["status"] for row in odd.rows("bronze.stdf_files")}

    refused = {"empty.stdf": "empty", "header.stdf": "empty", "text.stdf": "broken"}
    assert {name: files[name] for name in refused} == refused
    assert all(f"{name} is" in odd.log() for name in refused)


def test_f11_wafer_without_parts_does_not_stop_a_night(odd):
    [aborted] = [r for r in odd.rows("bronze.stdf_files") if r["path"] == "aborted.stdf"]

    assert aborted["status"] == "empty"
    assert aborted["file_key"] not in {row["file_key"] for row in odd.rows("silver.wafer_runs")}


def test_f15_wafer_in_every_spelling_is_one(odd):
    runs = [row for row in odd.rows("silver.wafer_runs") if row["lot_id"] == "GAL-LOT"]

    assert {row["raw_wafer_id"].strip() for row in runs} == set(SPELLINGS)
    assert {(row["wafer_id"], row["wafer_key"]) for row in runs} == {("02", runs[0]["wafer_key"])}


def test_f16_rows_without_keys_are_quarantined_and_counted_and_the_others_are_joined(odd):
    refused = odd.rows("ops.quarantine")

    assert {row["table"] for row in refused} == NULLED | {"bronze.stdf_files"}
    nulls = [row["reason"] for row in refused if row["table"] in NULLED]
    assert all("to_not_be_null" in reason for reason in nulls)
    nameless = [y for y in odd.rows("gold.wafer_yield") if y["lot_id"].startswith("-")]
    assert [(y["wafer_id"], y["tested_die"]) for y in nameless] == [("-", 1)]
    assert odd.rows("silver.process_history")
    for t in tables(odd):
        assert t["rows_in"] == t["rows_out"] + t["quarantined"] + t["duplicates"]


def test_f17_tester_with_a_clock_in_the_future_is_flagged(odd):
    [run] = [row for row in odd.rows("silver.wafer_runs") if row["lot_id"] == "AHEAD"]

    assert run["clock_ahead_s"] > 29 * 86400
    alerts = [line for line in odd.log().splitlines() if "ALERT warn silver.wafer_runs" in line]
    assert any("clock_ahead_s" in alert for alert in alerts)


def test_f11_empty_file_stops_the_night_if_the_policy_says_so(new_fab):
    fab = new_fab(files=False)
    (fab.stdf / "empty.stdf").write_bytes(b"")
    settle(*fab.stdf.iterdir())

    with pytest.raises(DataQualityError, match=r"empty\.stdf"):
        fab.with_policy(empty_file="fail").take("stdf_files")

    assert fab.rows("bronze.stdf_files") == []


def test_f18_night_without_files_warns_and_keeps_the_tables(new_fab, unaudited):
    fab = new_fab(files=False)

    fab.take("stdf_files", "wafers", "wafer_runs", "touchdowns", "die_results", "wafer_yield")

    assert fab.rows("gold.wafer_yield") == []
    assert "no new STDF file" in fab.log()


def test_f18_night_without_files_stops_if_the_policy_says_so(new_fab):
    fab = new_fab(files=False)

    with pytest.raises(DataQualityError, match="no new STDF file"):
        fab.with_policy(empty_night="fail").take("stdf_files")


def test_broken_error_expectation_stops_the_night_and_keeps_the_table(new_fab, night, monkeypatch):
    # Side by side, one might be under way already.
    fab = new_fab(like=night).one_step_at_a_time()
    [warned] = [e for e in ALL["gold.wafer_yield"].expectations if "gross_die" in str(e)]
    strict = replace(
        ALL["gold.wafer_yield"], expectations=(replace(warned, severity=Severity.ERROR),)
    )
    steps = ["fab_tables", "wafers", "wafer_yield", "bin_pareto"]
    monkeypatch.setattr("fabyield.pipeline.night.steps", lambda: steps)
    yesterday = fab.rows("gold.wafer_yield")
    shutil.copy2(fab.root / "fab.db", fab.root / "right.db")
    with sqlite3.connect(fab.root / "fab.db") as database:
        database.execute("update products set gross_die = 10")

    with monkeypatch.context() as judged, pytest.raises(DataQualityError, match="gross_die"):
        judged.setattr("fabyield.jobs.wafer_yield.WAFER_YIELD", strict)
        fab.night()

    assert fab.rows("gold.wafer_yield") == yesterday
    assert "ALERT error gold.wafer_yield (owner yield-engineering)" in fab.log()
    newest = fab.history.next_batch() - 1
    attempts = [row for row in fab.rows("ops.runs") if row["batch"] == newest]
    states = {(row["step"], row["state"]) for row in attempts}
    assert states >= {("wafer_yield", "stopped"), ("nightly", "stopped")}
    assert "bin_pareto" not in {step for step, _ in states}
    page = (fab.root / "report.html").read_text()
    assert "This night did not end." in page
    assert "Step wafer_yield stopped." in page
    assert "gross_die" in page.split("</main>")[0]

    shutil.copy2(fab.root / "right.db", fab.root / "fab.db")
    with sqlite3.connect(fab.root / "fab.db") as database:
        database.execute("update products set gross_die = 1500 where product_id = 'GOLD8BAR'")
    fab.take("fab_tables", "wafers", "wafer_yield")

    [real] = [row for row in fab.rows("gold.wafer_yield") if row["lot_id"] == "GAL-LOT"]
    assert (real["gross_die"], real["tested_die"], real["batch"]) == (1500, 1456, newest + 1)


def test_row_that_breaks_a_row_rule_is_quarantined_and_counted(new_fab):
    fab = new_fab(files=False)
    with sqlite3.connect(fab.root / "fab.db") as database:
        high = "update pcm set pcm_value = 1e300 where wafer_id = '01' and pcm_test = 'vth_n'"
        changed = database.execute(high).rowcount

    fab.take("fab_tables")

    refused = fab.rows("ops.quarantine")
    [counted] = [t for t in tables(fab) if t["table"] == "bronze.fab_pcm"]
    assert {(row["table"], json.loads(row["row"])["pcm_value"]) for row in refused} == {
        ("bronze.fab_pcm", 1e300)
    }
    assert counted["quarantined"] == len(refused) == changed > 0
    assert counted["rows_in"] == counted["rows_out"] + len(refused)


def test_file_that_is_still_growing_is_left_for_later(new_fab, unaudited):
    fab = new_fab(files=False).with_policy(settle_seconds=600.0)
    fab.deliver(LATE)
    growing = Path(shutil.copy(LOT2, fab.stdf))

    fab.take("stdf_files")
    first = {row["path"] for row in fab.rows("bronze.stdf_files")}
    settle(growing)
    fab.take("stdf_files")

    assert first == {"lot3.stdf.gz"}
    assert {row["path"] for row in fab.rows("bronze.stdf_files")} == first | {"lot2.stdf.gz"}


def real_content(line):
    return gzip.decompress((line / "landing" / "stdf" / "lot2.stdf.gz").read_bytes())


def tables(fab):
    rows = [row for row in fab.rows("ops.runs") if row["step"] != "nightly"]
    return [table for row in rows for table in row["tables"]]
