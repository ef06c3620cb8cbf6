"""What a reader finds in the files, against the truth and against the files' own counts."""

import gzip
from collections import Counter
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from pystdf import V4
from pystdf.IO import Parser

from fabyield.simulate.route import start_lots

SORTED = [(f"K100{lot}", f"0{wafer}") for lot in (1, 2, 3, 4, 5) for wafer in (1, 2)]


class Counted:
    """Counts what pystdf, an independent reader, sees."""

    def __init__(self):
        self.parts = []
        self.records = Counter()

    def after_send(self, source, data):
        kind, fields = data
        self.records[type(kind).__name__] += 1
        if isinstance(kind, type(V4.prr)):
            self.parts.append(fields)


def die_counts(verdicts: list[tuple[int, int, bool]]) -> dict[str, int]:
    first, last = {}, {}
    for x, y, passed in verdicts:
        first.setdefault((x, y), passed)
        last[x, y] = passed
    return {
        "first_pass_die": sum(first.values()),
        "good_die": sum(last.values()),
        "tested_die": len(last),
        "recovered_die": sum(last[die] and not first[die] for die in first),
    }


def true_counts(fab, lot_id, wafer_id):
    rows = fab.wafers()
    (row,) = [row for row in rows if (row["lot_id"], row["wafer_id"]) == (lot_id, wafer_id)]
    return {name: row[name] for name in row if name.endswith("_die")}


@pytest.mark.parametrize(("lot_id", "wafer_id"), SORTED)
def test_our_reader_counts_what_is_true(fab, lot_id, wafer_id):
    tables = fab.read(lot_id, wafer_id)
    parts = tables.parts.select(["x_coord", "y_coord", "part_pass"]).to_pydict()

    assert die_counts(list(zip(*parts.values(), strict=True))) == true_counts(fab, lot_id, wafer_id)
    assert tables.refused.num_rows == 0
    assert tables.file["is_complete"].to_pylist() == [True]


def test_pystdf_counts_what_is_true(fab):
    seen = Counted()
    with gzip.open(fab.landing / "M16G_K1002_01_cp1.stdf.gz") as file:
        parser = Parser(inp=file)
        parser.addSink(seen)
        parser.parse()
    verdicts = [
        (row[V4.prr.X_COORD], row[V4.prr.Y_COORD], not row[V4.prr.PART_FLG] & 8)
        for row in seen.parts
    ]

    assert die_counts(verdicts) == true_counts(fab, "K1002", "01")
    assert seen.records["Ptr"] == 8 * len(verdicts)


@pytest.mark.parametrize(("lot_id", "wafer_id"), SORTED)
def test_wafer_and_part_counts_reconcile_with_the_parts(fab, lot_id, wafer_id):
    tables, true = fab.read(lot_id, wafer_id), true_counts(fab, lot_id, wafer_id)
    (wafer,) = tables.wafers.to_pylist()
    total, *sites = tables.part_counts.to_pylist()

    assert wafer["part_cnt"] == tables.parts.num_rows
    assert wafer["part_cnt"] - wafer["rtst_cnt"] == true["tested_die"]
    assert wafer["good_cnt"] == true["good_die"]
    for name in ("part_cnt", "rtst_cnt", "good_cnt", "func_cnt", "abrt_cnt"):
        assert sum(site[name] for site in sites) == total[name] == wafer[name]


@pytest.mark.parametrize("kind", ["H", "S"])
def test_bin_counts_hold_each_die_once_by_its_last_bin(fab, kind):
    tables = fab.read("K1005", "01")
    name = {"H": "hard_bin", "S": "soft_bin"}[kind]
    parts = tables.parts.to_pylist()
    last = {(part["x_coord"], part["y_coord"]): part[name] for part in parts}
    rows = [row for row in tables.bins.to_pylist() if row["bin_kind"] == kind]
    total, sites = Counter(), Counter()
    for row in rows:
        (total if row["head_num"] == 255 else sites)[row["bin_num"]] += row["bin_cnt"]

    assert total == sites == Counter(last.values())


