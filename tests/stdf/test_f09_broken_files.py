"""Undamaged records are read, others refused with their offset: never a hang or a wrong value."""

import gzip
import struct

import pyarrow as pa
import pytest

from fabyield.errors import StdfError
from fabyield.stdf import read
from fabyield.stdf.decode import source
from tests.stdf.conftest import MIR, SMALL, pir, prr, ptr

IN_ORDER = ("parts", "tests", "bins", "sites")
BY_PART = ("test_values", "functional", "multi_values")


def refused(tables):
    return tables.refused.select(["record_offset", "record_length", "reason"]).to_pylist()


@pytest.mark.parametrize("byte_order", ["<", ">"])
def test_f09_file_cut_at_any_byte_gives_the_first_rows_of_the_whole(stdf, byte_order):
    content = stdf(*SMALL, byte_order=byte_order)
    whole = {name: getattr(read(content), name).to_pylist() for name in (*IN_ORDER, *BY_PART)}
    for size in range(6, len(content)):
        tables = read(content[:size])
        for name in IN_ORDER:
            rows = getattr(tables, name).to_pylist()
            assert rows == whole[name][: len(rows)], f"{name} of the first {size} bytes"
        for name in BY_PART:
            closed = [row for row in whole[name] if row["part_num"] < tables.parts.num_rows]
            assert getattr(tables, name).to_pylist() == closed, f"{name} of {size} bytes"
        assert tables.file["is_complete"].to_pylist() == [False]


def test_f09_cut_inside_the_far_is_an_error(stdf):
    for size in range(6):
        with pytest.raises(StdfError, match=r"empty file|not FAR"):
            read(stdf(MIR)[:size])


def test_f09_record_that_claims_more_than_is_left_ends_the_reading(stdf):
    start = stdf(MIR, pir(0), prr(0))

    tables = read(start + struct.pack("<HBB", 65_535, 15, 10) + bytes(812))

    reason = "PTR claims 65,535 bytes, 812 are left"
    assert refused(tables) == [
        {"record_offset": len(start), "record_length": 816, "reason": reason}
    ]
    assert tables.parts.num_rows == 1


@pytest.mark.parametrize("byte_order", ["<", ">"])
@pytest.mark.parametrize("junk", [b"\x01\x02\x03\x04junk", bytes(9), b"\xff" * 70_000])
def test_f09_junk_between_records_is_skipped_and_what_follows_is_read(stdf, byte_order, junk):
    whole = stdf(*SMALL, byte_order=byte_order)
    before = len(stdf(*SMALL[:3], byte_order=byte_order))

    tables = read(whole[:before] + junk + whole[before:])

    (row,) = refused(tables)
    assert (row["record_offset"], row["record_length"]) == (before, len(junk))
    expected = read(whole)
    for name in ("test_values", "functional", "multi_values", "parts"):
        rows, found = getattr(expected, name), getattr(tables, name)
        moved = [column for column in rows.column_names if column.endswith("_offset")]
        assert found.drop_columns(moved) == rows.drop_columns(moved)
    assert tables.file["is_complete"].to_pylist() == [False]


def test_f09_reason_for_junk_says_what_is_there_instead_of_a_record(stdf):
    junk = b"\x01\x02\x03\x04junk"

    tables = read(stdf(MIR) + junk + stdf(pir(0), prr(0), ("MRR", {}))[6:])

    assert refused(tables)[0]["reason"] == "no record has type 3, subtype 4"


def test_f09_part_that_junk_may_have_ended_keeps_none_of_the_results_before(stdf):
    # What stood in the junk may have been the PRR of one part and the PIR of the next.
    begin, end = stdf(MIR, pir(0), ptr(0, 1.0)), stdf(ptr(0, 2.0), ptr(0, 3.0), prr(0), pir(0))[6:]

    tables = read(begin + bytes(600) + end + stdf(ptr(0, 4.0), prr(0))[6:])

    assert tables.test_values["result"].to_pylist() == [2.0, 3.0, 4.0]
    assert tables.test_values["part_num"].to_pylist() == [0, 0, 1]
    assert [row["reason"] for row in refused(tables)][:2] == [
        "part never closed by PRR",
        "no record has type 0, subtype 0",
    ]


