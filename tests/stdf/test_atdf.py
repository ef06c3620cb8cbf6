"""ATDF, the text form of STDF: a file converted there and back is the same."""

import gzip
import io

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fabyield.errors import StdfError
from fabyield.stdf import RECORDS, read
from fabyield.stdf.atdf.read import atdf_records, atdf_to_stdf, is_atdf
from fabyield.stdf.atdf.write import atdf_lines, free_separator, write_atdf
from fabyield.stdf.decode.single_records import decode_records
from fabyield.stdf.spec.types import Bits, Generic
from tests.stdf.conftest import DATA, MIR, SMALL, pir, prr, ptr
from tests.stdf.strategies import records
from tests.stdf.test_every_record import NAMES, chain_of, read_back, written

ORDERS = pytest.mark.parametrize("byte_order", ["<", ">"])
BY_PLACE = ("record_offset", "record_length")


def to_atdf(content):
    out = io.StringIO()
    write_atdf(lambda: decode_records(chain_of(content)), out)
    return out.getvalue()


def back(content, byte_order="<"):
    return b"".join(atdf_to_stdf(to_atdf(content).encode(), byte_order))


def tables(content):
    """All tables of a file without the places of records."""
    found = {}
    for name, table in vars(read(content)).items():
        if isinstance(table, pa.Table):
            place = [column for column in BY_PLACE if column in table.column_names]
            found[name] = table.drop_columns(place)
    return found


def line_of(name, **fields):
    """The line of one record."""
    (_, line) = atdf_lines([(name, 0, fields)])
    return line


def fields_of(line, header="FAR:A|4|2"):
    [(_, (_, fields))] = atdf_records([header, line])
    return fields


@ORDERS
def test_small_file_comes_back_with_the_same_tables(stdf, byte_order):
    content = stdf(*SMALL, byte_order=byte_order)

    assert tables(back(content, byte_order)) == tables(content)


@pytest.mark.parametrize("name", ["lot2", "lot3"])
def test_real_file_comes_back_with_the_same_tables(name):
    content = gzip.decompress((DATA / f"{name}.stdf.gz").read_bytes())

    assert tables(back(content, ">")) == tables(content)


def told(found):
    """Fields with a value, without the number of bits in a GDR, which ATDF loses."""
    for name, fields in found:
        bare = {key: value for key, value in fields.items() if value not in (None, [])}
        if name == "GDR":
            bare = {"gen_data": [value for value in bare.get("gen_data", []) if value.type != "Dn"]}
        yield name, bare


@ORDERS
@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_any_record_comes_back_with_the_same_fields(data, byte_order):
    names = data.draw(st.lists(st.sampled_from(NAMES), min_size=1, max_size=5))
    content = written([(n, data.draw(records(RECORDS[n]))) for n in names], byte_order)

    assert list(told(read_back(back(content, byte_order)))) == list(told(read_back(content)))


