import pytest

from fabyield.stdf import read
from tests.stdf.conftest import FULL, MIR, SMALL, ftr, mpr, pir, prr, ptr

GROUPS = [
    ("SDR", {"head_num": 1, "site_grp": group, "site_num": sites})
    for group, sites in ((1, [0]), (2, [1]))
]
ORDERS = pytest.mark.parametrize("byte_order", ["<", ">"])


def refusals(tables):
    return list(
        zip(*(tables.refused[c].to_pylist() for c in ("record_name", "reason")), strict=True)
    )


@ORDERS
def test_test_records_belong_to_the_open_part_of_their_site(stdf, byte_order):
    values = read(stdf(*SMALL, byte_order=byte_order)).test_values

    columns = ("part_num", "wafer_num", "site_num", "x_coord", "y_coord", "result")
    assert list(zip(*(values[c].to_pylist() for c in columns), strict=True)) == [
        (1, 0, 0, 6, 7, 0.375),
        (0, 0, 1, -4, 5, 0.5),
        (1, 0, 0, 6, 7, 0.125),
        (2, 0, 1, None, None, 0.25),
    ]


@ORDERS
def test_parts_have_null_where_stdf_says_missing(stdf, byte_order):
    parts = read(stdf(*SMALL, byte_order=byte_order)).parts

    columns = ("site_num", "soft_bin", "x_coord", "test_t", "part_id", "part_pass")
    assert list(zip(*(parts[c].to_pylist() for c in columns), strict=True)) == [
        (1, 3, -4, 90, "b", False),
        (0, None, 6, None, "a", True),
        (1, None, None, None, None, None),
    ]


@ORDERS
def test_tests_are_numbered_in_order_of_first_sight(stdf, byte_order):
    tables = read(stdf(*SMALL, byte_order=byte_order))

    columns = ("test_index", "test_kind", "test_num", "test_txt", "lo_limit", "hi_limit", "units")
    assert list(zip(*(tables.tests[c].to_pylist() for c in columns), strict=True)) == [
        (0, "P", 7, "vth_n", 0.25, 0.5, "V"),
        (1, "F", 8, "scan", None, None, None),
        (2, "M", 9, "leak", None, None, None),
    ]
    assert tables.test_values["test_txt"].to_pylist() == ["vth_n"] * 4


@ORDERS
def test_multi_and_functional_values_have_their_arrays(stdf, byte_order):
    tables = read(stdf(*SMALL, byte_order=byte_order))

    (multi,) = tables.multi_values.to_pylist()
    (functional,) = tables.functional.to_pylist()
    assert (multi["results"], multi["states"]) == ([0.5, -1.5], [1, 2, 15])
    assert (multi["test_index"], multi["x_coord"]) == (2, -4)
    assert multi["rtn_indx"] == [4, 5, 6]
    assert (functional["rtn_indx"], functional["rtn_stat"]) == ([4, 5, 6], [1, 2, 3])
    assert (functional["fail_pin"], functional["cycl_cnt"]) == (b"\x81\x01", None)


@ORDERS
def test_wafer_takes_the_id_of_its_wrr_and_the_sizes_of_the_wcr(stdf, byte_order):
    (wafer,) = read(stdf(*SMALL, byte_order=byte_order)).wafers.to_pylist()

    expected = {"wafer_id": "L1-01", "start_t": 21, "finish_t": 30, "part_cnt": 3, "has_wrr": True}
    expected |= {"good_cnt": None, "site_grp": None, "wafr_siz": 300.0, "die_ht": None}
    expected |= {"wf_flat": "D", "center_x": 0, "center_y": None}
    assert expected.items() <= wafer.items()


def test_summaries_keep_all_their_fields(stdf):
    tables = read(stdf(*SMALL))

    assert tables.bins.select(
        ["bin_kind", "bin_num", "bin_cnt", "bin_pf", "bin_nam"]
    ).to_pylist() == [
        {"bin_kind": "H", "bin_num": 1, "bin_cnt": 2, "bin_pf": "P", "bin_nam": None},
        {"bin_kind": "S", "bin_num": 3, "bin_cnt": 1, "bin_pf": None, "bin_nam": "vth"},
    ]
    assert tables.sites["site_nums"].to_pylist() == [[0, 1]]
    assert tables.part_counts["part_cnt"].to_pylist() == [3]
    assert tables.test_counts["exec_cnt"].to_pylist() == [4]


@pytest.mark.parametrize(
    ("opt_flag", "limits"), [(14, (0.25, 0.5)), (78, (None, 0.5)), (142, (0.25, None))]
)
def test_limit_that_opt_flag_denies_is_null_and_stays_null(stdf, opt_flag, limits):
    first, later = ptr(0, 1.0, **FULL, opt_flag=opt_flag), ptr(0, 2.0, **FULL, opt_flag=14)

    tests = read(stdf(MIR, pir(0), first, later, prr(0))).tests

    assert (tests["lo_limit"][0].as_py(), tests["hi_limit"][0].as_py()) == limits


