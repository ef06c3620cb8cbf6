"""The records of V4-2007 and GDR, byte by byte, and the layouts that testers disagree on."""

import struct
from itertools import pairwise

import pytest

from fabyield.errors import StdfError
from fabyield.stdf import RECORDS, Writer
from fabyield.stdf.decode.rows import Rows
from fabyield.stdf.decode.single_records import decode_records
from fabyield.stdf.spec.types import Bits, Generic
from tests.stdf.test_every_record import chain_of, read_back, written

U8 = "{:02x} 00 00 00 00 00 00 00 "
STR_HEAD = "00 07000000 01 00 0200 80 01 4c 00 00 00 00 00"
# fmu_flg, then the maps, then the counts and sizes behind them.
STR_TAIL = (
    f"{U8.format(9)} 02000000 01000000 {U8.format(4)} 03000000 0100 0100 "
    "02 01 00 00 00 00 00 00 02 0500 0100 02000000 03 613d62 0200 0a00 2c01 0100 07 "
    "0000 0000 0000 0000 0000 0000 0000 0000 0000 0100 6869"
)
STR = {
    **{"cont_flg": 0, "test_num": 7, "head_num": 1, "site_num": 0, "psr_ref": 2, "test_flg": 128},
    **{"log_typ": "L", "cyc_cnt": 9, "totf_cnt": 2, "totl_cnt": 1, "cyc_base": 4, "bit_base": 3},
    **{"cap_bgn": 5, "lim_indx": [1], "lim_spec": [2], "cond_lst": ["a=b"], "cyc_ofst": [10, 300]},
    **{"pmr_indx": [7], "user_txt": ["hi"], "fmu_flg": 1, "mask_map": Bits(5, b"\x1f")},
}
PSR = {"cont_flg": 1, "psr_indx": 3, "psr_nam": "p", "opt_flg": 0b1110, "totp_cnt": 2}
PSR |= {"pat_bgn": [1], "pat_end": [5], "pat_file": ["f"], "pat_lbl": ["lb"]}
EXAMPLES = {
    "VUR": ({"upd_nam": ["Scan:2007.1"]}, "01 0b 5363616e3a323030372e31"),
    "PSR": (
        PSR,
        f"01 0300 01 70 0e 0200 0100 {U8.format(1)} {U8.format(5)} 01 66 02 6c62",
    ),
    "NMR": (
        {"cont_flg": 0, "totm_cnt": 2, "pmr_indx": [5, 6], "atpg_nam": ["a", "bc"]},
        "00 0200 0200 0500 0600 01 61 02 6263",
    ),
    "CNR": ({"chn_num": 1, "bit_pos": 70_000, "cell_nam": "ff1"}, "0100 70110100 0300 666631"),
    "SSR": ({"ssr_nam": "s", "chn_list": [1, 2]}, "01 73 0200 0100 0200"),
    "CDR": (
        {
            **{"cont_flg": 0, "cdr_indx": 1, "chn_nam": "c", "chn_len": 2, "sin_pin": 3},
            **{"sout_pin": 4, "m_clks": [9], "s_clks": [], "inv_val": 1, "cell_lst": ["x", "yz"]},
        },
        "00 0100 01 63 02000000 0300 0400 01 0900 00 01 0200 0100 78 0200 797a",
    ),
    "STR": (STR, f"{STR_HEAD} 01 0500 1f {STR_TAIL}"),
    # The standard's own example: the pad is one of its four fields.
    "GDR": (
        {"gen_data": [Generic("Cn", "AB"), Generic("U1", 255), Generic("I2", 510)]},
        "0400 0a 02 41 42 01 ff 00 05 fe 01",
    ),
}


def file_of(name, body):
    far = bytes.fromhex("0200 000a 0204")
    record = RECORDS[name]
    return far + struct.pack("<HBB", len(body), record.type, record.subtype) + body


def the_one(content):
    [(_, fields)] = read_back(content)
    return fields


@pytest.mark.parametrize("name", EXAMPLES)
def test_bytes_of_an_example_equal_those_in_the_standard(name):
    fields, body = EXAMPLES[name]
    content = file_of(name, bytes.fromhex(body))

    assert written([(name, fields)], "<") == content
    assert fields.items() <= the_one(content).items()


