import math

import pytest

from fabyield.lake.catalog import (
    FUNCTIONAL_VALUES,
    MULTI_VALUES,
    TEST_VALUES,
    TOUCHDOWNS,
    WAFER_RUNS,
)
from fabyield.transforms.silver import parametric_results as transform


def value(offset, **more):
    return {"record_offset": offset, "result": 1.5, "batch": 3} | more


def results(rows, values, runs=({},), touches=()):
    df = transform.parametric_results(
        rows(TEST_VALUES, *values), rows(WAFER_RUNS, *runs), rows(TOUCHDOWNS, *touches)
    )
    return df.orderBy("record_offset")


def test_test_flg_bits_0_to_5_each_make_a_result_invalid(rows):
    values = [value(bit, test_flg=1 << bit) for bit in range(8)]

    actual = results(rows, values).select("valid", "result").collect()

    assert actual == [(False, None)] * 6 + [(True, 1.5)] * 2


def test_parm_flg_bits_0_to_2_each_make_a_result_invalid(rows):
    values = [value(bit, parm_flg=1 << bit) for bit in range(8)]

    actual = results(rows, values).select("valid", "result").collect()

    assert actual == [(False, None)] * 3 + [(True, 1.5)] * 5


def test_verdict_is_bit_7_and_null_if_bit_6_is_set(rows):
    flags = [0b0000_0000, 0b1000_0000, 0b0100_0000, 0b1100_0000]

    actual = results(rows, [value(turn, test_flg=flag) for turn, flag in enumerate(flags)])

    assert [row["test_pass"] for row in actual.collect()] == [True, False, None, None]


def test_f14_nan_infinity_and_null_are_not_valid(rows):
    broken = [math.nan, math.inf, -math.inf, None]
    values = [value(turn, result=number) for turn, number in enumerate([*broken, 0.0, -1e30])]

    actual = results(rows, values).collect()

    assert [row["valid"] for row in actual] == [False] * 4 + [True, True]
    assert [row["result"] for row in actual[:5]] == [None] * 4 + [0.0]


def test_result_has_the_wafer_of_its_run(rows):
    runs = [{"wafer_num": 1, "wafer_key": 5}, {"wafer_num": -1, "wafer_key": 6}]
    values = [value(10, wafer_num=1), value(20, wafer_num=-1)]

    actual = results(rows, values, runs).select("record_offset", "wafer_key").collect()

    assert actual == [(10, 5), (20, 6)]


def test_f07_superseded_run_leaves_no_row(rows):
    runs = [{"file_key": 1, "is_superseded": True}, {"file_key": 2, "is_superseded": False}]
    values = [value(10, file_key=1), value(10, file_key=2)]

    assert results(rows, values, runs).select("file_key").collect() == [(2,)]


def test_results_of_a_retested_die_say_which_touchdown_is_final(rows):
    touches = [
        {"part_num": 0, "touchdown_num": 1, "is_final": False},
        {"part_num": 4, "touchdown_num": 2, "is_final": True},
        {"part_num": 9, "touchdown_num": 1, "is_final": True},
    ]
    values = [value(number, part_num=number) for number in (0, 4, 9)]

    actual = results(rows, values, touches=touches).select("touchdown_num", "is_final")

    assert actual.collect() == [(1, False), (2, True), (1, True)]


def test_part_of_the_same_number_in_another_file_is_another_part(rows):
    touches = [{"file_key": 2, "part_num": 0, "touchdown_num": 2, "is_final": False}]
    runs = [{"file_key": 1}, {"file_key": 2}]
    values = [value(1, file_key=1), value(2, file_key=2)]

    actual = results(rows, values, runs, touches).select("touchdown_num", "is_final").collect()

    assert actual == [(1, True), (2, False)]


@pytest.mark.parametrize(
    ("flag", "verdict"), [(0, True), (0b1000_0000, False), (0b0100_0000, None)]
)
def test_functional_result_has_its_verdict(rows, flag, verdict):
    values = rows(FUNCTIONAL_VALUES, {"test_flg": flag, "num_fail": 3})

    df = transform.functional_results(values, rows(WAFER_RUNS, {}), rows(TOUCHDOWNS))

    assert df.select("test_pass", "num_fail").collect() == [(verdict, 3)]


def test_multi_results_are_null_if_the_flags_are_invalid(rows):
    values = rows(
        MULTI_VALUES,
        {"record_offset": 1, "results": [1.0, 2.0]},
        {"record_offset": 2, "results": [1.0, 2.0], "parm_flg": 0b100},
    )

    df = transform.multi_results(values, rows(WAFER_RUNS, {}), rows(TOUCHDOWNS))

    chosen = df.orderBy("record_offset").select("valid", "results").collect()
    assert chosen == [(True, [1.0, 2.0]), (False, None)]