@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_any_file_comes_back_with_the_same_tables(data):
    names = st.sampled_from(("PTR", "FTR", "MPR", "PRR", "PIR", "TSR", "HBR", "SDR", "WCR"))
    drawn = [(n, data.draw(records(RECORDS[n]))) for n in data.draw(st.lists(names, max_size=8))]
    at_site = {"head_num": 1, "site_num": 0}
    drawn = [(n, f | at_site if "site_num" in f and n[1:] == "TR" else f) for n, f in drawn]
    content = written([MIR, pir(0), *drawn, prr(0), ("MRR", {"finish_t": 1})], "<")

    assert tables(back(content)) == tables(content)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("ATR:8:14:59 23-JUL-1992|conv -x", {"mod_tim": 711879299, "cmd_line": "conv -x"}),
        ("ATR:08:14:59 23-jul-1992", {"mod_tim": 711879299}),
        ("MRR:0:00:01 1-Jan-1970|H", {"finish_t": 1, "disp_cod": "H"}),
        ("MIR:L1|P1||||0:00:10 1-JAN-1970", {"lot_id": "L1", "part_typ": "P1", "setup_t": 10}),
        ("PCR:|2|9", {"head_num": 255, "site_num": 2, "part_cnt": 9}),
        ("HBR:||6|212|F|SHORT", {"head_num": 255, "site_num": 255, "hbin_pf": "F"}),
        ("PGR:3|Data|5,6,7", {"grp_indx": 3, "grp_nam": "Data", "pmr_indx": [5, 6, 7]}),
        ("PLR:1,2||H,B|L,H/ML|", {"grp_radx": [16, 2], "pgm_char": ["LH", "L"]}),
        ("PLR:1,2||H,B|L,H/ML|", {"pgm_chal": [None, "M"], "grp_indx": [1, 2]}),
        ("RDR:4,5", {"rtst_bin": [4, 5]}),
        ("SDR:2|4|5,6|SORT-1", {"head_num": 2, "site_num": [5, 6], "hand_typ": "SORT-1"}),
        ("WCR:D|R|U|8|2.5||1|-3|4", {"wf_flat": "D", "wafr_siz": 8.0, "center_x": -3}),
        ("PRR:1|2|p|9|F|3|4|5|-6|I|Y|30|txt|0FC8", {"part_flg": 8 + 1 + 4, "x_coord": 5}),
        ("PRR:1|2|p|9||3|4||||||txt|0FC8", {"part_flg": 16, "part_fix": b"\x0f\xc8"}),
        ("TSR:|2|400|tst|P|9", {"head_num": 255, "test_num": 400, "test_typ": "P", "exec_cnt": 9}),
        ("PTR:23|2|1|997.3|F|AOH|t||LH", {"test_flg": 129, "parm_flg": 4 + 8 + 64 + 128}),
        ("PTR:23|2|1|997.3|A", {"test_flg": 0, "parm_flg": 32, "result": 997.2999877929688}),
        ("PTR:23|2|1", {"test_flg": 64 + 2, "parm_flg": 0}),
        ("PTR:23|2|1|1|P||||||-1.5|", {"lo_limit": -1.5, "opt_flag": 2 | 1 | 4 | 8 | 32}),
        ("MPR:9|1|0|1,2,F|0.5,-1.5|P", {"rtn_stat": [1, 2, 15], "rtn_rslt": [0.5, -1.5]}),
        ("FTR:27|2|1|P||CHECK", {"vect_nam": "CHECK", "opt_flag": 255, "test_flg": 0}),
        ("FTR:27|2|1|F" + "|" * 15 + "0,7,8", {"fail_pin": Bits(9, b"\x81\x01")}),
        ("DTR:any text", {"text_dat": "any text"}),
        ("EPS:", {}),
        ("PIR:1", {"head_num": 1}),
        (
            "GDR:TThis is text|L-435|U255|F645.7110|XFFE0|Y0F|NA",
            {
                "gen_data": [
                    *(Generic("Cn", "This is text"), Generic("I4", -435), Generic("U1", 255)),
                    *(Generic("R4", 645.7109985351562), Generic("Bn", b"\xff\xe0")),
                    *(Generic("Dn", Bits(8, b"\x0f")), Generic("N1", 10)),
                ]
            },
        ),
    ],
)
def test_line_of_atdf_has_the_fields_of_stdf(line, expected):
    fields = fields_of(line)

    assert expected.items() <= fields.items()


@pytest.mark.parametrize(
    ("name", "fields", "line"),
    [
        ("MRR", {"finish_t": 711879299, "disp_cod": None}, "MRR:8:14:59 23-JUL-1992"),
        ("PTR", ptr(0, 0.1)[1], "PTR:7|1|0|0.1|P"),
        ("PTR", ptr(0, float("nan"))[1] | {"test_flg": 128}, "PTR:7|1|0|nan|F"),
        ("PTR", ptr(0, 0.0, test_txt="t")[1] | {"test_flg": 2}, "PTR:7|1|0||P||t"),
        ("DTR", {"text_dat": "a\r\nb"}, "DTR:a␍␊b"),
        ("SBR", {"head_num": 255, "site_num": 0, "sbin_num": 3}, "SBR:|0|3"),
        ("PSR", {"opt_flg": 15, "pat_file": ["a,b", "c%"]}, "PSR:|||15|||||a%2Cb,c%25"),
        ("CNR", {"chn_num": 1, "bit_pos": 2, "cell_nam": "ff"}, "CNR:1|2|ff"),
    ],
)
def test_fields_of_stdf_make_a_line_of_atdf(name, fields, line):
    assert line_of(name, **fields) == line


def test_flags_without_a_form_in_atdf_follow_the_last_field_by_name(stdf):
    ptr_line = to_atdf(stdf(ptr(0, 1.0, test_txt="t", opt_flag=78, hi_limit=2.0))).splitlines()[1]

    assert ptr_line.endswith("|OPT_FLAG=78")
    assert fields_of(ptr_line)["opt_flag"] == 78


def test_separator_is_a_character_that_occurs_in_no_text(stdf):
    content = stdf(MIR, ("DTR", {"text_dat": "a|b^"}), ("GDR", {"gen_data": [("Cn", "~")]}))

    assert free_separator(decode_records(chain_of(content))) == ";"
    assert to_atdf(content).startswith("FAR:A;4;2\n")
    assert read_back(back(content))[1] == ("DTR", {"text_dat": "a|b^"})


def test_separator_inside_a_text_is_an_error():
    with pytest.raises(StdfError, match=r"DTR at byte 7: a text contains the separator '\|'"):
        list(atdf_lines([("DTR", 7, {"text_dat": "a|b"})]))


def test_records_of_vendors_are_left_out_and_counted(stdf):
    out = io.StringIO()

    content = stdf(MIR, ("180/10", {"data": b"x"}))

    skipped = write_atdf(lambda: decode_records(chain_of(content)), out)

    assert (skipped, len(out.getvalue().splitlines())) == (1, 2)


