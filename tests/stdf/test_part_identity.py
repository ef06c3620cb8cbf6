"""Who is whose part: cases of docs/identity.md, worked by hand."""

import pyarrow as pa
import pytest

from fabyield.stdf import read
from fabyield.stdf.reader import records
from fabyield.stdf.tools.part_identity import NAMES, identify
from fabyield.stdf.tools.sessions import is_retest
from tests.stdf.conftest import DATA

PART = pa.schema(
    [
        *(("run", pa.int32()), ("head_num", pa.int32()), ("site_num", pa.int32())),
        *(("x_coord", pa.int16()), ("y_coord", pa.int16()), ("part_id", pa.string())),
        *(("part_flg", pa.int32()), ("part_pass", pa.bool_()), ("hard_bin", pa.int32())),
        *(("origin", pa.string()), ("record_offset", pa.int64()), ("pir_offset", pa.int64())),
    ]
)
RUN = pa.schema(
    [
        *(("file_key", pa.int64()), ("session_id", pa.string()), ("sblot_id", pa.string())),
        *(("is_on_wafer", pa.bool_()), ("started_at", pa.int64()), ("finished_at", pa.int64())),
        *(("rtst_cod", pa.string()), ("retest_bins", pa.list_(pa.int32()))),
        *(("pcr_rtst_cnt", pa.int64()), ("is_retest_file", pa.bool_())),
    ]
)


def found(parts, runs=({},)):
    """(first row of its part, evidence) of each touch-down; parts are PART_ID or {columns}."""
    rows, places = [], {}
    for given in parts:
        part = given if isinstance(given, dict) else {"part_id": given}
        run = part.get("run", 0)
        place = places[run] = places.get(run, -1) + 1
        usual = {"run": 0, "head_num": 1, "site_num": 0, "part_flg": 0, "part_pass": True}
        rows.append(
            usual
            | {"hard_bin": 1, "record_offset": 10 * place + 9, "pir_offset": 10 * place}
            | part
        )
    usual = [{"file_key": n, "session_id": f"s{n}", "is_on_wafer": False} for n in range(len(runs))]
    usual = [
        one | {"started_at": 100 * n, "finished_at": 100 * n + 50} for n, one in enumerate(usual)
    ]
    told = [a | b for a, b in zip(usual, runs, strict=True)]
    retests = [is_retest({"rtst_cod": None, "retest_bins": None} | run) for run in told]
    table = pa.Table.from_pylist(
        [run | {"is_retest_file": again} for run, again in zip(told, retests, strict=True)], RUN
    )
    first, evidence = identify(pa.Table.from_pylist(rows, PART), table)
    return list(zip(first.tolist(), (NAMES[code] for code in evidence), strict=True))


def firsts(parts, runs=({},)):
    return [first for first, _ in found(parts, runs)]


def at(x, y, **more):
    return {"x_coord": x, "y_coord": y, **more}


def fail(part_id, **more):
    return {"part_id": part_id, "part_pass": False, "hard_bin": 5, **more}


OPEN_AT_ONCE = {
    1: {"pir_offset": 0, "record_offset": 20},
    2: {"pir_offset": 10, "record_offset": 29},
}
WAFER, RETEST = {"is_on_wafer": True}, {"rtst_cod": "1"}


def test_die_is_known_by_its_coordinates_over_sessions_and_sites():
    parts = [at(1, 1, part_id="1"), at(1, 2, part_id="2"), at(1, 1, part_id="1", run=1, site_num=2)]

    assert found(parts, [WAFER, WAFER]) == [
        (0, "coordinates"),
        (1, "coordinates"),
        (0, "coordinates"),
    ]


def test_flag_bit_0_names_the_die_by_part_id_where_coordinates_are_missing():
    parts = [at(1, 1, part_id="1"), at(1, 2, part_id="2"), {"part_id": "2", "part_flg": 1}]

    assert found(parts, [WAFER])[2] == (1, "part_id_flag")
    assert found([*parts[:2], parts[2] | {"run": 1}], [WAFER, WAFER])[2] == (1, "part_id_flag")


