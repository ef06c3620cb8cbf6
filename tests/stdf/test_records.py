"""Records one by one."""

import gzip

import pytest

from fabyield.errors import StdfError
from fabyield.stdf import Writer, read, records
from fabyield.stdf.decode import source
from tests.stdf.conftest import DATA, MIR, SMALL, by_pystdf, pir, prr, ptr
from tests.stdf.test_every_record import written


def test_records_come_in_file_order_with_their_fields(stdf):
    found = list(records(stdf(*SMALL)))

    assert [name for name, _, _ in found] == ["FAR", *(name for name, _ in SMALL)]
    for (_, given), (_, _, fields) in zip(SMALL, found[1:], strict=True):
        plain = {name: value for name, value in given.items() if name != "fail_pin"}
        assert plain.items() <= fields.items()


@pytest.mark.parametrize("block", [64, 1_000])
def test_records_are_the_same_wherever_blocks_end(stdf, block, monkeypatch):
    content = stdf(*SMALL, *SMALL)
    whole = list(records(content))
    monkeypatch.setattr(source, "BLOCK", block)

    assert list(records(content)) == whole


@pytest.mark.parametrize("name", ["lot2", "lot3"])
def test_every_record_of_a_real_file_equals_what_pystdf_reads(name):
    content = gzip.decompress((DATA / f"{name}.stdf.gz").read_bytes())
    expected = by_pystdf(content)

    for (kind, _, fields), (known, values) in zip(records(content), expected, strict=True):
        assert kind == known
        if kind not in ("GDR", "EPS"):
            for field, value in fields.items():
                assert alike(value, values[field]), f"{kind}.{field}"


def alike(ours, theirs):
    """Equal, or marked as missing: pystdf returns the value that marks it."""
    return ours is None or ours == theirs or (ours == [] and theirs in (None, []))


def test_damaged_records_are_left_out_and_reported(stdf):
    start = stdf(MIR, pir(0), ptr(0, 1.0))
    refused = []

    found = list(records(start + b"junk!" + stdf(ptr(0, 2.0), prr(0), pir(0))[6:], refused))

    assert [name for name, _, _ in found] == ["FAR", "MIR", "PIR", "PTR", "PTR", "PRR", "PIR"]
    [row] = refused
    assert (row["record_offset"], row["record_length"]) == (len(start), 5)


def test_records_written_again_give_the_same_bytes(stdf):
    content = stdf(*SMALL, byte_order=">")

    again = written([(name, fields) for name, _, fields in records(content)][1:], ">")

    assert again == content


def test_content_that_is_not_stdf_is_an_error():
    with pytest.raises(StdfError, match="first record is not FAR"):
        list(records(b"hello world"))


def test_atdf_is_read_by_content(stdf):
    text = b"FAR:A|4|2\nMIR:L1||||\nPIR:1|0\nPTR:7|1|0|0.5|P||vth|||V\nPRR:1|0|a|1|P|1\nMRR:\n"

    for packed in (text, gzip.compress(text)):
        tables = read(packed)
        assert tables.test_values["result"].to_pylist() == [0.5]
        assert tables.tests.select(["test_txt", "units"]).to_pylist() == [
            {"test_txt": "vth", "units": "V"}
        ]
        assert tables.file["lot_id"].to_pylist() == ["L1"]


def test_writer_takes_what_records_gives(tmp_path):
    path = DATA / "lot2.stdf.gz"
    with Writer(tmp_path / "again.stdf", ">") as writer:
        writer.write_all((name, fields) for name, _, fields in records(path) if name != "FAR")

    again, first = read(tmp_path / "again.stdf"), read(path)

    assert again.test_values.equals(first.test_values)
    assert again.parts.equals(first.parts)