def test_f09_part_across_which_bytes_may_be_lost_keeps_none_of_the_results_before(stdf):
    # What follows the junk may be of the next part: PRR and PIR may have been cut out here.
    begin, end = stdf(MIR, pir(0), ptr(0, 1.0)), stdf(ptr(0, 2.0), ptr(0, 3.0), prr(0))[6:]

    tables = read(begin + b"junk!" + end)

    assert tables.test_values["result"].to_pylist() == [2.0, 3.0]


def test_f09_record_of_unknown_type_that_leads_to_the_next_leaves_the_part_open(stdf):
    begin, end = stdf(MIR, pir(0), ptr(0, 1.0)), stdf(ptr(0, 2.0), ptr(0, 3.0), prr(0))[6:]

    tables = read(begin + b"\x03\x00\x63\x63abc" + end)

    assert tables.test_values["result"].to_pylist() == [1.0, 2.0, 3.0]


@pytest.mark.parametrize(("name", "parts"), [("W1", [0, 1]), ("W2", [0, 1])])
def test_f09_parts_after_junk_that_may_hide_a_wafer_change_are_a_run_of_their_own(
    stdf, name, parts
):
    begin = stdf(MIR, ("WIR", {"head_num": 1, "start_t": 7, "wafer_id": "W1"}), pir(0), prr(0))
    wrr = ("WRR", {"head_num": 1, "finish_t": 9, "wafer_id": name})

    tables = read(begin + bytes(600) + stdf(pir(0), ptr(0, 1.0), prr(0), wrr)[6:])

    assert tables.parts["wafer_num"].to_pylist() == parts
    assert tables.wafers["wafer_id"].to_pylist() == ["W1", name]
    assert tables.wafers["start_t"].to_pylist() == [7, 7 if name == "W1" else None]


def test_f09_record_that_swallows_others_is_refused_and_they_are_read(stdf):
    content = bytearray(stdf(MIR, pir(0), ptr(0, 1.0), ptr(0, 2.0), ptr(0, 3.0), prr(0), pir(0)))
    first = len(stdf(MIR, pir(0)))
    content[first] += 30

    tables = read(bytes(content))

    assert tables.test_values["result"].to_pylist() == [2.0, 3.0]
    assert "but other records begin among them" in refused(tables)[0]["reason"]


def test_f09_text_that_runs_past_its_record_refuses_that_record_alone(stdf):
    start = stdf(MIR, pir(0), ptr(0, 1.0))
    body = struct.pack("<IBBBBfB", 7, 1, 0, 0, 0, 2.0, 200) + b"abc"
    damaged = struct.pack("<HBB", len(body), 15, 10) + body

    tables = read(start + damaged + stdf(ptr(0, 3.0), prr(0))[6:])

    assert tables.test_values["result"].to_pylist() == [1.0, 3.0]
    (row,) = refused(tables)
    assert row["record_offset"] == len(start)
    assert row["reason"] == "test_txt runs past the end of the record"


def test_f09_number_cut_in_its_middle_refuses_the_record(stdf):
    body = struct.pack("<IBBBB", 7, 1, 0, 0, 0) + b"\x00\x00"
    damaged = struct.pack("<HBB", len(body), 15, 10) + body

    tables = read(stdf(MIR, pir(0)) + damaged + stdf(prr(0))[6:])

    assert tables.test_values.num_rows == 0
    assert refused(tables)[0]["reason"] == "result runs past the end of the record"


def test_f09_array_that_runs_past_its_record_refuses_it(stdf):
    body = struct.pack("<IBBBBHHB", 9, 1, 0, 0, 0, 60_000, 0, 1)
    damaged = struct.pack("<HBB", len(body), 15, 15) + body

    tables = read(stdf(MIR, pir(0)) + damaged + stdf(prr(0))[6:])

    assert tables.multi_values.num_rows == 0
    assert refused(tables)[0]["reason"] == "rtn_stat runs past the end of the record"


def test_f09_test_record_without_a_site_is_refused(stdf):
    tables = read(stdf(MIR, ("PTR", {"test_num": 7, "head_num": 1}), pir(0), prr(0)))

    assert [row["reason"] for row in refused(tables)] == ["ends before site_num"]


@pytest.mark.parametrize("name", ["HBR", "SBR"])
def test_f09_bin_record_without_its_bin_is_refused_and_the_others_are_read(stdf, name):
    short = (name, {"head_num": 1, "site_num": 0})

    tables = read(stdf(*SMALL[:-1], short, SMALL[-1]))

    column = "hbin_num" if name == "HBR" else "sbin_num"
    assert [row["reason"] for row in refused(tables)] == [f"ends before {column}"]
    assert tables.bins.num_rows == 2
    assert tables.file["is_complete"].to_pylist() == [False]


