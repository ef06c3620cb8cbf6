import gzip
import struct

import pytest

from fabyield.errors import StdfError
from fabyield.stdf import read
from tests.stdf.conftest import MIR, SMALL, pir, prr


def refusals(tables):
    return list(
        zip(*(tables.refused[c].to_pylist() for c in ("record_name", "reason")), strict=True)
    )


@pytest.mark.parametrize(
    ("rdr", "bins"),
    [([], None), ([("RDR", {"num_bins": 0})], []), ([("RDR", {"rtst_bin": [2, 5]})], [2, 5])],
)
def test_retest_bins_distinguish_no_retest_from_all_bins(stdf, rdr, bins):
    assert read(stdf(MIR, *rdr)).file["retest_bins"].to_pylist() == [bins]


def test_text_of_other_code_pages_is_read_as_latin_1(stdf):
    parts = (pir(0), prr(0, part_id=b"10\xb5A"), pir(0), prr(0, part_id="10µA"))

    assert read(stdf(MIR, *parts)).parts["part_id"].to_pylist() == ["10µA", "10µA"]


def test_gzip_is_recognized_by_content(stdf, tmp_path):
    path = tmp_path / "lot.std"
    path.write_bytes(gzip.compress(stdf(*SMALL)))

    assert read(path).counts["PTR"] == 4


def test_f10_content_beyond_the_bound_is_an_error(stdf):
    bomb = gzip.compress(stdf(MIR) + bytes(50_000_000))

    with pytest.raises(StdfError, match="content of more than 1,000,000 bytes"):
        read(bomb, most_bytes=1_000_000)


def test_vendor_and_newer_records_are_counted_and_skipped(stdf):
    content = stdf(MIR) + struct.pack("<HBB", 3, 180, 10) + b"abc" + struct.pack("<HBB", 0, 0, 30)

    tables = read(content)

    assert tables.counts == {"FAR": 1, "VUR": 1, "MIR": 1, "180/10": 1}
    assert tables.refused.num_rows == 0


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "STDF input: empty file"),
        (b"\x02\x00\x00", "first record is not FAR but begins with bytes 02 00 00"),
        (b"hello world", "first record is not FAR"),
        (b"\x02\x00\x00\r\n\x02\x04", "in text mode did this: send the file again in binary"),
        (b"PK\x03\x04\x14\x00\x00", "this is a zip archive: unpack it"),
        (b"\x02\x00\x00\x0a\x00\x04", r"CPU_TYPE 0 \(DEC\)"),
        (b"\x02\x00\x00\x0a\x01\x04", "contradicts the byte order"),
    ],
)
def test_file_that_is_not_stdf_is_an_error(content, message):
    with pytest.raises(StdfError, match=message):
        read(content)


def test_file_of_far_alone_is_one_incomplete_row_without_mir(stdf):
    tables = read(stdf())

    (file,) = tables.file.to_pylist()
    assert (file["cpu_type"], file["lot_id"], file["is_complete"]) == (2, None, False)
    assert refusals(tables) == [("MIR", "no MIR")]


def test_file_is_complete_only_if_an_mrr_ends_it(stdf):
    assert read(stdf(*SMALL)).file["is_complete"].to_pylist() == [True]
    assert read(stdf(*SMALL[:-1])).file["is_complete"].to_pylist() == [False]
    assert read(stdf(*SMALL) + b"\x01").file["is_complete"].to_pylist() == [False]


def test_recompressed_copy_has_the_same_hash(stdf):
    content = stdf(*SMALL)

    plain, packed = read(content, hashed=True), read(gzip.compress(content), hashed=True)

    assert plain.sha256 == packed.sha256 != read(stdf(MIR), hashed=True).sha256
    assert plain.content_bytes == packed.content_bytes == len(content)


def test_gzip_of_several_members_is_read_to_its_end(stdf):
    content = stdf(*SMALL)

    tables = read(gzip.compress(content[:200]) + gzip.compress(content[200:]))

    assert tables.file["is_complete"].to_pylist() == [True]


def test_one_rdr_of_all_bins_outweighs_others(stdf):
    some, every = ("RDR", {"rtst_bin": [2, 5]}), ("RDR", {"num_bins": 0})

    assert read(stdf(MIR, some, every)).file["retest_bins"].to_pylist() == [[]]
    assert read(stdf(MIR, some, some)).file["retest_bins"].to_pylist() == [[2, 5, 2, 5]]


def test_last_of_several_mrr_has_the_finish_time(stdf):
    mrrs = (("MRR", {"finish_t": 5}), ("MRR", {"finish_t": 6, "disp_cod": "H"}))

    (file,) = read(stdf(MIR, *mrrs)).file.to_pylist()

    assert (file["finish_t"], file["mrr_disp_cod"]) == (6, "H")