def test_line_that_begins_with_a_space_goes_on(stdf):
    lines = [b"FAR:A|4|2|S\r\n", b"DTR:one\r\n", b"  two\r\n", b"\r\n", b"PIR:1\n", b" |3"]

    found = list(atdf_records(lines))

    assert found == [
        (2, ("DTR", {"text_dat": "one two"})),
        (5, ("PIR", {"head_num": 1, "site_num": 3})),
    ]


@pytest.mark.parametrize(
    ("units", "base", "scale"), [("mA", 0.0015, 3), ("KHZ", 1500.0, -3), ("%", 0.015, 2)]
)
def test_numbers_of_an_unscaled_file_are_put_in_base_units(units, base, scale):
    line = f"PTR:1|1|0|1.5|P|||||{units}||1.5"

    fields = fields_of(line, "FAR:A|4|2|U")

    assert (fields["result"], fields["hi_limit"]) == pytest.approx((base, base))
    assert (fields["res_scal"], fields["hlm_scal"]) == (scale, scale)
    assert "llm_scal" not in fields
    assert fields["units"] == (units[1:] or None)


def test_units_of_an_unscaled_file_hold_for_the_lines_of_the_test_that_say_none(stdf):
    part = ["PIR:1|0", "PRR:1|0|1|1|P|1|1"]
    lines = [f"PTR:{n}|1|0|1.5|P||t|||{units}||2.5" for n, units in ((1, "mA"), (2, "V"), (1, ""))]
    content = "\n".join(["FAR:A|4|2|U", "MIR:L1", part[0], *lines, part[1]]).encode()

    found = read(content)

    assert found.test_values["result"].to_pylist() == pytest.approx([0.0015, 1.5, 0.0015])
    assert found.tests["res_scal"].to_pylist() == [3, None]
    assert found.tests["hi_limit"].to_pylist() == pytest.approx([0.0025, 2.5])


@pytest.mark.parametrize("more", ["x" * (2**20 + 1), "x\n " * 2**19])
def test_f10_line_longer_than_any_record_is_an_error_that_names_the_file(tmp_path, more):
    path = tmp_path / "bomb.atd"
    path.write_text(f"FAR:A|4|2\nDTR:{more}\nMRR:")

    with pytest.raises(StdfError, match=r"bomb.atd: .*more than 1,048,576 letters"):
        read(path)


def test_long_text_that_is_not_utf8_comes_back(stdf):
    content = stdf(MIR, ("DTR", {"text_dat": "é" * 200}))

    assert content.endswith("é".encode("latin-1") * 200)
    assert back(content) == content


def test_units_without_a_prefix_stay_in_an_unscaled_file():
    assert fields_of("PTR:1|1|0|1.5|P|||||meters", "FAR:A|4|2|U")["result"] == 1.5


def test_atdf_is_recognized_by_content_and_its_far_gives_the_separator():
    assert is_atdf(b"\xef\xbb\xbfFAR:A;4;2\n")
    assert not is_atdf(b"\x02\x00\x00\x0a\x02\x04")
    assert fields_of("PIR:1;2", "FAR:A;4;2") == {"head_num": 1, "site_num": 2}


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("XYZ:1", "line 2: 'XYZ': ATDF has no record"),
        ("FAR:A", "line 2: 'FAR': ATDF has no record"),
        ("PIR:x", r"line 2: PIR.head_num: 'x' is not a U1"),
        ("PIR:256", r"line 2: PIR.head_num: 256 is not a U1 from 0 to 255"),
        ("PTR:1|1|0|1.5|Q", "line 2: PTR.pass_fail: 'Q' is not one of , A, F, P"),
        ("PTR:1|1|0|1e39|P", "line 2: PTR.result: '1e39' is not a R4: beyond the range"),
        ("FTR:1|1|0|A", "line 2: FTR.pass_fail: 'A' is not one of , F, P"),
        ("FTR:1|1|0|P" + "|" * 15 + "70000", "line 2: FTR.fail_pin: '70000' is not a Dn: a pin"),
        ("MRR:8:14 1992", "line 2: MRR.finish_t: '8:14 1992' is not a U4: a time is h:mm:ss"),
        ("MRR:8:14:59 23-XXX-1992", "line 2: MRR.finish_t: .* is not a U4"),
        ("PIR:1|2|3", "line 2: PIR: '3' follows the last of its 2 fields"),
        ("GDR:Q1", "line 2: GDR: 'Q1' does not begin with one of"),
        ("PLR:1||Q", "line 2: PLR.grp_radx: 'Q' is not a U1: a radix is one of"),
    ],
)
def test_wrong_line_is_an_error_that_names_it(line, message):
    with pytest.raises(StdfError, match=message):
        list(atdf_to_stdf(["FAR:A|4|2", line]))


@pytest.mark.parametrize("content", [b"", b"PIR:1\n", b"FAR:A|3|2\n"])
def test_content_that_is_not_atdf_of_version_4_is_an_error(content):
    with pytest.raises(StdfError, match=r"line 1: (ATDF begins|FAR.stdf_ver: '3')"):
        list(atdf_to_stdf(content))
