"""Parquet files of parts and results: whole, exact, and accounted for."""

from dataclasses import replace

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from fabyield.errors import AccountingError, StdfError
from fabyield.stdf import batches, read
from fabyield.stdf.decode import source
from fabyield.stdf.tools import to_parquet as parquet
from fabyield.stdf.tools.name_rules import Naming
from fabyield.stdf.tools.outline import outline
from fabyield.stdf.tools.retest import PartRules
from fabyield.stdf.tools.to_parquet import NAMES, Rules, to_parquet
from tests.stdf.conftest import DATA, FULL, MIR, SMALL, ftr, pir, prr, ptr

PARTS = [
    *("lot_id", "wafer_id", "head_num", "site_num", "part_id", "x_coord", "y_coord"),
    *("hard_bin", "soft_bin", "part_pass", "touchdown_num", "is_first", "is_final"),
    *("decided_by", "num_test", "test_t"),
]
WIR = ("WIR", {"head_num": 1, "start_t": 21, "wafer_id": "W01"})
HERE = {"x_coord": 1, "y_coord": 1}
NAMING = Naming([["^{lot}-", ""], ["^W", ""]])


def whole(path):
    yield read(path)


@pytest.fixture
def export(stdf, tmp_path):
    """`export(records, ...)`: a file of each, exported together; the summary, and the tables."""

    def call(*files, batches=whole, with_file=False):
        paths = [tmp_path / f"{n}.stdf" for n in range(len(files))]
        for path, records in zip(paths, files, strict=True):
            path.write_bytes(records if isinstance(records, bytes) else stdf(*records))
        rules = Rules(NAMING, PartRules(), with_file)
        done = to_parquet([outline(path) for path in paths], tmp_path / "out", rules, batches)
        return done, {name: pq.read_table(tmp_path / "out" / f"{name}.parquet") for name in NAMES}

    return call


def test_parts_have_a_row_per_touchdown_in_order_of_place(export):
    _, tables = export(SMALL)

    parts = tables["parts"]
    assert parts.column_names == PARTS
    assert parts["part_id"].to_pylist() == ["b", "a", None]
    assert parts["part_pass"].to_pylist() == [False, True, None]
    assert parts["wafer_id"].to_pylist() == ["L1-01"] * 3
    assert parts["lot_id"].to_pylist() == ["L1"] * 3
    decided = ["only_touchdown", "only_touchdown", "no_valid_verdict"]
    assert parts["decided_by"].to_pylist() == decided


def test_results_point_to_their_part_and_their_test(export):
    _, tables = export(SMALL)

    values, tests = (tables[name].to_pylist() for name in ("test_values", "tests"))
    assert [row["part_row"] for row in values] == [1, 0, 1, 2]
    assert [row["result"] for row in values] == [0.375, 0.5, 0.125, 0.25]
    assert {tests[row["test_row"]]["test_txt"] for row in values} == {"vth_n"}
    assert [(row["test_num"], row["kind"]) for row in tests] == [(7, "P"), (8, "F"), (9, "M")]
    assert (tests[0]["units"], tests[0]["lo_limit"], tests[0]["hi_limit"]) == ("V", 0.25, 0.5)


@pytest.mark.parametrize(
    ("flags", "valid", "passed"),
    [
        ({}, True, True),
        *(({"test_flg": 1 << bit}, False, True) for bit in range(6)),
        ({"test_flg": 64}, True, None),
        ({"test_flg": 128}, True, False),
        ({"test_flg": 192}, True, None),
        *(({"parm_flg": 1 << bit}, False, True) for bit in range(3)),
        ({"parm_flg": 8}, True, True),
    ],
)
def test_flags_say_whether_a_result_is_valid_and_whether_it_passed(export, flags, valid, passed):
    _, tables = export((MIR, pir(0), ptr(0, 0.5, **flags), prr(0)))

    [row] = tables["test_values"].to_pylist()
    assert (row["valid"], row["test_pass"]) == (valid, passed)
    assert row["result"] == (0.5 if valid else None)