def test_default_limits_come_from_the_first_record_that_has_them(stdf):
    none = ptr(0, 1.0, test_txt="vth_n", opt_flag=62, lo_limit=9.0, hi_limit=9.0)

    tests = read(stdf(MIR, pir(0), none, ptr(0, 2.0, **FULL), none, prr(0))).tests

    assert tests.select(["lo_limit", "hi_limit", "units"]).to_pylist() == [
        {"lo_limit": 0.25, "hi_limit": 0.5, "units": "V"}
    ]


def test_alarm_and_opt_flag_are_those_of_each_record(stdf):
    more = [{}, {"alarm_id": "hot", "opt_flag": 206}, {"alarm_id": None, "opt_flag": 14}]
    tables = read(stdf(MIR, pir(0), *(ptr(0, 1.0, **told) for told in more), prr(0)))

    assert tables.test_values["alarm_id"].to_pylist() == [None, "hot", None]
    assert tables.test_values["opt_flag"].to_pylist() == [None, 206, 14]


def test_conditions_of_multi_results_are_those_of_each_record_and_the_first_ones_of_the_test(stdf):
    name, fields = mpr(0)
    swept = [{"start_in": start, "incr_in": 0.25, "units_in": "V"} for start in (1.0, 2.0)]
    tables = read(stdf(MIR, pir(0), *((name, {**fields, **at}) for at in swept), mpr(0), prr(0)))

    rows = tables.multi_values.select(["start_in", "incr_in", "units_in"]).to_pylist()
    assert rows == [*swept, dict.fromkeys(rows[0])]
    assert tables.tests.select(rows[0].keys()).to_pylist() == swept[:1]


def test_same_number_with_another_text_is_another_test(stdf):
    records = (ptr(0, 1.0), ptr(0, 2.0, test_txt="a"), ptr(0, 3.0, test_txt="b"), ptr(0, 4.0))

    tables = read(stdf(MIR, pir(0), *records, prr(0)))

    assert tables.tests["test_txt"].to_pylist() == ["a", "b", None]
    assert tables.test_values["test_txt"].to_pylist() == ["a", "a", "b", None]


def test_record_cut_short_after_any_field_is_null_from_there(stdf):
    short = ("PTR", {"test_num": 7, "head_num": 1, "site_num": 0, "test_flg": 64, "parm_flg": 0})

    (value,) = read(stdf(MIR, pir(0), short, prr(0))).test_values.to_pylist()

    assert (value["test_flg"], value["parm_flg"], value["result"]) == (64, 0, None)


def test_record_cut_short_before_its_flags_is_refused(stdf):
    unjudged = ("PTR", {"test_num": 7, "head_num": 1, "site_num": 0, "test_flg": 0})

    tables = read(
        stdf(MIR, pir(0), unjudged, prr(0), pir(1), ("PRR", {"head_num": 1, "site_num": 1}))
    )

    assert (tables.test_values.num_rows, tables.parts.num_rows) == (0, 1)
    assert [name for name, _ in refusals(tables)] == ["PTR", "PRR"]


@pytest.mark.parametrize("name", ["WIR", "WRR"])
@pytest.mark.parametrize("size", range(7))
def test_wafer_record_cut_short_is_a_run_or_refused_and_no_other_wafer_suffers(stdf, name, size):
    good = ("WIR", {"head_num": 1, "start_t": 21, "wafer_id": "W01"})
    time = {"WIR": "start_t", "WRR": "finish_t"}[name]
    one = stdf((name, {"head_num": 2, time: 5, "wafer_id": "X"}))[6:]
    cut = size.to_bytes(2, "little") + one[2 : 4 + size]

    tables = read(stdf(MIR, good) + cut + stdf(pir(0), prr(0), ("WRR", {"head_num": 1}))[6:])

    assert tables.wafers.slice(0, 1).to_pylist()[0]["start_t"] == 21
    assert [record for record, _ in refusals(tables)] == [name] * (size in (0, 3, 4, 5))


def test_test_records_outside_parts_are_refused_one_by_one(stdf):
    reopened = (pir(0), ptr(0, 2.0), pir(0), ptr(0, 3.0), prr(0))

    tables = read(stdf(MIR, ptr(0, 1.0), *reopened, ptr(0, 4.0), mpr(1)))

    assert refusals(tables) == [
        ("PTR", "PTR outside PIR..PRR"),
        ("PTR", "part never closed by PRR"),
        ("PTR", "PTR outside PIR..PRR"),
        ("MPR", "MPR outside PIR..PRR"),
    ]
    assert tables.test_values["result"].to_pylist() == [3.0]


