"""A file in batches has the same tables as in one piece, wherever the batches end."""

import bz2
import gzip
import io
import sys

import pyarrow as pa
import pytest

from fabyield.errors import StdfError
from fabyield.stdf import batches, joined, read
from fabyield.stdf.decode import results, source
from tests.stdf.conftest import DATA, FULL, MIR, SMALL, mpr, pir, prr, ptr

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd


@pytest.fixture(params=[97, 1_000, 100_000])
def small_blocks(request, monkeypatch):
    monkeypatch.setattr(source, "BLOCK", request.param)


def alike(one, other):
    for name, table in vars(one).items():
        if isinstance(table, pa.Table):
            yield name, table.to_pylist(), getattr(other, name).to_pylist()


@pytest.mark.parametrize("byte_order", ["<", ">"])
def test_small_batches_add_up_to_the_whole(stdf, byte_order, monkeypatch):
    content = stdf(*SMALL, byte_order=byte_order)
    whole = read(content)
    monkeypatch.setattr(source, "BLOCK", 97)

    every = list(batches(content))

    assert len(every) > 3
    for name, rows, expected in alike(joined(every), whole):
        assert rows == expected, name
    assert joined(every).counts == whole.counts


@pytest.mark.parametrize("block", [3_000, 100_000])
def test_batches_of_a_real_file_add_up_to_the_whole(block, monkeypatch):
    content = gzip.decompress((DATA / "lot2.stdf.gz").read_bytes())
    whole = read(content)
    monkeypatch.setattr(source, "BLOCK", block)

    for name, rows, expected in alike(read(content), whole):
        assert rows == expected, name


@pytest.mark.parametrize("block", [97, 1_000, 5_000])
def test_damaged_file_gives_the_same_in_batches_as_whole(stdf, block, monkeypatch):
    content = bytearray(stdf(*SMALL, *SMALL[3:], *SMALL[3:]))
    content[300:320] = b"\xff" * 20
    content[700:1400] = b"\x00" * 700
    whole = read(bytes(content))
    monkeypatch.setattr(source, "BLOCK", block)

    for name, rows, expected in alike(read(bytes(content)), whole):
        if name != "refused":
            assert rows == expected, name


def test_results_come_with_the_batch_that_closes_their_part(stdf, monkeypatch):
    monkeypatch.setattr(source, "BLOCK", 64)
    long = [ptr(0, float(n)) for n in range(40)]

    every = list(batches(stdf(MIR, pir(0), *long, prr(0, x_coord=3), pir(0), mpr(0), prr(0))))

    rows = [batch.test_values.num_rows for batch in every]
    assert sum(rows) == max(rows) == 40
    assert {x for b in every for x in b.test_values["x_coord"].to_pylist()} == {3}


def test_part_that_is_never_closed_is_given_up_before_memory_is_full(stdf, monkeypatch):
    monkeypatch.setattr(source, "BLOCK", 640)
    monkeypatch.setattr("fabyield.stdf.decode.results.MOST_WAITING", 50)
    lost = [ptr(0, float(n)) for n in range(200)]

    tables = read(stdf(MIR, pir(0), *lost, pir(1), ptr(1, 7.0), prr(1), prr(0)))

    assert tables.test_values["result"].to_pylist() == [7.0]
    assert tables.refused.num_rows == 200


@pytest.mark.parametrize("block", [64, 1 << 20])
def test_dead_site_does_not_lose_the_results_of_other_parts(stdf, monkeypatch, block):
    monkeypatch.setattr(source, "BLOCK", block)
    monkeypatch.setattr(results, "MOST_WAITING", 10)
    good = [(pir(1), *(ptr(1, float(n)) for n in range(8)), prr(1)) for _ in range(5)]

    tables = read(stdf(MIR, pir(0), ptr(0, -1.0), *(r for part in good for r in part)))

    assert tables.test_values["result"].to_pylist() == [float(n) for n in range(8)] * 5
    assert tables.refused["reason"].to_pylist() == ["part never closed by PRR"]


