"""Cases worked by hand; random ones are compared with the nightly job's transforms elsewhere."""

import io

import numpy as np
import pyarrow as pa
import pytest

from fabyield.errors import StdfError
from fabyield.stdf import Writer
from fabyield.stdf.tools.name_rules import Naming
from fabyield.stdf.tools.outline import outline
from fabyield.stdf.tools.retest import PartRules, touchdowns, touchdowns_that_count
from fabyield.stdf.tools.sessions import (
    RUNS,
    SessionFile,
    files_that_count,
    parts_of,
    runs_of,
)
from tests.stdf.conftest import DATA, MIR, pir, prr

AT = {"x_coord": 3, "y_coord": -4, "part_id": None, "part_flg": 0, "run": 0}
PLACE = {"head_num": 1, "site_num": 0, "hard_bin": 1, "part_txt": None, "record_offset": 0}
NOWHERE = {"x_coord": None, "y_coord": None}
RUN = {"wafer_key": 0, "session_id": "s", "started_at": 60, "is_on_wafer": True, "file_key": 0}
RUN |= {"is_retest_file": False}
TYPES = pa.schema(
    [
        *(("run", pa.int32()), ("x_coord", pa.int16()), ("y_coord", pa.int16())),
        *(("part_id", pa.string()), ("part_flg", pa.int32()), ("part_pass", pa.bool_())),
        *(("head_num", pa.int32()), ("site_num", pa.int32()), ("hard_bin", pa.int32())),
        *(("part_txt", pa.string()), ("record_offset", pa.int64()), ("pir_offset", pa.int64())),
    ]
)
DECIDED = ("is_first", "is_final", "decided_by")


def judged(parts, runs=({},), rule="touch", columns=("touchdown_num", *DECIDED)):
    """One tuple per part with the decision; parts are (verdict, {other columns})."""
    rows = [PLACE | AT | {"part_pass": verdict} | more for verdict, more in parts]
    table_of_runs = pa.Table.from_pylist([RUN | run for run in runs], RUNS)
    found = touchdowns(pa.Table.from_pylist(rows, TYPES), table_of_runs, PartRules(rule))
    return list(zip(*(found[name].to_pylist() for name in columns), strict=True))


def test_f07_last_touchdown_supersedes_by_touch():
    assert judged([(False, {}), (True, {})]) == [
        (1, True, False, "same_die_again"),
        (2, False, True, "same_die_again"),
    ]


def test_f07_retest_without_a_flag_does_not_supersede_by_flag():
    assert judged([(False, {}), (True, {})], rule="flag") == [
        (1, True, True, "first_touchdown"),
        (2, False, False, "first_touchdown"),
    ]


@pytest.mark.parametrize("second", [None, 0, 20, 90, 95])
@pytest.mark.parametrize("is_on_wafer", [True, False])
def test_touchdowns_follow_their_place_in_a_file_whatever_time_its_runs_give(second, is_on_wafer):
    runs = [{"started_at": 90}, {"started_at": second}]
    parts = [(False, {}), (True, {"run": 1})]

    found = judged(parts, [run | {"is_on_wafer": is_on_wafer} for run in runs])

    assert found == [
        (1, True, False, "same_die_again"),
        (2, False, True, "same_die_again"),
    ]


def test_run_without_a_time_is_as_late_as_the_one_before_it_in_its_file():
    runs = [{"started_at": 90}, {"started_at": None}, {"started_at": 60, "file_key": 1}]
    parts = [(True, {}), (True, {"run": 1}), (True, {"run": 2})]

    assert judged(parts, runs, columns=["touchdown_num"]) == [(2,), (3,), (1,)]


def test_time_of_another_wafer_of_the_file_moves_no_touchdown():
    runs = [{"started_at": 90, "wafer_key": 1}, {"started_at": 50}, {"file_key": 1}]
    parts = [(True, {}), (True, {"run": 1}), (True, {"run": 2})]

    assert judged(parts, runs, columns=["touchdown_num"]) == [(1,), (1,), (2,)]


def test_second_run_of_a_wafer_whose_wir_has_no_time_is_later(tmp_path):
    content = io.BytesIO()
    with Writer(content) as out:
        out.write(MIR[0], **MIR[1])
        for at, verdict in ((100, 8), (0, 0)):
            out.write("WIR", head_num=1, start_t=at, wafer_id="W1")
            for name, fields in (pir(0), prr(0, part_flg=verdict, x_coord=1, y_coord=1)):
                out.write(name, **fields)
            out.write("WRR", head_num=1, finish_t=200, wafer_id="W1")
        out.write("MRR", finish_t=300)
    (tmp_path / "a.stdf").write_bytes(content.getvalue())
    files, _ = files_that_count([outline(tmp_path / "a.stdf")], Naming(), ())

    found = touchdowns(parts_of(files), runs_of(files, Naming()), PartRules())

    assert found["is_final"].to_pylist() == [False, True]


@pytest.mark.parametrize(("flags", "named"), [(1, "part_id_flag"), (2, "coordinate_flag")])
@pytest.mark.parametrize("rule", ["touch", "flag"])
def test_f07_flagged_retest_supersedes_by_either_rule(flags, named, rule):
    [_, retest] = judged([(False, {}), (True, {"part_flg": flags})], rule=rule)

    assert retest == (2, False, True, named)


