"""The order of records in STDF V4: what breaks it is never given to another lot or wafer."""

import gzip

import pytest

from fabyield.readers.stdf.rows import FileRules, FileSummary
from fabyield.settings.settings import Settings
from fabyield.stdf import batches, read, records
from fabyield.stdf.decode import source
from fabyield.stdf.tools.name_rules import Naming
from fabyield.stdf.tools.outline import outline
from fabyield.stdf.tools.retest import PartRules
from fabyield.stdf.tools.to_parquet import Rules, to_parquet
from tests.stdf.conftest import MIR, pir, prr, ptr

FAB = Settings.load("dev").fab
NAMING = Naming(FAB.wafer_id_rules, FAB.insertion_rules, FAB.default_insertion)
LOT_B = ("MIR", MIR[1] | {"lot_id": "LOTB"})
MRR = ("MRR", {"finish_t": 31})
PART = (pir(0), ptr(0, 1.0), prr(0))
DTR = ("DTR", {"text_dat": "behind the end"})
# A header of no record, with the type and subtype of a MIR behind it.
MAY_HIDE, HIDES_NOTHING = b"\x04\x00\xdc\xdc\x00\x00\x01\x0a", b"\x04\x00\xdc\xdczzzz"


def wir(name=None):
    return "WIR", {"head_num": 1, "start_t": 21} | ({"wafer_id": name} if name else {})


def wrr(name=None, **more):
    return "WRR", {"head_num": 1, "finish_t": 30, **more} | ({"wafer_id": name} if name else {})


def manifest(content):
    """Status and reason of a file in the night's manifest, which its alert quotes."""
    summary = FileSummary(1)
    for batch in batches(content, hashed=True):
        summary.add(batch)
    row = summary.manifest_row(FileRules()).to_pylist()[0]
    return row["status"], row["reason"]


def wafers_of_parts(tables):
    names = [*tables.wafers["wafer_id"].to_pylist(), None]
    return [names[-1 if run is None else run] for run in tables.parts["wafer_num"].to_pylist()]


@pytest.fixture(params=[16, 1 << 20])
def block(request, monkeypatch):
    """The content is read in blocks of so many bytes."""
    monkeypatch.setattr(source, "BLOCK", request.param)


@pytest.mark.usefixtures("block")
@pytest.mark.parametrize("between", [(), (MRR,), (wrr("W1"), MRR)])
def test_second_mir_and_what_follows_it_is_refused_as_one_stretch(stdf, between):
    first = stdf(MIR, wir("W1"), *PART, *between)
    content = first + stdf(LOT_B, wir("W2"), *PART * 9, wrr(), MRR)[6:]

    tables = read(content)

    [stretch] = tables.refused.to_pylist()
    assert (stretch["record_offset"], stretch["record_length"]) == (
        len(first),
        len(content) - len(first),
    )
    reason = f"a second MIR at byte {len(first)} (lot LOTB): one file holds one session; "
    assert stretch["reason"] == reason + "split it there, and deliver both, each with a FAR"
    assert tables.file["lot_id"].to_pylist() == ["L1"]
    assert (tables.parts.num_rows, tables.wafers.num_rows, tables.counts["MIR"]) == (1, 1, 1)
    assert manifest(content) == ("incomplete", stretch["reason"])
    assert len([name for name, _, _ in records(content) if name == "PRR"]) == 1


@pytest.mark.usefixtures("block")
def test_second_far_and_what_follows_it_is_refused_as_one_stretch(stdf):
    first, second = stdf(MIR, *PART, MRR), stdf(LOT_B, *PART * 9, MRR)

    [stretch] = read(first + second).refused.to_pylist()

    assert (stretch["record_offset"], stretch["record_length"]) == (len(first), len(second))


def test_part_cut_off_by_a_second_mir_blames_the_mir(stdf):
    status, reason = manifest(stdf(MIR, *PART, pir(0), ptr(0, 2.0), LOT_B, prr(0), MRR))

    assert (status, reason[:12]) == ("incomplete", "a second MIR")


@pytest.mark.usefixtures("block")
def test_second_mir_behind_parts_behind_mrr_is_the_reason(stdf):
    status, reason = manifest(stdf(MIR, *PART, MRR, *PART, LOT_B, *PART, MRR))

    assert (status, reason[:12]) == ("incomplete", "a second MIR")


