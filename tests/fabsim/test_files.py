"""Readers agree with the truth and with the files' own counts."""

import gzip
from collections import Counter
from datetime import UTC, datetime

import numpy as np
import pytest
from pystdf.IO import Parser

from fabsim.line.history import LineRun
from fabsim.plan.insertions import Says
from fabsim.testers.sessions import sessions
from fabsim.testers.write_stdf import stdf_file
from fabyield.stdf import read as open_file
from tests.fabsim.fabs import CP2, with_insertions

MAKES = ["K1001", "K1002", "K1003", "K1004", "K1005"]
TESTS, FUNCTIONAL = 9, 2


class Seen:
    """The records that pystdf, an independent reader, finds."""

    def __init__(self, fab, path):
        self.rows, self.counts = [], Counter()
        with gzip.open(fab.root / "landing" / "stdf" / path) as file:
            parser = Parser(inp=file)
            parser.addSink(self)
            parser.parse()

    def after_send(self, source, data):
        kind, fields = data
        self.counts[type(kind).__name__] += 1
        self.rows.append((type(kind).__name__, dict(zip(kind.fieldNames, fields, strict=True))))

    def of(self, name):
        return [fields for kind, fields in self.rows if kind == name]


def path_of(fab, lot_id, insertion="cp1", slot=1):
    """Where the file of a wafer, or of a lot's packages, has landed."""
    ending = f"{lot_id}_{slot:02d}_{insertion}" if slot else f"{lot_id}_{insertion}"
    (path,) = [row["path"] for row in fab.true("files") if f"{ending}.stdf" in row["path"]]
    return path


def read(fab, lot_id, insertion="cp1", slot=1):
    return fab.read(path_of(fab, lot_id, insertion, slot))


def counted(verdicts):
    """The counts of a file, from the places and verdicts of its parts in order."""
    first, last = {}, {}
    for place, passed in verdicts:
        first.setdefault(place, passed)
        last[place] = passed
    return {
        "touchdowns": len(verdicts),
        "tested_die": len(last),
        "first_pass_die": sum(first.values()),
        "good_die": sum(last.values()),
        "recovered_die": sum(last[one] and not first[one] for one in first),
    }


def true_counts(fab, path):
    """The true counts of the session with the file at `path`."""
    (file,) = [row for row in fab.true("files") if row["path"] == path]
    keys = ("lot_id", "wafer_id", "insertion")
    (row,) = [row for row in fab.true("yields") if all(row[key] == file[key] for key in keys)]
    return {name: row[name] for name in row if name.endswith(("_die", "touchdowns"))}


def test_our_reader_counts_every_file_as_the_truth(fab):
    paths = [row["path"] for row in fab.true("files")]
    assert len(paths) >= 40 + 30 + 5
    for path in paths:
        tables = fab.read(path)
        parts = tables.parts.select(["x_coord", "y_coord", "part_id", "part_pass"]).to_pylist()
        # Packages have no place, and keep their number when they are tested again.
        seen = [((p["x_coord"], p["y_coord"]), p["part_pass"]) for p in parts]
        seen = [(p["part_id"], p["part_pass"]) for p in parts] if "ft1" in path else seen

        assert counted(seen) == true_counts(fab, path)
        assert tables.refused.num_rows == 0
        assert tables.file["is_complete"].to_pylist() == [True]


@pytest.mark.parametrize(
    ("lot_id", "insertion"), [("K1001", "cp1"), ("K1002", "cp1"), ("K1005", "cp2")]
)
def test_pystdf_counts_as_the_truth(fab, lot_id, insertion):
    path = path_of(fab, lot_id, insertion)
    seen = Seen(fab, path)
    verdicts = [((p["X_COORD"], p["Y_COORD"]), not p["PART_FLG"] & 8) for p in seen.of("Prr")]

    assert counted(verdicts) == true_counts(fab, path)
    assert seen.counts["Pir"] == seen.counts["Prr"] == len(verdicts)
    assert seen.counts["Ptr"] == TESTS * len(verdicts)
    assert seen.counts["Ftr"] == (FUNCTIONAL if insertion == "cp1" else 1) * len(verdicts)


def test_pystdf_reads_packages_too(fab):
    path = path_of(fab, "A1001", "ft1", slot=0)
    parts = Seen(fab, path).of("Prr")

    assert counted([(p["PART_ID"], not p["PART_FLG"] & 8) for p in parts]) == true_counts(fab, path)
    assert {(p["X_COORD"], p["Y_COORD"]) for p in parts} == {(-32768, -32768)}