def test_flag_bit_0_holds_after_the_prober_was_aligned_again():
    assert firsts([at(1, 1, part_id="1"), at(2, 1, part_id="1", part_flg=1)], [WAFER]) == [0, 0]


def test_flag_bit_0_in_another_session_does_not_move_a_die():
    parts = [at(1, 1, part_id="1"), at(2, 1, part_id="1", part_flg=1, run=1)]

    assert firsts(parts, [WAFER, WAFER]) == [0, 1]


def test_die_that_was_touched_by_another_part_id_is_the_same_die():
    assert firsts([at(1, 1, part_id="1"), at(1, 1, part_id="7", part_flg=2)], [WAFER]) == [0, 0]


def test_package_is_known_by_the_die_it_was_cut_from_whatever_its_number():
    parts = [
        {"part_id": "1", "origin": "L/01/3/4"},
        {"part_id": "1", "origin": "L/02/3/4", "run": 1, **at(3, 4)},
        {"part_id": "9", "origin": "L/01/3/4", "run": 1, **at(3, 4)},
    ]

    assert found(parts, [{}, {}]) == [(0, "origin"), (1, "origin"), (0, "origin")]


def test_part_id_twice_in_a_session_is_one_part():
    assert found(["1", "2", "1"]) == [(0, "part_id"), (1, "part_id"), (0, "part_id")]


def test_parts_open_at_once_are_two_and_then_each_site_numbers_its_own():
    parts = [
        {"part_id": "1", "site_num": 0, "pir_offset": 0},
        {"part_id": "1", "site_num": 1, "pir_offset": 0},
        {"part_id": "2", "site_num": 0, "pir_offset": 20},
        {"part_id": "2", "site_num": 1, "pir_offset": 21},
        {"part_id": "2", "site_num": 1, "pir_offset": 40},
    ]

    assert firsts(parts) == [0, 1, 2, 3, 3]
    assert {how for _, how in found(parts)} == {"part_id_and_site"}


def test_flag_names_the_part_of_its_own_site_where_sites_number_alone():
    first = [{"part_id": "1", "site_num": site, **OPEN_AT_ONCE[site]} for site in (1, 2)]
    again = {"part_id": "1", "site_num": 1, "part_flg": 1, "pir_offset": 30, "record_offset": 35}

    assert found([*first, again])[2] == (0, "part_id_flag")


def test_flag_does_not_make_one_package_of_two_die():
    parts = [
        {"part_id": "1", "origin": "L/01/3/4"},
        {"part_id": "1", "origin": "L/02/3/4", "part_flg": 1},
        {"part_id": "1", "part_flg": 1},
    ]

    assert firsts(parts) == [0, 1, 1]


def test_pcr_without_retests_makes_every_touchdown_a_part():
    assert firsts(["1", "1"], [{"pcr_rtst_cnt": 0}]) == [0, 1]
    assert firsts(["1", "1"], [{"pcr_rtst_cnt": 1}]) == [0, 0]


def test_coordinates_of_packages_that_are_all_alike_name_none():
    parts = [at(0, 0, pir_offset=0), at(0, 0, site_num=1, pir_offset=0), at(0, 0)]

    assert firsts(parts) == [0, 1, 2]


def test_packages_of_another_session_are_others_and_it_says_where_it_cannot_tell():
    parts = ["1", "2", {"part_id": "2", "run": 1}, {"part_id": "3", "run": 1}]

    assert found(parts, [{}, {}])[2:] == [(2, "unclear"), (3, "part_id")]
    assert found(parts, [{}, {"rtst_cod": "N"}])[2:] == [(2, "part_id"), (3, "part_id")]
    assert found(parts, [{}, {"started_at": 40}])[2:] == [(2, "part_id"), (3, "part_id")]


@pytest.mark.parametrize("again", [RETEST, {"rtst_cod": "Y"}, {"retest_bins": [5]}])
def test_rescreen_that_numbers_anew_is_of_the_rejects_by_their_number(again):
    parts = ["1", "2", fail("3"), "4", fail("5"), fail("6")]
    rescreen = [{"part_id": "1", "run": 1}, fail("2", run=1)]

    assert found([*parts, *rescreen], [{}, again])[6:] == [
        (2, "rescreen_count"),
        (4, "rescreen_count"),
    ]