def test_numbers_of_newer_records_follow_the_byte_order_of_the_file():
    content = written([("CNR", {"chn_num": 1, "bit_pos": 2, "cell_nam": "ff"})], ">")

    assert content[10:] == bytes.fromhex("0001 00000002 0002 6666")


def test_vur_of_a_bare_text_is_read():
    fields = the_one(file_of("VUR", b"\x0bScan:2007.1"))

    assert fields == {"upd_cnt": None, "upd_nam": ["Scan:2007.1"]}


def test_nmr_with_an_index_is_read_over_it():
    body = bytes.fromhex("00 0900 0200 0200 0500 0600 01 61 02 6263")

    fields = the_one(file_of("NMR", body))

    assert (fields["totm_cnt"], fields["pmr_indx"]) == (2, [5, 6])
    assert fields["atpg_nam"] == ["a", "bc"]


def test_psr_with_all_its_lists_whatever_the_flags_is_read():
    lists = f"{U8.format(1)} {U8.format(5)} 01 66 00 01 75 00 00"
    content = file_of("PSR", bytes.fromhex(f"00 0300 01 70 0f 0100 0100 {lists}"))

    fields = the_one(content)

    assert (fields["pat_file"], fields["pat_lbl"], fields["file_uid"]) == (["f"], [None], ["u"])


def test_str_with_both_maps_whatever_the_flags_is_read():
    fields = the_one(file_of("STR", bytes.fromhex(f"{STR_HEAD} 00 0500 1f 0000 {STR_TAIL}")))

    assert (fields["mask_map"], fields["fal_map"]) == (Bits(5, b"\x1f"), None)
    assert fields["cyc_ofst"] == [10, 300]


def test_record_that_no_layout_fits_is_refused_by_the_first():
    chain = chain_of(file_of("NMR", bytes.fromhex("00 0900 0900 0200")))

    assert [name for name, _, _ in decode_records(chain)] == ["FAR"]
    [refused] = chain.refused
    assert refused["reason"].to_pylist() == ["pmr_indx runs past the end of the record"]


@pytest.mark.parametrize("body", ["0100 09 00", "0100 0a ff", "0200 01 05", "0100 0c 08"])
def test_gdr_whose_values_do_not_fit_is_refused(body):
    chain = chain_of(file_of("GDR", bytes.fromhex(body)))

    assert len(list(decode_records(chain))) == 1
    assert chain.refused[0]["reason"].to_pylist() == ["gen_data runs past the end of the record"]


def test_str_with_numbers_of_three_bytes_is_refused():
    tail = STR_TAIL.replace("02 01 00 00", "03 01 00 00")
    chain = chain_of(file_of("STR", bytes.fromhex(f"{STR_HEAD} 01 0500 1f {tail}")))

    assert len(list(decode_records(chain))) == 1
    assert chain.refused[0]["reason"].to_pylist() == ["cyc_ofst runs past the end of the record"]


def test_gdr_without_pads_is_read_and_written_with_them():
    content = file_of("GDR", bytes.fromhex("0200 05 fe01 03 01000000"))

    fields = the_one(content)

    assert fields["gen_data"] == [Generic("I2", 510), Generic("U4", 1)]
    assert written([("GDR", fields)], "<")[10:] == bytes.fromhex("0400 00 05 fe01 00 03 01000000")


def test_gdr_that_ends_before_its_values_is_written_so_again():
    content = file_of("GDR", bytes.fromhex("0200"))

    assert read_back(content) == [("GDR", {"fld_cnt": 2})]
    assert written([("GDR", {"fld_cnt": 2})], "<") == content


def test_texts_of_pin_lists_are_read_as_texts(stdf):
    chars = {"pgm_char": ["LH", ""], "rtn_char": ["L", "HX"], "rtn_chal": ["M", "N"]}
    content = stdf(("PLR", {"grp_indx": [1, 2], "grp_radx": [2, 16], **chars}))

    column = Rows(chain_of(content), "PLR").column("rtn_char")

    assert column.to_pylist() == [["L", "HX"]]
    assert the_one(content)["pgm_char"] == ["LH", None]