@pytest.mark.parametrize("result", [float("nan"), float("inf"), -float("inf")])
def test_f14_result_that_is_not_a_finite_number_is_not_valid(export, result):
    _, tables = export((MIR, pir(0), ptr(0, result), prr(0)))

    [row] = tables["test_values"].to_pylist()
    assert (row["valid"], row["result"]) == (False, None)


def test_record_that_ends_before_its_result_has_none(export):
    short = {name: value for name, value in ptr(0, 0)[1].items() if name != "result"}

    _, tables = export((MIR, pir(0), ("PTR", short), prr(0)))

    assert tables["test_values"]["valid"].to_pylist() == [False]


def test_f07_die_retested_in_another_file_is_decided_over_both(export):
    first = (MIR, WIR, pir(0), prr(0, part_flg=8, **HERE), ("MRR", {}))
    later = {"setup_t": 90, "start_t": 91, "lot_id": "L1"}
    again = (("MIR", later), ("WIR", WIR[1] | {"start_t": 99}), pir(0), prr(0, **HERE), ("MRR", {}))

    done, tables = export(again, first, with_file=True)

    assert (done.tested_die, done.first_pass_die, done.final_pass_die) == (1, 0, 1)
    assert tables["parts"]["touchdown_num"].to_pylist() == [2, 1]
    assert tables["parts"].column_names == [*PARTS, "file"]


def test_f07_same_file_under_two_names_counts_once(export):
    done, tables = export(SMALL, SMALL, with_file=True)

    [skipped] = done.skipped
    assert skipped.path.endswith("1.stdf")
    assert "same content as " in skipped.reason
    assert tables["parts"].num_rows == 3


def test_f07_cut_file_gives_way_to_the_whole_one_of_its_session(stdf, export):
    content = stdf(*SMALL)
    cut = content[: content.index(b"L1-01")]

    done, tables = export(cut, content, with_file=True)

    [skipped] = done.skipped
    assert "1.stdf is a more complete file of the same session" in skipped.reason
    assert tables["parts"]["touchdown_num"].to_pylist() == [1, 1, 1]


def test_same_number_with_another_text_is_another_test(export):
    other = ptr(0, 2.0, test_txt="vth_p", units="V")

    _, tables = export((MIR, pir(0), ptr(0, 1.0, **FULL), other, prr(0)))

    rows = [row["test_row"] for row in tables["test_values"].to_pylist()]
    assert tables["tests"]["test_txt"].take(rows).to_pylist() == ["vth_n", "vth_p"]


def test_test_of_one_program_in_two_files_is_one_row_and_new_limits_are_counted(export):
    other = ("MIR", MIR[1] | {"start_t": 99})
    files = [
        (mir, pir(0), ptr(0, 1.0, **FULL | more), prr(0))
        for mir, more in ((MIR, {}), (other, {"hi_limit": 0.75}))
    ]

    done, tables = export(*files)

    assert tables["tests"]["hi_limit"].to_pylist() == [0.5]
    assert tables["test_values"]["test_row"].to_pylist() == [0, 0]
    assert tables["test_values"]["part_row"].to_pylist() == [0, 1]
    assert done.changed_tests == 1


DEFINED = {"opt_flag": 14, "test_txt": "vth_n", "lo_limit": 0.25, "hi_limit": 0.5, "units": "V"}
SCALED = DEFINED | {"res_scal": 3, "llm_scal": 3, "hlm_scal": 3}


def held(tables):
    """Unit and limits that held for each result."""
    tests = tables["tests"].to_pylist()
    for row in tables["test_values"].to_pylist():
        own, test = row["own_limits"] or {}, tests[row["test_row"]]
        names = ("units", "lo_limit", "hi_limit")
        yield tuple(test[n] if own.get(n) is None else own[n] for n in names)


