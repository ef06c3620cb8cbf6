import gzip
import io

import numpy as np
import pytest

from fabyield.errors import StdfError
from fabyield.stdf import RECORDS, Writer, encode, read
from tests.stdf.conftest import MIR, SMALL, by_pystdf


@pytest.mark.parametrize("byte_order", ["<", ">"])
def test_pystdf_reads_what_was_written(stdf, byte_order):
    written = [(name, fields) for name, fields in SMALL if name not in ("FTR", "MPR")]

    seen = by_pystdf(stdf(*written, byte_order=byte_order))[1:]

    assert [name for name, _ in seen] == [name for name, _ in written]
    for (_, fields), (_, values) in zip(written, seen, strict=True):
        assert fields.items() <= values.items()


@pytest.mark.parametrize("byte_order", ["<", ">"])
def test_pystdf_reads_the_arrays_that_were_written(stdf, byte_order):
    arrays = {"rtn_stat": [1, 2, 15], "rtn_rslt": [0.5, -1.5], "rtn_indx": [4, 5, 6]}
    mpr = {"test_num": 9, "head_num": 1, "site_num": 0, "test_flg": 0, **arrays, "units": "A"}

    (_, values) = by_pystdf(stdf(("MPR", mpr), byte_order=byte_order))[-1]

    packed = {"rtn_stat": [0x21, 0x0F]}
    assert {name: values[name] for name in mpr} == mpr | packed


def test_fields_after_the_last_one_given_are_left_off():
    assert encode("WIR", {"head_num": 1}).data.tobytes() == b"\x01\x00\x02\x0a\x01"


def test_fields_between_get_the_missing_value_of_stdf():
    data = encode("PRR", {"head_num": 1, "part_id": "a"}, ">").data.tobytes()

    assert data[4:7] == b"\x01\x00\x00"
    assert data[9:] == bytes.fromhex("ffff ffff 8000 8000 00000000 01") + b"a"


def test_opt_flag_denies_the_limits_that_are_not_given():
    data = encode("PTR", {"test_num": 1, "lo_limit": 0.5, "units": "V"}).data

    assert data[4 + 14] == 1 | 2 | 4 | 8 | 128


def test_columns_give_the_same_bytes_as_single_records(stdf):
    texts = ["a", "", "long"]
    columns = {
        "test_num": np.arange(3),
        "head_num": 1,
        "result": [0.5, 1.5, 2.5],
        "test_txt": texts,
    }
    single = [
        ("PTR", {"test_num": i, "head_num": 1, "result": i + 0.5, "test_txt": texts[i]})
        for i in range(3)
    ]

    assert encode("PTR", columns).data.tobytes() == stdf(*single)[6:]


def test_streams_are_interleaved_by_order_and_ties_by_stream():
    pir = encode("PIR", {"head_num": [1, 2]})
    prr = encode("PRR", {"head_num": [1, 2, 3]})
    out = io.BytesIO()

    Writer(out).write_ordered([(pir, np.array([1, 5])), (prr, np.array([7, 5, 0]))])

    heads = [(name, fields["head_num"]) for name, fields in by_pystdf(out.getvalue())[1:]]
    assert heads == [("PRR", 3), ("PIR", 1), ("PIR", 2), ("PRR", 2), ("PRR", 1)]


def test_no_rows_make_no_bytes():
    empty = encode("PTR", {"test_num": np.array([], int), "test_txt": [], "alarm_id": ""})
    arrays = encode("MPR", {"test_num": [], "rtn_stat": [], "rtn_rslt": []})

    assert (empty.data.size, arrays.data.size) == (0, 0)


def test_same_records_make_the_same_gz_bytes_and_read_back(tmp_path):
    for name in ("a.stdf.gz", "b.stdf.gz"):
        with Writer(tmp_path / name) as writer:
            writer.write("MIR", **MIR[1])

    assert (tmp_path / "a.stdf.gz").read_bytes() == (tmp_path / "b.stdf.gz").read_bytes()
    assert (tmp_path / "a.stdf.gz").read_bytes()[4:8] == bytes(4), "no time of writing"
    assert read(str(tmp_path / "a.stdf.gz")).file["lot_id"].to_pylist() == ["L1"]
    assert gzip.decompress((tmp_path / "a.stdf.gz").read_bytes())[:4] == b"\x02\x00\x00\x0a"


@pytest.mark.parametrize(
    ("name", "columns", "message"),
    [
        ("ABC", {}, "ABC: no such STDF V4 record"),
        ("PTR", {"tst_num": 1}, "PTR has no field tst_num"),
        ("PTR", {"test_num": -1}, r"PTR.test_num: -1 is not a U4 from 0 to 4,294,967,295"),
        ("PTR", {"test_num": 1.5}, "PTR.test_num: 1.5 is not a U4"),
        ("PTR", {"result": [0.0, 1e39]}, r"PTR.result: 1e\+39 is not a R4"),
        ("PTR", {"test_num": "x"}, "PTR.test_num: 'x' is not a U4"),
        ("PRR", {"x_coord": 40_000}, "PRR.x_coord: 40000 is not a I2 from -32,768 to 32,767"),
        ("MIR", {"lot_id": "x" * 256}, "MIR.lot_id: .* has 256 bytes, Cn holds 255"),
        ("MIR", {"mode_cod": "PP"}, "MIR.mode_cod: 'PP' is longer than one character"),
        ("MPR", {"rtn_stat": [[16]]}, "MPR.rtn_stat: 16 is not a N1 from 0 to 15"),
        ("MPR", {"rtn_icnt": 3, "rtn_stat": [[1]]}, "rtn_icnt says otherwise"),
        ("PTR", {"test_num": [1, 2], "head_num": [1]}, "columns differ in length"),
        ("MPR", {"rtn_rslt": [[0.0] * 20_000]}, "MPR: 80,0.. bytes, a record holds 65,535"),
    ],
)
def test_value_that_does_not_fit_is_an_error_that_names_it(name, columns, message):
    with pytest.raises(StdfError, match=message):
        encode(name, columns)


def test_second_far_is_refused():
    with pytest.raises(StdfError, match="FAR: every file begins with one"):
        Writer(io.BytesIO()).write("FAR", cpu_type=2)


def test_count_fields_and_flags_come_before_the_fields_they_rule():
    for record in RECORDS.values():
        for position, field in enumerate(record.fields):
            for ruler in filter(None, (field.count, field.flag)):
                assert record.places[ruler] < position
