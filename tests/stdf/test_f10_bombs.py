"""Content far larger than its file, or than it has values, takes bounded memory."""

import bz2
import gzip
import io
import subprocess
import sys

import pytest

from fabyield.errors import StdfError
from fabyield.stdf import batches, joined, read
from tests.stdf.conftest import MIR, SMALL

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

MOST_MIB = 250
NOTHING = {
    "zeros": bytes(1 << 16),
    "records of no known type": b"\xff\xff\x63\x63" + bytes(65_535),
    "vendor records": b"\xff\xff\xb4\x01" + bytes(65_535),
    "texts": b"\xff\xff\x32\x1e" + bytes(65_535),
    "generic records": b"\xff\xff\x32\x0a" + b"\xfd\xff" + bytes(65_533),
    "results outside any part": b"\xff\xff\x0f\x0a" + bytes(65_535),
    "results of many values": b"\xff\xff\x0f\x0f" + bytes(65_535),
}
PEAK = """
import resource, sys
from fabyield.errors import StdfError
from fabyield.stdf import batches, read
read(open(sys.argv[1], "rb").read())
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
before, refused, most = peak(), 0, int(sys.argv[3])
try:
    for batch in batches(sys.argv[2], most_bytes=most):
        refused += batch.refused.num_rows
except StdfError as error:
    print(error)
print(refused, peak() - before)
"""


@pytest.fixture
def reading(stdf, tmp_path):
    """`reading(content, most)`: what is printed, how much is refused, MiB taken by reading it."""

    def measured(content, most=2**31):
        (tmp_path / "small").write_bytes(stdf(*SMALL))
        (tmp_path / "given").write_bytes(content)
        files = [str(tmp_path / name) for name in ("small", "given")]
        ran = subprocess.run(
            [sys.executable, "-c", PEAK, *files, str(most)],
            capture_output=True,
            text=True,
            check=True,
        )
        *told, counted = ran.stdout.splitlines()
        return told, *map(int, counted.split())

    return measured


@pytest.mark.parametrize("packed", [gzip.compress, bz2.compress, zstd.compress])
def test_f10_bomb_takes_bounded_memory_and_says_how_large_it_is(stdf, packed, reading):
    told, _, mib = reading(packed(stdf(MIR) + bytes(400_000_000)), 300_000_000)

    assert "content of more than 300,000,000 bytes" in told[0]
    assert mib < MOST_MIB


def test_f10_bomb_of_many_members_takes_bounded_memory(stdf, reading):
    told, _, mib = reading(gzip.compress(stdf(MIR)) + gzip.compress(bytes(1 << 20)) * 400, 2**28)

    assert "content of more than 268,435,456 bytes" in told[0]
    assert mib < MOST_MIB


@pytest.mark.parametrize("packed", [gzip.compress, bz2.compress, zstd.compress])
def test_f10_compressed_twice_is_an_error(stdf, packed):
    with pytest.raises(StdfError, match="first record is not FAR"):
        read(gzip.compress(packed(stdf(*SMALL))))


@pytest.mark.parametrize("what", NOTHING)
def test_f10_many_records_of_nothing_take_bounded_memory(stdf, what, reading):
    told, refused, mib = reading(stdf(MIR) + NOTHING[what] * 1_000)

    assert not told
    assert mib < MOST_MIB, f"{refused} refused"


@pytest.mark.parametrize("packed", [bytes, gzip.compress, bz2.compress, zstd.compress])
def test_f11_empty_file_is_an_error_however_it_is_read(packed, tmp_path):
    path = tmp_path / "empty.stdf"
    path.write_bytes(packed(b""))

    for way in (read, lambda source: joined(batches(source))):
        for source in (path, path.read_bytes(), io.BytesIO(path.read_bytes())):
            with pytest.raises(StdfError, match="empty file"):
                way(source)


@pytest.mark.parametrize("results", [True, False])
def test_f11_file_of_a_header_alone_gives_its_names_and_no_rows(stdf, results):
    (batch,) = batches(stdf(MIR, ("MRR", {"finish_t": 9})), results=results)

    assert batch.file["lot_id"].to_pylist() == ["L1"]
    assert batch.file["is_complete"].to_pylist() == [True]
    for name in (
        "parts",
        "test_values",
        "functional",
        "multi_values",
        "wafers",
        "tests",
        "refused",
    ):
        assert getattr(batch, name).num_rows == 0, name