@pytest.mark.parametrize("batches", [whole, batches])
@pytest.mark.parametrize(
    ("second", "limits"),
    [
        (DEFINED, ("V", 0.25, 0.5)),
        (DEFINED | {"hi_limit": 0.75}, ("V", 0.25, 0.75)),
        (DEFINED | {"units": "mV", "lo_limit": 250.0}, ("mV", 250.0, 0.5)),
        (DEFINED | {"opt_flag": 14 | 64}, ("V", -float("inf"), 0.5)),
        ({"test_txt": "vth_n"}, ("", -float("inf"), float("inf"))),
    ],
)
def test_limits_of_a_later_file_are_kept_where_they_differ_from_the_first(
    export, second, limits, batches, monkeypatch
):
    monkeypatch.setattr(source, "BLOCK", 200)
    ours = ptr(0, 2.0, opt_flag=14, test_txt="vth_n", lo_limit=0.125, hi_limit=0.5)
    other = ("MIR", MIR[1] | {"start_t": 99})
    first = MIR, pir(0), ptr(0, 1.0, **DEFINED), ours, prr(0)
    later = other, pir(0), ptr(0, 1.0, **second), ours, ptr(0, 3.0), prr(0)

    done, tables = export(first, later, batches=batches)

    ours_held = {"lo_limit": 0.125, "hi_limit": 0.5}
    expected = [("V", 0.25, 0.5), ("V", 0.125, 0.5), limits, (limits[0], 0.125, 0.5), limits]
    if "lo_limit" not in second:
        expected[2:] = [("", *ours_held.values())] * 3
    assert list(held(tables)) == expected
    assert tables["tests"].num_rows == 1
    assert done.changed_tests == (second != DEFINED)


def test_limits_of_a_first_file_without_any_are_none(export):
    other = ("MIR", MIR[1] | {"start_t": 99})
    first = MIR, pir(0), ptr(0, 1.0, test_txt="vth_n"), prr(0)

    _, tables = export(first, (other, pir(0), ptr(0, 2.0, **SCALED), prr(0)))

    assert [row["own_limits"] for row in tables["test_values"].to_pylist()] == [
        None,
        {
            **{"units": "V", "lo_limit": 0.25, "hi_limit": 0.5},
            **{"res_scal": 3, "llm_scal": 3, "hlm_scal": 3},
        },
    ]


def test_record_that_states_the_limits_of_the_first_file_has_none_of_its_own(export):
    other = ("MIR", MIR[1] | {"start_t": 99})
    files = [
        (mir, pir(0), ptr(0, 1.0, **DEFINED | more), ptr(0, 2.0, **DEFINED), prr(0))
        for mir, more in ((MIR, {}), (other, {"hi_limit": 0.75}))
    ]

    _, tables = export(*files)

    own = [row["own_limits"] for row in tables["test_values"].to_pylist()]
    assert [row and row["hi_limit"] for row in own] == [None, None, 0.75, None]


def test_values_are_written_once_where_all_files_define_their_tests_alike(export, monkeypatch):
    monkeypatch.setattr(parquet, "_hold_to_catalog", None)
    other = ("MIR", MIR[1] | {"start_t": 99})

    _, tables = export(*((m, pir(0), ptr(0, 1.0, **DEFINED), prr(0)) for m in (MIR, other)))

    assert tables["test_values"]["own_limits"].to_pylist() == [None, None]


def test_results_are_written_batch_by_batch(export):
    def in_two(path):
        tables = read(path)
        none = {name: getattr(tables, name).slice(0, 0) for name in ("tests", "refused")}
        cut = {"test_values": tables.test_values.slice(0, 1), "parts": tables.parts.slice(0, 1)}
        yield replace(tables, **none, **cut)
        left = {"test_values": tables.test_values.slice(1), "parts": tables.parts.slice(1)}
        yield replace(tables, **left)

    assert export(SMALL, batches=in_two)[1] == export(SMALL)[1]


def test_lost_rows_stop_the_export_and_leave_nothing(stdf, export, tmp_path):
    def losing(path):
        tables = read(path)
        yield replace(tables, test_values=tables.test_values.slice(1))

    with pytest.raises(
        AccountingError, match=r"0\.stdf: 4 PTR in the file, but 3 rows and 0 refus"
    ):
        export(SMALL, batches=losing)
    assert list((tmp_path / "out").iterdir()) == []


