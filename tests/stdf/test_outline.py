"""The outline of a file agrees with all of it."""

import gzip

import pytest

from fabyield.errors import StdfError
from fabyield.stdf import read
from fabyield.stdf.decode import source
from fabyield.stdf.tools import outline
from tests.stdf.conftest import MIR, SMALL, pir, prr, ptr

TABLES = ("file", "wafers", "bins", "part_counts", "test_counts", "sites")


@pytest.fixture
def outlined(tmp_path, monkeypatch):
    """`outlined(content, chunk=)`: the outline of a file with that content."""

    def call(content, chunk=1 << 22):
        monkeypatch.setattr(source, "BLOCK", chunk)
        path = tmp_path / "a.stdf"
        path.write_bytes(content)
        return outline.outline(path)

    return call


@pytest.mark.parametrize("byte_order", ["<", ">"])
@pytest.mark.parametrize("chunk", [5, 97, 1 << 22])
def test_outline_has_the_tables_of_the_whole_file(stdf, outlined, byte_order, chunk):
    content = stdf(*SMALL, byte_order=byte_order)
    whole = read(content, hashed=True)

    found = outlined(content, chunk)

    assert [n for n in TABLES if not getattr(found.tables, n).equals(getattr(whole, n))] == []
    assert found.tables.parts.to_pylist() == whole.parts.to_pylist()
    assert (found.tables.counts, found.tables.sha256) == (whole.counts, whole.sha256)
    assert found.is_complete


def test_outline_of_a_compressed_file_has_both_sizes_and_the_same_hash(stdf, outlined):
    content = stdf(*SMALL)
    packed = gzip.compress(content[:50]) + gzip.compress(content[50:])

    found = outlined(packed, 60)

    assert (found.stored_bytes, found.tables.content_bytes) == (len(packed), len(content))
    assert found.tables.sha256 == read(content, hashed=True).sha256


def test_f09_file_cut_at_any_byte_has_an_outline_as_it_is_read(stdf, outlined):
    content = stdf(*SMALL)
    for size in range(6, len(content)):
        found, whole = outlined(content[:size], 64), read(content[:size])
        assert found.tables.counts == whole.counts, f"the first {size} bytes"
        assert found.tables.parts.to_pylist() == whole.parts.to_pylist()
        assert not found.is_complete


@pytest.mark.parametrize(
    "rest",
    [
        b"\x00",
        b"\xff\xff\x0f\x0a" + bytes(90),
        b"\x01\x02\x03\x04junk",
        b"\x02\x00\x00\x0a\x02\x04",
    ],
)
def test_f09_refusals_have_their_place_and_reason(stdf, outlined, rest):
    content = stdf(MIR, pir(0), ptr(0, 1.0), prr(0)) + rest

    assert outlined(content, 16).tables.refused.to_pylist() == read(content).refused.to_pylist()


def test_f09_damaged_part_is_refused_at_its_place_in_the_file(stdf, outlined):
    damaged = ("PRR", {"head_num": 1, "site_num": 0})
    text = ("DTR", {"text_dat": "left out of a skim"})
    content = stdf(MIR, text, pir(0), damaged, pir(0), prr(0), ("MRR", {}))

    found = outlined(content, 16)

    assert found.tables.refused.to_pylist() == read(content).refused.to_pylist()
    assert not found.is_complete


@pytest.mark.parametrize("chunk", [1, 2, 7, 60])
def test_compressed_file_of_several_members_is_one_whatever_the_chunks(stdf, outlined, chunk):
    content = stdf(*SMALL)
    packed = b"".join(gzip.compress(content[at : at + 90]) for at in range(0, len(content), 90))

    assert outlined(packed, chunk).tables.sha256 == read(content, hashed=True).sha256


@pytest.mark.parametrize("chunk", [1, 60, 1 << 22])
def test_f09_cut_gzip_has_an_outline_that_says_it_is_cut(stdf, outlined, chunk):
    packed = gzip.compress(stdf(*SMALL))[:-20]

    found = outlined(packed, chunk)

    assert found.tables.sha256 == read(packed, hashed=True).sha256
    assert "gzip stream is cut off" in found.tables.refused["reason"].to_pylist()
    assert not found.is_complete


def test_f09_damaged_gzip_names_the_file_and_what_to_do(stdf, outlined):
    packed = bytearray(gzip.compress(stdf(*SMALL)))
    packed[-6] ^= 255

    with pytest.raises(StdfError, match=r"a\.stdf: gzip stream is damaged.*sent again"):
        outlined(bytes(packed))


@pytest.mark.parametrize("size", range(6))
def test_f11_file_that_ends_in_its_far_is_an_error(stdf, outlined, size):
    with pytest.raises(StdfError, match=r"a\.stdf: (empty file|first record is not FAR)"):
        outlined(stdf(MIR)[:size])


def test_f11_header_only_file_has_no_parts(stdf, outlined):
    found = outlined(stdf(MIR, ("MRR", {})))

    assert (found.tables.parts.num_rows, found.is_complete) == (0, True)