def test_test_counts_reconcile_with_the_results(fab):
    tables = fab.read("K1001", "01")
    counts = tables.test_counts.to_pylist()
    failed = Counter()
    for values in (tables.test_values, tables.functional, tables.multi_values):
        flags = values.select(["test_num", "site_num", "test_flg"]).to_pylist()
        failed.update((row["test_num"], row["site_num"]) for row in flags if row["test_flg"] & 128)

    assert len(counts) == (8 + 2 + 1) * 5
    assert sum(failed.values()) > 0
    for row in counts:
        sites = [1, 2, 3, 4] if row["head_num"] == 255 else [row["site_num"]]
        assert row["fail_cnt"] == sum(failed[row["test_num"], site] for site in sites)


def test_flags_say_what_results_and_limits_say(fab):
    tables = fab.read("K1003", "01")
    limits = {row["test_num"]: row for row in tables.tests.to_pylist()}
    for row in tables.test_values.to_pylist():
        limit = limits[row["test_num"]]
        too_low = limit["lo_limit"] is not None and row["result"] < limit["lo_limit"]
        too_high = row["result"] > limit["hi_limit"]

        assert bool(row["test_flg"] & 0x80) == (too_low or too_high)
        assert row["parm_flg"] == 0xC0 | 0x10 * too_low | 0x08 * too_high


def test_every_touchdown_runs_every_test_on_interleaved_sites(fab):
    tables = fab.read("K1001", "02")
    parts = tables.parts.num_rows
    sites = tables.test_values["site_num"].to_pylist()

    assert tables.test_values.num_rows == 8 * parts
    assert (tables.functional.num_rows, tables.multi_values.num_rows) == (2 * parts, parts)
    assert sites[:8] == [1, 2, 3, 4, 1, 2, 3, 4]
    assert {len(pins) for pins in tables.multi_values["results"].to_pylist()} == {4}


def test_test_without_low_limit_has_none(fab):
    tests = {row["test_txt"]: row for row in fab.read("K1001", "01").tests.to_pylist()}

    assert tests["leak_01"]["lo_limit"] is None
    assert tests["leak_01"]["hi_limit"] == pytest.approx(4.8e-8)
    assert tests["vth_01"]["lo_limit"] == pytest.approx(0.342)
    assert tests["vth_01"]["units"] == "V"


def test_testers_spell_wafers_and_bytes_their_own_way(fab):
    lots = ("K1001", "K1002", "K1003", "K1004", "K1005")
    files = [fab.read(lot_id, "02") for lot_id in lots]

    spelt = [file.wafers["wafer_id"][0].as_py() for file in files]
    assert spelt == ["W02", "w02 ", "2", "02", "K1005-02"]
    assert [file.file["cpu_type"][0].as_py() for file in files] == [2, 1, 2, 2, 1]


@pytest.mark.parametrize(
    ("lot_id", "flag", "keeps_part_id"),
    [("K1001", 0x01, True), ("K1002", 0x02, False), ("K1003", 0x00, False)],
)
def test_testers_flag_retests_their_own_way(fab, lot_id, flag, keeps_part_id):
    parts = fab.read(lot_id, "01").parts.to_pylist()
    first = {(part["x_coord"], part["y_coord"]): part for part in parts[:61]}

    assert {part["part_flg"] & 3 for part in parts[:61]} == {0}
    assert len(parts) > 61
    for part in parts[61:]:
        earlier = first[part["x_coord"], part["y_coord"]]
        assert part["part_flg"] & 3 == flag
        assert (part["part_id"] == earlier["part_id"]) == keeps_part_id
        assert earlier["part_pass"] is False


def test_wafers_are_probed_after_their_last_step_by_the_local_clock(fab):
    zone, starts = ZoneInfo("Asia/Seoul"), []
    for lot in start_lots(fab.plan)[:5]:
        for wafer in lot.wafers:
            (file,) = fab.read(lot.lot_id, wafer.wafer_id).file.to_pylist()
            measured = wafer.measured_at.astimezone(zone).replace(tzinfo=None)
            waited = file["start_t"] - (measured - measured.min.replace(year=1970)).total_seconds()
            starts.append((file["node_nam"], file["setup_t"], file["start_t"]))

            assert 18 * 3600 <= waited < 19 * 3600
            assert file["setup_t"] < file["start_t"] < file["finish_t"]
    assert len(set(starts)) == 10


def test_results_hold_no_more_than_six_significant_digits(fab):
    results = fab.read("K1001", "01").test_values["result"].to_pylist()

    assert len(set(results)) > 100
    assert [np.float32(f"{value:.5e}") for value in results] == results