@pytest.mark.parametrize("lot_id", MAKES)
def test_wafer_and_part_counts_reconcile_with_the_parts(fab, lot_id):
    path = path_of(fab, lot_id)
    tables, true = fab.read(path), true_counts(fab, path)
    (wafer,) = tables.wafers.to_pylist()
    total, *sites = tables.part_counts.to_pylist()

    assert wafer["part_cnt"] == true["touchdowns"] == tables.parts.num_rows
    assert wafer["part_cnt"] - wafer["rtst_cnt"] == true["tested_die"] == 61
    assert wafer["good_cnt"] == true["good_die"]
    for name in ("part_cnt", "rtst_cnt", "good_cnt", "func_cnt", "abrt_cnt"):
        assert sum(site[name] for site in sites) == total[name] == wafer[name]


@pytest.mark.parametrize("kind", ["H", "S"])
@pytest.mark.parametrize("lot_id", MAKES)
def test_bin_counts_hold_each_die_once_by_its_last_bin(fab, lot_id, kind):
    tables = read(fab, lot_id)
    name = {"H": "hard_bin", "S": "soft_bin"}[kind]
    last = {(p["x_coord"], p["y_coord"]): p[name] for p in tables.parts.to_pylist()}
    total, sites = Counter(), Counter()
    for row in tables.bins.to_pylist():
        if row["bin_kind"] == kind:
            (total if row["head_num"] == 255 else sites)[row["bin_num"]] += row["bin_cnt"]

    assert total == sites == Counter(last.values())
    assert len(total) > 1


def test_bins_have_their_verdict_and_the_name_of_their_group_or_test(fab):
    names = {
        (row["bin_kind"], row["bin_num"]): (row["bin_nam"], row["bin_pf"])
        for lot_id in MAKES
        for row in read(fab, lot_id).bins.to_pylist()
    }

    assert names["H", 1] == names["S", 1] == ("good", "P")
    assert names["H", 2] == ("contact", "F")
    assert names["S", 100] == ("contact_01", "F")


def test_test_counts_reconcile_with_the_results(fab):
    tables = read(fab, "K1001")
    counts, failed = tables.test_counts.to_pylist(), Counter()
    for values in (tables.test_values, tables.functional, tables.multi_values):
        flags = values.select(["test_num", "site_num", "test_flg"]).to_pylist()
        failed.update((row["test_num"], row["site_num"]) for row in flags if row["test_flg"] & 128)

    assert len(counts) == (TESTS + FUNCTIONAL + 1) * 5
    assert sum(failed.values()) > 0
    for row in counts:
        sites = [1, 2, 3, 4] if row["head_num"] == 255 else [row["site_num"]]
        assert row["fail_cnt"] == sum(failed[row["test_num"], site] for site in sites)


@pytest.mark.parametrize("lot_id", ["K1002", "K1003"])
def test_flags_agree_with_results_and_limits(fab, lot_id):
    tables, failed = read(fab, lot_id), 0
    limits = {row["test_num"]: row for row in tables.tests.to_pylist()}
    for row in tables.test_values.to_pylist():
        limit = limits[row["test_num"]]
        too_low = limit["lo_limit"] is not None and row["result"] < limit["lo_limit"]
        too_high = row["result"] > limit["hi_limit"]

        failed += too_low or too_high
        assert bool(row["test_flg"] & 0x80) == (too_low or too_high)
        assert row["parm_flg"] == 0xC0 | 0x10 * too_low | 0x08 * too_high
    assert failed > 0


def test_every_touchdown_runs_every_test_on_interleaved_sites(fab):
    tables = read(fab, "K1001", slot=2)
    parts = tables.parts.num_rows
    sites = tables.test_values["site_num"].to_pylist()

    assert tables.test_values.num_rows == TESTS * parts
    assert (tables.functional.num_rows, tables.multi_values.num_rows) == (2 * parts, parts)
    assert sites[:8] == [1, 2, 3, 4, 1, 2, 3, 4]
    assert {len(pins) for pins in tables.multi_values["results"].to_pylist()} == {4}


def test_test_without_low_limit_has_none(fab):
    tests = {row["test_txt"]: row for row in read(fab, "K1001").tests.to_pylist()}

    assert tests["leak_01"]["lo_limit"] is None
    assert tests["leak_01"]["hi_limit"] == pytest.approx(4.8e-8)
    assert tests["vth_01"]["lo_limit"] == pytest.approx(0.342)
    assert (tests["vth_01"]["units"], tests["vth_01"]["res_scal"]) == ("V", 3)


def test_a_tester_writes_texts_and_limits_once_or_always(fab):
    said = {}
    for lot_id in ("K1001", "K1002"):
        tests = Seen(fab, path_of(fab, lot_id)).of("Ptr")
        said[lot_id] = [sum(1 for row in tests if row.get(n)) for n in ("TEST_TXT", "HI_LIMIT")]
        said[lot_id].append(len(tests))

    assert said["K1001"][:2] == [TESTS, TESTS]
    assert said["K1002"] == [said["K1002"][2]] * 3
    assert said["K1001"][2] > 61 * TESTS < said["K1002"][2]