@pytest.mark.usefixtures("block")
def test_parts_behind_mrr_hide_no_record_without_its_pair(stdf):
    tables = read(stdf(MIR, wir("W1"), *PART, wrr("W1"), *PART, MRR, *PART, MRR))

    reasons = [row["reason"][:23] for row in tables.refused.to_pylist()]
    assert reasons == ["parts outside WIR..WRR ", "parts behind MRR without"[:23]]


def test_mir_that_is_repeated_byte_by_byte_changes_nothing(stdf):
    tables = read(stdf(MIR, MIR, *PART, MIR, *PART, MRR))

    assert (tables.parts.num_rows, tables.refused.num_rows) == (2, 0)
    assert tables.file["is_complete"].to_pylist() == [True]


def test_mir_behind_parts_names_no_lot_of_theirs(stdf):
    content = stdf(*PART, LOT_B, *PART, MRR)

    tables = read(content)

    assert (tables.parts.num_rows, tables.file["lot_id"].to_pylist()) == (1, [None])
    assert "(lot LOTB) behind parts of no known lot" in tables.refused["reason"].to_pylist()[1]


def test_parts_behind_mrr_count_for_its_lot_and_are_told(stdf):
    content = stdf(MIR, *PART, MRR, *PART, MRR)

    reason = "parts behind MRR without a MIR of their own: they count for the lot before it"
    assert read(content).parts.num_rows == 2
    assert manifest(content) == ("incomplete", reason)


@pytest.mark.usefixtures("block")
@pytest.mark.parametrize(("damage", "parts"), [(MAY_HIDE, 1), (bytes(600), 1), (HIDES_NOTHING, 2)])
def test_parts_behind_mrr_and_damage_that_may_hide_another_mir_are_refused(stdf, damage, parts):
    begin = stdf(MIR, *PART, MRR) + damage

    tables = read(begin + stdf(*PART, MRR)[6:])

    assert tables.parts.num_rows == parts
    behind = [row for row in tables.refused.to_pylist() if row["reason"].startswith("parts behind")]
    assert [row["record_offset"] for row in behind] == [len(begin)]


def test_records_of_no_part_behind_mrr_leave_the_file_complete(stdf):
    assert manifest(stdf(MIR, *PART, MRR, DTR, MRR, DTR)) == ("complete", None)