def test_f09_second_file_after_the_first_is_refused_as_a_whole(stdf):
    first, second = stdf(*SMALL), stdf(MIR, pir(0), ptr(0, 9.0), prr(0), ("MRR", {}))

    tables = read(first + second)

    [rest] = refused(tables)
    assert (rest["record_offset"], rest["record_length"]) == (len(first), len(second))
    assert "a second FAR" in rest["reason"]
    assert tables.test_values["result"].to_pylist() == read(first).test_values["result"].to_pylist()
    assert tables.file["is_complete"].to_pylist() == [False]


@pytest.mark.parametrize("version", [0, 3, 5])
def test_f09_other_version_of_the_format_is_refused(stdf, version):
    content = bytearray(stdf(*SMALL))
    content[5] = version

    with pytest.raises(StdfError, match=f"STDF version {version}; only version 4"):
        read(bytes(content))


def test_f09_file_without_mir_is_not_complete(stdf):
    tables = read(stdf(*SMALL[1:]))

    assert [row["reason"] for row in refused(tables)] == ["no MIR"]
    assert tables.file["is_complete"].to_pylist() == [False]


def test_fields_far_into_a_long_record_are_read(stdf):
    # They begin at byte 65,537 of the record: two bytes of offset would wrap.
    results = [0.0] * 16375
    fields = {"test_num": 9, "head_num": 1, "site_num": 0, "test_flg": 0, "parm_flg": 0}
    scales = {"test_txt": "l" * 18, "opt_flag": 0, "res_scal": 3, "llm_scal": 4}

    long = ("MPR", {**fields, "rtn_rslt": results, **scales})
    tables = read(stdf(MIR, pir(0), long, prr(0)))

    assert tables.tests["res_scal"].to_pylist() == [3]
    assert tables.tests["llm_scal"].to_pylist() == [4]


def test_f09_damaged_gzip_is_refused_for_nobody_knows_where_it_is_wrong(stdf):
    packed = bytearray(gzip.compress(stdf(*SMALL)))
    packed[-6] ^= 255

    with pytest.raises(StdfError, match=r"gzip stream is damaged: .*incorrect data check"):
        read(bytes(packed))


def test_f09_cut_gzip_gives_what_came_before_and_says_so(stdf):
    tables = read(gzip.compress(stdf(*SMALL))[:-20])

    assert tables.counts["MIR"] == 1
    assert any("gzip" in row["reason"] for row in refused(tables))
    assert tables.file["is_complete"].to_pylist() == [False]


def test_f09_any_flipped_byte_gives_tables_or_an_error_that_says_so(stdf):
    content = stdf(*SMALL)
    for place in range(0, len(content), 3):
        spoiled = bytearray(content)
        spoiled[place] ^= 255
        try:
            tables = read(bytes(spoiled))
        except StdfError:
            continue
        for table in vars(tables).values():
            if isinstance(table, pa.Table):
                table.validate(full=True)


def test_f09_refusals_are_in_order_of_offset(stdf):
    tables = read(stdf(MIR, ptr(0, 1.0), pir(0), prr(0)) + b"\x00")

    assert [row["reason"] for row in refused(tables)] == [
        "PTR outside PIR..PRR",
        "a record header takes 4 bytes, 1 are left",
    ]


@pytest.mark.parametrize("zeros", [1, 3, 4, 16, 5_000])
@pytest.mark.parametrize("block", [64, 1 << 20])
def test_zeros_after_mrr_are_padding(stdf, monkeypatch, zeros, block):
    monkeypatch.setattr(source, "BLOCK", block)
    content = stdf(*SMALL)

    padded, cut = read(content + bytes(zeros)), read(content[:-8] + bytes(zeros))

    assert not padded.refused.num_rows
    assert padded.file["is_complete"].to_pylist() == [True]
    assert cut.refused.num_rows == 1
    assert read(content + bytes(zeros) + b"x").refused.num_rows == 1


def test_f09_junk_that_ends_like_the_header_of_a_record_without_fields_is_all_junk(stdf):
    junk = b"\xff" * 7 + bytes((0, 0, 5, 20))

    tables = read(stdf(MIR, pir(0)) + junk + stdf(ptr(0, 1.0), prr(0))[6:])

    assert tables.counts["PRR"] == 1
    assert tables.refused["record_length"].to_pylist() == [len(junk)]