def test_testers_spell_wafers_and_bytes_their_own_way(fab):
    files = [read(fab, lot_id, slot=2) for lot_id in MAKES]

    spelt = [file.wafers["wafer_id"][0].as_py() for file in files]
    assert spelt == ["W02", "w02 ", "2", "02", "K1005-02"]
    assert [file.file["cpu_type"][0].as_py() for file in files] == [2, 1, 2, 2, 1]
    nodes = [file.file["node_nam"][0].as_py() for file in files]
    assert nodes == ["cp-a01", "cp-b01", "cp-c01", "cp-d01", "cp-e01"]


@pytest.mark.parametrize(
    ("lot_id", "flag", "keeps_part_id"),
    [("K1001", 0x01, True), ("K1002", 0x02, False), ("K1003", 0x00, False)],
)
def test_testers_flag_retests_their_own_way(fab, lot_id, flag, keeps_part_id):
    parts = read(fab, lot_id).parts.to_pylist()
    first = {(part["x_coord"], part["y_coord"]): part for part in parts[:61]}

    assert {part["part_flg"] & 3 for part in parts[:61]} == {0}
    assert len(parts) > 61
    for part in parts[61:]:
        earlier = first[part["x_coord"], part["y_coord"]]
        assert part["part_flg"] & 3 == flag
        assert (part["part_id"] == earlier["part_id"]) == keeps_part_id
        assert earlier["part_pass"] is False


def test_a_file_says_what_was_tested_and_how(fab):
    (head,) = read(fab, "K1002", "cp2").file.to_pylist()
    (wafer,) = read(fab, "K1002", "cp2").wafers.to_pylist()

    said = [head[name] for name in ("lot_id", "part_typ", "job_nam", "job_rev", "flow_id")]
    assert said == ["K1002", "M16G", "m16g_cp2", "03", "CP2"]
    assert (wafer["die_wid"], wafer["die_ht"], wafer["wafr_siz"]) == (29.0, 30.0, 300.0)


def test_packages_lead_back_to_die_that_were_good_at_the_insertion_before(fab):
    parts = read(fab, "A1001", "ft1", slot=0).parts.to_pylist()
    last = {}
    for slot in (1, 2):
        for part in read(fab, "K1001", "cp2", slot).parts.to_pylist():
            place = f"K1001/{slot:02d}/{part['x_coord']}/{part['y_coord']}"
            last[place] = part["part_pass"]
    traced = {part["part_txt"]: part["part_id"] for part in parts}

    assert {last[place] for place in traced} == {True}
    assert len(set(traced.values())) == len(traced) > 20


def test_the_next_insertion_tests_the_die_that_passed(fab):
    for lot_id in MAKES:
        good = {}
        for part in read(fab, lot_id).parts.to_pylist():
            good[part["x_coord"], part["y_coord"]] = part["part_pass"]
        parts = read(fab, lot_id, "cp2").parts.to_pylist()

        assert {(p["x_coord"], p["y_coord"]) for p in parts} == {d for d, ok in good.items() if ok}


def test_wafers_are_probed_one_after_the_other_after_pcm_by_the_local_clock(fab):
    for lot_id in MAKES:
        files = [read(fab, lot_id, slot=slot).file.to_pylist()[0] for slot in (1, 2)]
        times = [file[name] for file in files for name in ("setup_t", "start_t", "finish_t")]
        ((measured,),) = fab.query("select max(measured_at) from pcm where lot_id = ?", lot_id)

        assert times == sorted(set(times))
        # Seoul is nine hours ahead; the first lots are set up a little after one in the morning.
        assert times[0] - 9 * 3600 > measured / 1e6
        assert f"{datetime.fromtimestamp(times[0], UTC):%Y-%m-%d %H}" == "2026-03-02 01"


def test_results_are_multiples_of_the_resolution(fab):
    tables = read(fab, "K1001")
    (vth,) = [t["test_num"] for t in tables.tests.to_pylist() if t["test_txt"] == "vth_01"]
    rows = tables.test_values.to_pylist()
    results = [row["result"] for row in rows if row["test_num"] == vth]

    # A 300th of 0.012 V is 40 uV: the tester resolves 10 uV.
    assert len(set(results)) > 50
    assert [np.float32(round(value, 5)) for value in results] == results


@pytest.mark.parametrize("lot", [0, 1])
def test_a_session_without_parts_is_a_whole_file(tmp_path, tiny, lot):
    built = LineRun.until(with_insertions(tiny, share=0.0), 2)
    session = next(sessions(built, built.lots[lot], CP2))
    path = tmp_path / "empty.stdf"
    path.write_bytes(stdf_file(session))
    tables = open_file(path)

    assert session.habits.says is [Says.ONCE, Says.ALWAYS][lot]
    assert tables.parts.num_rows == tables.tests.num_rows == tables.refused.num_rows == 0
    assert tables.file["is_complete"].to_pylist() == [True]