# What stands between MIR and MRR; the wafer of each part; the reason in the manifest.
PAIRS = {
    "WIR, then WIR of another wafer": (
        (wir("W1"), *PART, wir("W2"), *PART, wrr()),
        ["W1", "W2"],
        None,
    ),
    "WRR without WIR": (
        (*PART, wrr("W1"), wir("W2"), *PART, wrr()),
        [None, "W2"],
        "WRR without WIR (1): which parts are of its wafer is not known",
    ),
    "WRR of a wafer that has one already": ((wir("W1"), *PART, wrr("W1"), wrr("W1")), ["W1"], None),
    "WRRs of all wafers at the end": (
        (wir("W1"), *PART, wir("W2"), *PART, *PART, wrr("W1"), wrr("W2")),
        ["W1", "W2", "W2"],
        None,
    ),
    "WRRs of all wafers at the end, in any order": (
        (wir("W1"), *PART, wir("W2"), *PART, wir("W3"), *PART, wrr("W2"), wrr("W3"), wrr("W1")),
        ["W1", "W2", "W3"],
        None,
    ),
    "WRR behind the next WIR": (
        (wir("W1"), *PART, wir("W2"), wrr("W1 "), *PART, wrr("W2"), wir("W3"), *PART, wrr("W3")),
        ["W1 ", "W2", "W3"],
        None,
    ),
    "WRR behind the next WIR and a part that is open": (
        (wir("W1"), *PART, wir("W2"), pir(0), wrr("W1"), prr(0), *PART, wrr("W2")),
        ["W1", "W2", "W2"],
        None,
    ),
    "WRR of a wafer that ended, while the next one is open": (
        (wir("W1"), *PART, wrr("W1"), wir("W2"), *PART, wrr("W1"), *PART, wrr("W2")),
        ["W1", "W2", "W2"],
        None,
    ),
    "WRR that the head numbers otherwise": (
        (wir("W1"), *PART, wir("W2"), *PART, wrr("W1", head_num=2), *PART, wrr("W2", head_num=2)),
        ["W1", "W2", "W2"],
        None,
    ),
    "WRR with another name than WIR": (
        (wir("01"), *PART, wrr("L1-01"), wir("02"), *PART, wrr("L1-02")),
        ["L1-01", "L1-02"],
        None,
    ),
    "WIR with the name of the wafer before it": (
        tuple(r for n in range(3) for r in (wir(f"W{n}"), *PART, wrr(f"W{n + 1}"))),
        ["W1", "W2", "W3"],
        None,
    ),
    "WIR without a name, of a wafer that was tested before": (
        (wir("W1"), *PART, wrr("W1"), wir(" "), *PART, wrr("W1")),
        ["W1", "W1"],
        None,
    ),
    "WIR with the former name of a wafer whose WRR has another": (
        (wir("W1"), *PART, wrr("W2"), wir("W3"), *PART, wrr("W1")),
        ["W2", "W1"],
        None,
    ),
    "WRR of a wafer with another name twice, while the next one is open": (
        (wir("01"), *PART, wrr("L1-01"), wir("W2"), *PART, wrr("L1-01"), *PART, wrr("W2")),
        ["L1-01", "W2", "W2"],
        None,
    ),
    "parts behind WRR": (
        (wir("W1"), *PART, wrr("W1"), *PART, *PART),
        ["W1", None, None],
        "parts outside WIR..WRR (2): which wafer they are of is not known",
    ),
    "parts of no wafer at all": ((*PART, *PART), [None, None], None),
    "PRR behind WRR": (
        (wir("W1"), pir(0), ptr(0, 1.0), wrr("W1"), prr(0), wir("W2"), *PART, wrr()),
        ["W1", "W2"],
        None,
    ),
    "PRR behind the next WIR": (
        (wir("W1"), pir(0), ptr(0, 1.0), wrr("W1"), wir("W2"), prr(0), *PART, wrr()),
        ["W2"],
        "parts that begin on one wafer and end on another (1): they are refused",
    ),
    "PRR behind the same WIR again": ((wir("W1"), pir(0), wir("W1"), prr(0), wrr()), ["W1"], None),
    "PRR behind the same WIR again, padded": (
        (wir("W1"), pir(0), ptr(0, 1.0), wir("W1 "), prr(0), wrr("W1")),
        ["W1"],
        None,
    ),
    "PRR behind a third WIR without a name": (
        (wir(), pir(0), wir("  "), wir(), prr(0), *PART, wrr("W1")),
        ["W1", "W1"],
        None,
    ),
    "PRR behind WRR and a second WIR without a name": (
        (wir(), pir(0), wrr("W1"), wir(), prr(0), *PART, wrr("W2")),
        ["W2"],
        "parts that begin on one wafer and end on another (1): they are refused",
    ),
    "PRR behind WIRs without and with a name": (
        (wir(), pir(0), wir("W2"), wir(), prr(0), *PART, wrr("W3")),
        ["W3"],
        "parts that begin on one wafer and end on another (1): they are refused",
    ),
    "PIR before its WIR": ((pir(0), wir("W1"), ptr(0, 1.0), prr(0), wrr()), ["W1"], None),
    "PIR twice": (
        (wir("W1"), pir(0), *PART, wrr()),
        ["W1"],
        "PIR without PRR (1): their parts never ended, and do not count",
    ),
    "PIR twice, with results": (
        (wir("W1"), pir(0), ptr(0, 7.0), *PART, wrr()),
        ["W1"],
        "PIR without PRR (1): their parts never ended, and do not count",
    ),
    "PIR at the end": (
        (wir("W1"), *PART, pir(1), wrr()),
        ["W1"],
        "PIR without PRR (1): their parts never ended, and do not count",
    ),
    "PRR twice": (
        (wir("W1"), *PART, prr(0), wrr()),
        ["W1", "W1"],
        "PRR without PIR (1): their parts count, but which results are theirs is not known",
    ),
    "PRR without PIR and without WIR": (
        (*PART, wir("W1"), *PART, wrr(), prr(0)),
        [None, "W1", None],
        "parts outside WIR..WRR (2): which wafer they are of is not known; "
        "PRR without PIR (1): their parts count, but which results are theirs is not known",
    ),
    "PRR of a tester that writes no PIR": ((wir("W1"), prr(0), prr(1), wrr()), ["W1", "W1"], None),
    "interleaved sites, the second part of one while the other is open": (
        (wir("W1"), pir(0), pir(1), ptr(1, 1.0), prr(1), pir(1), ptr(0, 1.0), prr(1), prr(0)),
        ["W1", "W1", "W1"],
        None,
    ),
}