def test_refused_results_are_counted(export):
    done, tables = export((MIR, ptr(0, 1.0), pir(0), ptr(0, 2.0), prr(0)))

    assert (done.files[0].results, done.files[0].refused) == (1, 1)
    assert tables["test_values"]["result"].to_pylist() == [2.0]


def test_file_that_breaks_in_its_middle_is_left_out_as_a_whole(export):
    def breaking(path):
        tables = read(path)
        yield tables
        if path.endswith("0.stdf"):
            raise StdfError(f"{path}: broken")

    other = (("MIR", MIR[1] | {"start_t": 99}), *SMALL[1:])
    done, tables = export(SMALL, other, batches=breaking)

    assert [reason.rpartition("/")[2] for reason in done.broken] == ["0.stdf: broken"]
    assert tables["parts"].num_rows == 3


def test_file_that_grew_since_its_outline_is_left_out_and_the_others_are_written(export):
    def growing(path):
        tables = read(path)
        grown = {"content_bytes": tables.content_bytes + path.endswith("0.stdf")}
        yield replace(tables, **grown)

    other = (("MIR", MIR[1] | {"start_t": 99}), *SMALL[1:])
    done, tables = export(SMALL, other, batches=growing)

    assert ["changed while it was read" in reason for reason in done.broken] == [True]
    assert tables["parts"].num_rows == 3


def test_test_that_is_named_late_is_one_row_with_its_name(export):
    def by_part(path):
        # As batches do: names and definitions come at the end.
        tables = read(path)
        texts = pa.nulls(2, pa.string()).dictionary_encode()
        first = tables.test_values.slice(0, 2)
        at = first.column_names.index("test_txt")
        yield replace(
            tables,
            tests=tables.tests.slice(0, 0),
            test_values=first.set_column(at, "test_txt", texts),
            parts=tables.parts.slice(0, 0),
            content_bytes=0,
        )
        yield replace(tables, test_values=tables.test_values.slice(2))

    late = (MIR, pir(0), ptr(0, 1.0), ptr(0, 2.0), ptr(0, 3.0, **FULL), prr(0))
    _, tables = export(late, batches=by_part)

    assert tables["tests"].select(["test_num", "test_txt"]).to_pylist() == [
        {"test_num": 7, "test_txt": "vth_n"}
    ]
    assert tables["test_values"]["test_row"].to_pylist() == [0, 0, 0]


def test_limit_that_is_nan_is_not_a_second_definition(export):
    nan = (pir(0), ptr(0, 1.0, **FULL | {"lo_limit": float("nan")}), prr(0))

    done, _ = export((MIR, *nan), (("MIR", MIR[1] | {"start_t": 99}), *nan))

    assert done.changed_tests == 0


def test_killed_export_leaves_no_file_that_looks_whole(export, tmp_path, monkeypatch):
    export(SMALL)

    def killed(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(parquet.os, "replace", killed)
    with pytest.raises(KeyboardInterrupt):
        export((MIR, pir(0), ftr(0), prr(0)))

    # The parts vouch for the rest: they are gone, the older others are still whole.
    left = sorted(path.stem for path in (tmp_path / "out").iterdir())
    assert left == ["bins", "test_values", "tests", "wafers"]


def test_f11_header_only_file_gives_tables_without_rows(export):
    done, tables = export((MIR, ("MRR", {})))

    assert done.tested_die == 0
    assert {name: table.num_rows for name, table in tables.items()} == dict.fromkeys(NAMES, 0)
    assert tables["parts"].column_names == PARTS


def test_f07_real_wafers_have_their_known_yields(tmp_path):
    paths = [DATA / f"{name}.stdf.gz" for name in ("lot2", "lot3")]

    done = to_parquet([outline(p) for p in paths], tmp_path, Rules(Naming(), PartRules()), whole)

    assert [(f.touchdowns, f.results) for f in done.files] == [(1_569, 52_403), (1_619, 54_123)]
    assert (done.tested_die, done.skipped) == (2_912, [])
    assert done.first_pass_die == round(1_456 * 0.9224) + round(1_456 * 0.8887)
    assert done.final_pass_die == round(1_456 * 0.9540) + round(1_456 * 0.9457)