def test_rescreen_that_keeps_the_numbers_is_known_by_them():
    parts = ["1", fail("2"), "3", fail("4"), {"part_id": "4", "run": 1}]

    assert found(parts, [{}, RETEST])[4] == (3, "rescreen_part_id")


def test_number_that_two_testers_gave_says_nothing_of_single_parts():
    parts = [fail("1"), fail("2"), fail("1", run=1), {"part_id": "1", "run": 2}]
    parts.append({"part_id": "2", "run": 2})

    assert found(parts, [{}, {}, RETEST])[3:] == [(0, "rescreen_count"), (1, "rescreen_part_id")]


def test_second_rescreen_is_of_what_still_fails():
    parts = [fail("1"), fail("2"), "3", {"part_id": "1", "run": 1}, fail("2", run=1)]
    parts += [{"part_id": "1", "run": 2}]

    assert firsts(parts, [{}, RETEST, RETEST])[3:] == [0, 1, 1]


def test_rescreen_takes_the_bins_that_rdr_names():
    parts = [fail("1", hard_bin=4), fail("2"), {"part_id": "1", "run": 1}]

    assert firsts(parts, [{}, {"retest_bins": [5]}])[2] == 1


def test_whole_lot_tested_again_pairs_all_parts():
    parts = ["1", fail("2"), fail("a", run=1), {"part_id": "b", "run": 1}]

    assert firsts(parts, [{}, {"retest_bins": []}])[2:] == [0, 1]
    assert firsts(parts, [{}, RETEST])[2:] == [0, 1]


def test_more_parts_than_rejects_are_counted_apart():
    parts = ["1", "2", fail("3"), *({"part_id": i, "run": 1} for i in "12")]

    assert found(parts, [{}, RETEST])[3:] == [(2, "rescreen_count"), (4, "unclear")]


def test_rescreen_looks_at_its_own_sublot_first():
    parts = [fail("1"), fail("1", run=1), {"part_id": "9", "run": 2}]
    runs = [{"sblot_id": "a"}, {"sblot_id": "b"}, {"sblot_id": "b ", **RETEST}]

    assert firsts(parts, runs)[2] == 1


def test_part_without_any_name_is_its_own():
    assert found([None, None]) == [(0, "none"), (1, "none")]


@pytest.mark.parametrize("blank", [" ", "        ", "\0\0", "\t\0 \r\n", "\xa0", ""])
def test_part_id_of_nothing_but_padding_is_none(blank):
    failed = {"part_id": blank, "part_pass": False}

    assert found([failed, blank, blank]) == [(0, "none"), (1, "none"), (2, "none")]


@pytest.mark.parametrize("padded", ["A1 ", " A1", "A1\0\0", "A1\r"])
def test_padding_of_a_part_id_names_no_other_part(padded):
    assert firsts([fail("A1"), "B", padded]) == [0, 1, 0]
    assert firsts([fail("A1"), "B", {"part_id": padded, "part_flg": 1}]) == [0, 1, 0]
    rescreen = {"part_id": padded, "run": 1}
    assert found([fail("A1"), fail("B"), rescreen], [{}, RETEST])[2] == (0, "rescreen_part_id")


def test_packages_with_blank_part_ids_are_known_by_their_coordinates():
    parts = [at(1, 1, part_id=" ", part_pass=False), at(2, 1, part_id=" "), at(1, 1, part_id=" ")]

    assert found(parts) == [(0, "part_id"), (1, "part_id"), (0, "part_id")]


def test_flag_bit_0_with_a_blank_part_id_names_no_die():
    parts = [at(1, 1, part_id=" "), at(2, 1, part_id=" ", part_flg=1)]

    assert firsts(parts, [WAFER]) == [0, 1]


ALIKE = [{"part_id": "0"}, {"part_id": "1"}, at(0, 0), at(0, 0, part_id="0"), at(7, 7)]