@pytest.mark.usefixtures("block")
@pytest.mark.parametrize(("body", "wafers", "reason"), PAIRS.values(), ids=PAIRS)
def test_records_without_their_pair_give_no_part_to_another_wafer_and_are_told(
    stdf, body, wafers, reason
):
    content = stdf(MIR, *body, MRR)

    tables = read(content)

    assert wafers_of_parts(tables) == wafers
    assert 7.0 not in tables.test_values["result"].to_pylist()
    assert manifest(content) == ("incomplete" if reason else "complete", reason)


@pytest.mark.usefixtures("block")
def test_counts_of_a_late_wrr_are_those_of_the_wafer_that_it_names(stdf):
    parts = (wir("W1"), *PART, wir("W2"), *PART, *PART)
    ends = wrr("W2", part_cnt=2), wrr("W1", part_cnt=1)

    wafers = read(stdf(MIR, *parts, *ends, MRR)).wafers

    assert wafers.select(["wafer_id", "part_cnt", "has_wrr"]).to_pylist() == [
        {"wafer_id": "W1", "part_cnt": 1, "has_wrr": True},
        {"wafer_id": "W2", "part_cnt": 2, "has_wrr": True},
    ]


@pytest.mark.usefixtures("block")
@pytest.mark.parametrize("name", ["W1", "L1-01", None])
def test_wrr_that_says_the_same_again_is_no_further_wafer(stdf, name):
    end = wrr(name, part_cnt=1)

    wafers = read(stdf(MIR, wir("W1"), *PART, end, end, wir("W2"), *PART, end, MRR)).wafers

    assert wafers["part_cnt"].to_pylist()[0] == 1
    assert wafers["wafer_id"].to_pylist() == [name or "W1", "W2"]


@pytest.mark.usefixtures("block")
def test_wrr_of_a_site_group_that_names_the_wafer_of_another_ends_that_one(stdf):
    group = [{"head_num": 1, "site_grp": n} for n in (0, 1)]
    sdrs = [("SDR", of | {"site_num": [n]}) for n, of in enumerate(group)]
    wirs = [("WIR", {**of, "start_t": 21, "wafer_id": f"W{n}"}) for n, of in enumerate(group)]
    parts = [record for site in (0, 1) for record in (pir(site), prr(site))]
    content = stdf(MIR, *sdrs, *wirs, *parts, wrr("W1"), *parts[:2], wrr("W0"), MRR)

    assert wafers_of_parts(read(content)) == ["W0", "W1", "W0"]
    assert read(content).wafers["has_wrr"].to_pylist() == [True, True]


def test_parts_of_two_wafers_leave_their_results_with_nobody(stdf):
    two = (wir("W1"), pir(0), ptr(0, 1.0), wir("W2"), ptr(0, 2.0), prr(0), *PART, wrr(), MRR)

    tables = read(stdf(MIR, *two))

    assert tables.test_values["part_num"].to_pylist() == [0]
    assert ("PRR", "the part begins on wafer W1 and ends on wafer W2: a WIR stands between") in [
        (row["record_name"], row["reason"]) for row in tables.refused.to_pylist()
    ]


def test_missing_pairs_in_a_damaged_file_are_those_of_the_damage(stdf):
    tables = read(stdf(MIR, wir("W1"), pir(0)) + HIDES_NOTHING + stdf(prr(0), prr(0), MRR)[6:])

    assert [row["record_length"] for row in tables.refused.to_pylist()] == [8]


@pytest.mark.parametrize("size", [-5, -60])
def test_gzip_that_is_cut_off_is_the_reason_before_what_it_cut(stdf, size):
    parts = [(pir(0), ptr(0, n / 7), prr(0, x_coord=n, y_coord=n * n % 251)) for n in range(99)]
    content = gzip.compress(stdf(MIR, *(record for part in parts for record in part), MRR))

    assert manifest(content[:size]) == ("incomplete", "gzip stream is cut off")


@pytest.mark.parametrize("body", [(MIR, *PART, LOT_B, *PART), (MIR, *PART, MRR, *PART)])
def test_commands_see_what_the_night_sees(stdf, tmp_path, body):
    path = tmp_path / "two.stdf"
    path.write_bytes(stdf(*body, MRR))
    parts = read(path).parts.num_rows

    done = to_parquet([outline(path)], tmp_path / "out", Rules(NAMING, PartRules()), batches)

    assert not outline(path).is_complete
    assert [(file.touchdowns, file.results) for file in done.files] == [(parts, parts)]