def test_bytes_of_any_kind_can_be_read(stdf):
    content = stdf(*SMALL)

    assert (
        read(bytearray(content)).counts == read(memoryview(content)).counts == read(content).counts
    )


def test_text_that_comes_late_names_all_results_of_the_whole_file(stdf, monkeypatch):
    monkeypatch.setattr(source, "BLOCK", 64)
    touches = [(pir(0), ptr(0, 1.0), prr(0)) for _ in range(9)]
    content = stdf(MIR, *(r for t in touches for r in t), pir(0), ptr(0, 2.0, **FULL), prr(0))

    tables = read(content)

    assert tables.tests["test_txt"].to_pylist() == ["vth_n"]
    assert tables.test_values["test_txt"].to_pylist() == ["vth_n"] * 10


@pytest.mark.parametrize("packed", [gzip.compress, bz2.compress, zstd.compress, bytes])
@pytest.mark.parametrize("how", ["path", "bytes", "file"])
def test_format_of_a_source_is_recognized_by_content(stdf, tmp_path, packed, how):
    content = stdf(*SMALL)
    path = tmp_path / "lot.std"
    path.write_bytes(packed(content))
    given = {"path": path, "bytes": packed(content), "file": io.BytesIO(packed(content))}[how]

    tables = read(given, hashed=True)

    assert tables.test_values == read(content).test_values
    assert (tables.content_bytes, tables.sha256) == (
        len(content),
        read(content, hashed=True).sha256,
    )


@pytest.mark.parametrize("packed", [gzip.compress, bz2.compress, zstd.compress])
def test_several_compressed_members_are_one_content(stdf, packed):
    content = stdf(*SMALL)

    assert read(packed(content[:300]) + packed(content[300:])).counts == read(content).counts


@pytest.mark.parametrize("packed", [gzip.compress, bz2.compress, zstd.compress])
def test_f09_bytes_after_the_last_member_are_reported(stdf, packed):
    content = stdf(*SMALL)

    padded, followed = read(packed(content) + bytes(600)), read(packed(content) + content)

    assert padded.file["is_complete"].to_pylist() == [True]
    assert followed.file["is_complete"].to_pylist() == [False]
    [reason] = followed.refused["reason"].to_pylist()
    assert reason.startswith("what stands behind the last ")


def test_zstd_frames_that_hold_nothing_are_read_over(stdf):
    content, empty = stdf(*SMALL), b"\x5a\x2a\x4d\x18\x03\x00\x00\x00abc"
    halves = zstd.compress(content[:300]), zstd.compress(content[300:])

    assert read(empty + empty.join(halves) + empty).counts == read(content).counts


@pytest.mark.parametrize("packed", [bz2.compress, zstd.compress])
def test_f09_cut_stream_says_so(stdf, packed):
    try:
        tables = read(packed(stdf(*SMALL))[:-8])
    except StdfError as error:
        assert "stream is cut off" in str(error)
        return
    assert any("cut off" in reason for reason in tables.refused["reason"].to_pylist())


@pytest.mark.parametrize("packed", [gzip.compress, bz2.compress, zstd.compress])
def test_f10_bomb_is_refused_while_memory_is_small(stdf, packed, monkeypatch):
    bomb = packed(stdf(MIR) + bytes(200_000_000))
    given = []
    monkeypatch.setattr(source, "in_blocks", watched(source.in_blocks, given))

    with pytest.raises(StdfError, match="content of more than 100,000,000 bytes"):
        read(bomb, most_bytes=100_000_000)

    assert max(given) < 3 * source.BLOCK


def test_f10_more_records_than_the_bound_are_an_error(stdf):
    bomb = gzip.compress(stdf(MIR) + stdf(("EPS", {}))[6:] * 1_000_000)

    with pytest.raises(StdfError, match="more than 500,000 records"):
        read(bomb, most_records=500_000)


def watched(regular, sizes):
    def watch(pieces):
        for block in regular(pieces):
            sizes.append(len(block))
            yield block

    return watch


def test_stream_that_was_given_is_left_open(stdf):
    stream = io.BytesIO(stdf(*SMALL))

    read(stream)

    assert not stream.closed