def test_wafers_of_two_heads_keep_their_parts_apart(stdf):
    wirs = [("WIR", {"head_num": head, "start_t": 1, "wafer_id": f"W{head}"}) for head in (1, 2)]
    head = {n: {"head_num": n, "site_num": 0} for n in (1, 2, 3)}
    ends = {n: {**head[n], "part_flg": 0} for n in head}
    touches = [touch for n in (2, 1, 3) for touch in (("PIR", head[n]), ("PRR", ends[n]))]

    assert read(stdf(MIR, *wirs, *touches)).parts["wafer_num"].to_pylist() == [1, 0, None]
    both = ("WIR", {"head_num": 255, "start_t": 1})
    assert read(stdf(MIR, both, *touches)).parts["wafer_num"].to_pylist() == [0, 0, 0]
    assert read(stdf(MIR, wirs[0], *touches[:2])).parts["wafer_num"].to_pylist() == [0]


@ORDERS
def test_wafers_of_two_site_groups_of_a_head_keep_their_parts_apart(stdf, byte_order):
    begun = [
        ("WIR", {"head_num": 1, "site_grp": group, "start_t": group, "wafer_id": f"W{group}"})
        for group in (1, 2)
    ]
    ended = [
        ("WRR", {"head_num": 1, "site_grp": group, "finish_t": 9, "part_cnt": 1})
        for group in (1, 2)
    ]
    touched = (pir(0), pir(1), prr(1), prr(0))

    tables = read(stdf(MIR, *GROUPS, *begun, *touched, *ended, byte_order=byte_order))

    assert tables.parts.select(["site_num", "wafer_num"]).to_pylist() == [
        {"site_num": 1, "wafer_num": 1},
        {"site_num": 0, "wafer_num": 0},
    ]
    assert tables.wafers["wafer_id"].to_pylist() == ["W1", "W2"]
    assert tables.wafers["has_wrr"].to_pylist() == [True, True]


@pytest.mark.parametrize(("begun", "ended"), [(255, 255), (1, 255), (255, 2), (1, 1)])
def test_site_groups_do_not_part_one_wafer_of_a_head(stdf, begun, ended):
    wir = ("WIR", {"head_num": 1, "site_grp": begun, "start_t": 1, "wafer_id": "W"})
    wrr = ("WRR", {"head_num": 1, "site_grp": ended, "finish_t": 9, "part_cnt": 2})

    tables = read(stdf(MIR, *GROUPS, wir, pir(0), pir(1), prr(1), prr(0), wrr))

    assert tables.parts["wafer_num"].to_pylist() == [0, 0]
    assert tables.wafers["part_cnt"].to_pylist() == [2]


def test_wir_and_wrr_stand_alone_where_the_other_is_missing(stdf):
    wir = ("WIR", {"head_num": 1, "wafer_id": "a"})
    wrrs = [("WRR", {"head_num": 1, "wafer_id": name}) for name in "bc"]

    wafers = read(stdf(MIR, wir, wir, *wrrs)).wafers

    assert wafers.select(["wafer_num", "wafer_id", "has_wrr"]).to_pylist() == [
        {"wafer_num": 0, "wafer_id": "a", "has_wrr": False},
        {"wafer_num": 1, "wafer_id": "b", "has_wrr": True},
        {"wafer_num": 2, "wafer_id": "c", "has_wrr": True},
    ]


def test_scale_that_only_a_later_record_of_equal_length_has_is_found(stdf):
    named, later = ptr(0, 1.0, test_txt="leaks"), ptr(0, 2.0, opt_flag=0, hlm_scal=3)

    tests = read(stdf(MIR, pir(0), named, later, prr(0))).tests

    assert tests["hlm_scal"].to_pylist() == [3]


def test_functional_counts_that_opt_flag_denies_are_null(stdf):
    counted = ("FTR", {**ftr(0)[1], "opt_flag": 2, "cycl_cnt": 5, "rel_vadr": 6, "rept_cnt": 7})

    (value,) = read(stdf(MIR, pir(0), counted, prr(0))).functional.to_pylist()

    assert (value["cycl_cnt"], value["rel_vadr"], value["rept_cnt"]) == (5, None, 7)


@pytest.mark.parametrize("letter", ["", " ", "\x00"])
def test_letter_of_space_or_nul_is_null(stdf, letter):
    hbr = ("HBR", {"head_num": 255, "site_num": 0, "hbin_num": 1, "hbin_pf": letter})

    assert read(stdf(MIR, hbr)).bins["bin_pf"].to_pylist() == [None]