def test_f07_retest_file_supersedes_without_a_flag():
    runs = [{}, {"started_at": 90, "is_retest_file": True}]

    actual = judged([(False, {}), (True, {"run": 1})], runs, "flag", DECIDED)

    assert actual == [(True, False, "retest_file"), (False, True, "retest_file")]


def test_f07_die_retested_at_another_site_is_the_same_die():
    assert judged([(False, {"part_id": "1"}), (True, {"part_id": "9"})], columns=DECIDED) == [
        (True, False, "same_die_again"),
        (False, True, "same_die_again"),
    ]


def test_f07_touchdowns_follow_test_time_and_not_the_order_of_files():
    runs = [{"started_at": 90}, {"file_key": 1}]
    late_first = judged([(True, {}), (False, {"run": 1})], runs)

    assert late_first == [(2, False, True, "same_die_again"), (1, True, False, "same_die_again")]


def test_f07_files_that_began_together_follow_the_order_given():
    assert [row[0] for row in judged([(True, {}), (False, {"run": 1})], [{}, {}])] == [1, 2]


def test_touchdown_with_an_unknown_verdict_decides_nothing():
    assert judged([(None, {}), (True, {}), (False, {}), (None, {})], columns=DECIDED[:2]) == [
        (False, False),
        (True, False),
        (False, True),
        (False, False),
    ]


def test_die_without_a_valid_verdict_is_unknown():
    assert judged([(None, {}), (None, {})]) == [
        (1, True, False, "no_valid_verdict"),
        (2, False, True, "no_valid_verdict"),
    ]


def test_die_touched_once_is_decided_by_its_only_touchdown():
    assert judged([(True, {})]) == [(1, True, True, "only_touchdown")]


def test_same_place_on_another_wafer_is_another_die():
    assert [r[0] for r in judged([(True, {}), (True, {"run": 1})], [{}, {"wafer_key": 1}])] == [
        1,
        1,
    ]


def test_parts_of_two_wafers_or_sessions_are_never_one():
    runs = [{}, {"wafer_key": 1}, {"session_id": "t", "started_at": 90}]
    parts = [("7", 0), ("7", 1), ("7", 0), (None, 0), (None, 0), ("7", 2)]

    actual = judged([(True, NOWHERE | {"part_id": i, "run": run}) for i, run in parts], runs)

    assert [row[0] for row in actual] == [1, 1, 2, 1, 1, 1]


def test_outermost_coordinates_are_die_of_their_own():
    corners = [(x, y) for x in (-32767, -1, 0, 32767) for y in (-32767, -1, 0, 32767)]

    actual = judged([(True, {"x_coord": x, "y_coord": y}) for x, y in corners])

    assert {row[0] for row in actual} == {1}


def test_no_parts_have_no_verdicts(stdf, tmp_path):
    path = tmp_path / "a.stdf"
    path.write_bytes(stdf())
    source = [SessionFile.of(0, outline(path), Naming())]

    assert touchdowns(parts_of(source), runs_of(source, Naming()), PartRules()).num_rows == 0


def test_error_for_an_unknown_rule_lists_the_known_ones():
    with pytest.raises(StdfError, match="'last': use one of touch, flag"):
        judged([(True, {})], rule="last")


@pytest.mark.parametrize(("name", "yields"), [("lot2", (92.24, 95.40)), ("lot3", (88.87, 94.57))])
def test_f07_real_wafers_have_their_known_first_and_final_yield(name, yields):
    source = [SessionFile.of(0, outline(DATA / f"{name}.stdf.gz"), Naming())]
    parts = parts_of(source)

    turns = touchdowns(parts, runs_of(source, Naming()), PartRules())

    passed = np.asarray(parts["part_pass"])
    chosen = [np.asarray(turns[which]) for which in ("is_first", "is_final")]
    assert [rows.sum() for rows in chosen] == [1_456, 1_456]
    assert tuple(round(100 * passed[rows].mean(), 2) for rows in chosen) == yields


def engineering(stdf, tmp_path, *wafers):
    """A file of an engineering run of these wafers, and one of production of W1."""
    found = []
    for name, mode, tested in (("e", "E", wafers), ("p", "P", ["W1"])):
        records = [(MIR[0], {**MIR[1], "mode_cod": mode, "node_nam": name})]
        for wafer in tested:
            records += [("WIR", {"head_num": 1, "start_t": 5, "wafer_id": wafer}), pir(0)]
            records += [prr(0, x_coord=1, y_coord=1), ("WRR", {"head_num": 1, "finish_t": 6})]
        path = tmp_path / name
        path.write_bytes(stdf(*records, ("MRR", {})))
        found.append(outline(path))
    return files_that_count(found, Naming(), ["E"])


def test_engineering_run_of_a_wafer_that_production_tested_counts_not(stdf, tmp_path):
    sources, skipped = engineering(stdf, tmp_path, "W1", "W2")

    turns = touchdowns_that_count(parts_of(sources), runs_of(sources, Naming()), PartRules())

    assert skipped == []
    assert turns["is_final"].to_pylist() == [False, True, True]
    assert turns["decided_by"].to_pylist() == [None, "only_touchdown", "only_touchdown"]


def test_file_none_of_whose_runs_count_is_left_out(stdf, tmp_path):
    sources, [skipped] = engineering(stdf, tmp_path, "W1")

    assert [source.place for source in sources] == [1]
    assert skipped.reason == "engineering run (MODE_COD E) of what production tested"