@pytest.mark.parametrize("name", ALIKE)
def test_name_that_all_packages_of_a_session_bear_names_none(name):
    parts = [name | {"part_pass": False}, *[name] * 9]

    assert firsts(parts) == list(range(10))
    assert [how for _, how in found(parts)] == ["none", *["unclear"] * 9]


@pytest.mark.parametrize("name", ALIKE)
def test_part_that_is_tested_again_until_it_passes_is_one(name):
    failed = name | {"part_pass": False}

    assert firsts([failed, failed, name]) == [0, 0, 0]
    assert firsts([name, name]) == [0, 0]
    assert firsts([failed, failed, failed]) == [0, 0, 0]
    assert firsts([failed | {"part_pass": None}, failed, name]) == [0, 0, 0]


@pytest.mark.parametrize("name", ALIKE)
def test_one_name_of_as_many_retests_as_the_tester_counts_is_one_part(name):
    assert firsts([name] * 4, [{"pcr_rtst_cnt": 3}]) == [0, 0, 0, 0]
    assert firsts([name] * 4, [{"pcr_rtst_cnt": 1}]) == [0, 1, 2, 3]
    assert firsts([name] * 4, [{"retest_bins": [5]}]) == [0, 0, 0, 0]
    assert firsts([name] * 4, [RETEST]) == [0, 0, 0, 0]


def test_one_name_of_parts_that_the_tester_never_touched_again_is_clear():
    assert found(["0"] * 3, [{"pcr_rtst_cnt": 0}]) == [(0, "none"), (1, "none"), (2, "none")]


def test_flag_says_which_of_the_parts_with_one_name_is_tested_again():
    again = fail("0", part_flg=1)

    assert found(["0", fail("0"), again, "0", "0"])[1:4] == [
        (1, "unclear"),
        (1, "part_id_flag"),
        (3, "unclear"),
    ]
    assert firsts(["0", *[{"part_id": "0", "part_flg": 1}] * 3]) == [0, 0, 0, 0]


def test_number_of_its_site_names_no_package():
    parts = [{"part_id": str(n % 2 + 1), "site_num": n % 2} for n in range(6)]

    assert firsts(parts) == list(range(6))


def test_one_name_on_sites_that_are_open_at_once_names_no_package():
    parts = [{"part_id": "0", "site_num": site, **OPEN_AT_ONCE[site]} for site in (1, 2)] * 3

    assert firsts(parts) == list(range(6))


def test_one_part_of_several_that_is_tested_again_keeps_its_name():
    assert firsts(["1", "2", "2", "2"]) == [0, 1, 1, 1]


def test_packages_that_share_one_part_id_are_known_by_coordinates_that_differ():
    parts = [at(n % 3, 0, part_id="0", part_pass=n > 0) for n in range(4)]

    assert found(parts) == [(n, "part_id") for n in (0, 1, 2, 0)]


def test_rescreen_of_packages_with_one_name_is_of_the_rejects_by_their_number():
    parts = ["0", fail("0"), "0", fail("0"), {"part_id": "0", "run": 1}, fail("0", run=1)]

    assert found(parts, [{}, RETEST])[4:] == [(1, "rescreen_count"), (3, "rescreen_count")]


def test_second_half_of_a_lot_with_one_name_for_all_is_other_packages():
    assert firsts(["0", "0", "0", *[{"part_id": "0", "run": 1}] * 2], [{}, {}]) == list(range(5))


def test_die_of_a_wafer_that_share_one_name_are_known_by_their_coordinates():
    parts = [at(1, n, part_id="0") for n in range(3)] + [at(1, 0, part_id="0", run=1)]

    assert firsts(parts, [WAFER, WAFER]) == [0, 1, 2, 0]


@pytest.mark.parametrize("name", ["lot2", "lot3"])
def test_pir_offset_is_where_the_record_reader_finds_the_pir(name):
    path, opened, expected = DATA / f"{name}.stdf.gz", {}, []
    for record, offset, fields in records(path):
        place = fields.get("head_num"), fields.get("site_num")
        if record == "PIR":
            opened[place] = offset
        if record == "PRR":
            expected.append(opened.pop(place))

    assert read(path).parts["pir_offset"].to_pylist() == expected