def test_number_of_bits_is_kept(stdf):
    five, eight = (Bits(size, b"\x1f") for size in (5, 8))
    content = stdf(*(("FTR", {"test_num": 1, "fail_pin": bits}) for bits in (five, eight)))

    assert [fields["fail_pin"] for _, fields in read_back(content)] == [five, eight]
    assert Rows(chain_of(content), "FTR").column("fail_pin").to_pylist() == [b"\x1f", b"\x1f"]


def test_body_of_a_vendors_record_is_kept(stdf):
    content = stdf(("180/10", {"data": b"abc"}))

    assert content[6:] == b"\x03\x00\xb4\x0aabc"
    assert read_back(content) == [("180/10", {"data": b"abc"})]


def test_none_is_written_as_missing_with_its_flag():
    ptr = {"test_num": 1, "result": 0.5, "lo_limit": None, "hi_limit": 1.0, "units": None}

    fields = the_one(written([("PTR", ptr)], "<"))

    assert fields["opt_flag"] == 2 | 64 | 1 | 4 | 8
    assert ptr.items() <= fields.items()


def test_scale_alone_does_not_make_a_limit_of_0():
    ptr = {"test_num": 1, "llm_scal": 3, "lo_limit": None, "hi_limit": 1.0}

    assert the_one(written([("PTR", ptr)], "<"))["lo_limit"] is None


def test_flag_that_is_given_is_written_as_given():
    ptr = {"test_num": 1, "opt_flag": 16, "res_scal": 0, "lo_limit": None}

    assert the_one(written([("PTR", ptr)], "<"))["opt_flag"] == 16


@pytest.mark.parametrize(
    ("name", "fields", "message"),
    [
        ("STR", {"fmu_flg": 0, "mask_map": Bits(1, b"\1")}, "STR.mask_map: given, but fmu_flg"),
        ("STR", {"cyc_size": 3, "cyc_ofst": [1]}, "STR.cyc_ofst: .* in 3 bytes each"),
        ("STR", {"cyc_size": 1, "cyc_ofst": [256]}, "STR.cyc_ofst: 256 is not a U1"),
        ("STR", {"utx_size": 1, "user_txt": ["ab"]}, "STR.user_txt: 'ab' has 2 bytes"),
        ("STR", {"cyc_cnt": 2**64}, "STR.cyc_cnt: .* U8"),
        ("STR", {"cyc_cnt": -1}, "STR.cyc_cnt: -1 is not a U8"),
        ("FTR", {"fail_pin": Bits(9, b"\1")}, "FTR.fail_pin: 9 bits take 2 bytes, not 1"),
        ("GDR", {"gen_data": [("X9", 1)]}, "GDR.gen_data: no type 'X9' in a GDR"),
        ("GDR", {"gen_data": [("U1", 256)]}, "GDR.gen_data: 256 is not a U1"),
        ("CNR", {"cell_nam": "x" * 65_536}, "CNR.cell_nam: .* 65,536 bytes, Sn holds 65,535"),
    ],
)
def test_value_that_does_not_fit_is_an_error_that_names_it(name, fields, message):
    with pytest.raises(StdfError, match=message):
        written([(name, fields)], "<")


def test_writer_gives_one_record_the_bytes_it_gives_many(stdf):
    many = [("EPS", {}), ("PTR", {"test_num": 1}), ("EPS", {}), ("PTR", {"test_num": 2})]

    assert written(many, "<") == stdf(*many)


def test_records_whose_flags_store_other_fields_are_written_together():
    many = [("STR", {"fmu_flg": flag, "cyc_cnt": 1}) for flag in (0, 1, 5)]

    content = written(many, "<")

    lengths = [after - before for before, after in pairwise(chain_of(content).starts.tolist())]
    assert lengths[1:] == [29, 31], "each map that is stored takes two bytes for its number of bits"
    assert [fields["mask_map"] for _, fields in read_back(content)] == [None] * 3


def test_far_among_records_is_refused(tmp_path):
    with pytest.raises(StdfError, match="FAR: every file begins"), Writer(tmp_path / "x") as writer:
        writer.write_all([("FAR", {"cpu_type": 2})])
