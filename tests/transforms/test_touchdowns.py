from datetime import UTC, datetime, timedelta

import pytest

from fabyield.lake.catalog import PARTS, WAFER_RUNS
from fabyield.stdf.tools.retest import PartRules
from fabyield.transforms.silver.touchdowns import touchdowns

EARLY = datetime(2026, 3, 1, 8, tzinfo=UTC)
LATE = EARLY + timedelta(hours=2)
AT = {"x_coord": 3, "y_coord": -4}
RUN = {"wafer_id": "01", "pcr_rtst_cnt": None, "retest_bins": None, "started_at": EARLY}
ORDER = ["part_num", "touchdown_num", "is_first", "is_final", "superseded_by"]


def part(part_num, part_pass, part_flg=0, **more):
    row = {"part_num": part_num, "part_pass": part_pass, "part_flg": part_flg}
    return AT | row | more


def session(file_key, started_at=EARLY, **more):
    return RUN | {"file_key": file_key, "started_at": started_at} | more


def judged(df, *columns):
    return [tuple(row) for row in df.orderBy("touchdown_num").select(*(columns or ORDER)).collect()]


def test_f07_retest_without_a_flag_supersedes_by_the_touch_rule(rows):
    df = touchdowns(rows(PARTS, part(7, True), part(2, False)), rows(WAFER_RUNS, RUN), PartRules())

    assert judged(df) == [(2, 1, True, False, None), (7, 2, False, True, "same_die_again")]


def test_f07_retest_without_a_flag_does_not_supersede_by_the_flag_rule(rows):
    parts = rows(PARTS, part(2, False), part(7, True))

    df = touchdowns(parts, rows(WAFER_RUNS, RUN), PartRules("flag"))

    assert judged(df) == [(2, 1, True, True, None), (7, 2, False, False, None)]


@pytest.mark.parametrize("rule", ["touch", "flag"])
def test_part_flg_bits_0_and_1_supersede_and_are_named(rows, rule):
    parts = rows(PARTS, part(0, False), part(1, False, 0b01), part(2, True, 0b10))

    df = touchdowns(parts, rows(WAFER_RUNS, RUN), PartRules(rule))

    assert judged(df, "superseded_by", "is_final") == [
        (None, False),
        ("part_id_flag", False),
        ("coordinate_flag", True),
    ]


def test_failed_and_abnormal_end_bits_do_not_supersede(rows):
    parts = rows(PARTS, part(0, True), part(1, False, 0b1100))

    df = touchdowns(parts, rows(WAFER_RUNS, RUN), PartRules("flag"))

    assert judged(df, "superseded_by", "is_final") == [(None, True), (None, False)]


def test_touchdown_of_a_retest_file_supersedes_without_a_flag(rows):
    runs = rows(WAFER_RUNS, session(1), session(2, LATE, is_retest_file=True))
    parts = rows(PARTS, part(0, False, file_key=1), part(0, True, file_key=2))

    assert judged(touchdowns(parts, runs, PartRules("flag")), "superseded_by", "is_final") == [
        (None, False),
        ("retest_file", True),
    ]


def test_touchdowns_follow_test_time_and_not_arrival(rows):
    runs = rows(WAFER_RUNS, session(1, LATE), session(2, EARLY))
    parts = rows(PARTS, part(0, True, file_key=1), part(9, False, file_key=2))

    df = touchdowns(parts, runs, PartRules())

    assert judged(df, "file_key", "is_first", "is_final") == [(2, True, False), (1, False, True)]


def test_die_touched_again_at_another_site_is_the_same_die(rows):
    parts = rows(PARTS, part(0, False, site_num=1), part(1, True, site_num=4))

    df = touchdowns(parts, rows(WAFER_RUNS, RUN), PartRules())

    assert judged(df, "die_id", "site_num", "is_final") == [("3,-4", 1, False), ("3,-4", 4, True)]


def test_invalid_verdicts_decide_neither_first_nor_final(rows):
    parts = rows(PARTS, part(0, None), part(1, False), part(2, True), part(3, None))

    df = touchdowns(parts, rows(WAFER_RUNS, RUN), PartRules())

    assert judged(df, "is_first", "is_final") == [
        (False, False),
        (True, False),
        (False, True),
        (False, False),
    ]


def test_die_with_no_valid_verdict_still_has_a_first_and_a_final(rows):
    parts = rows(PARTS, part(0, None), part(1, None))

    df = touchdowns(parts, rows(WAFER_RUNS, RUN), PartRules())

    assert judged(df, "is_first", "is_final") == [(True, False), (False, True)]


def test_superseded_run_has_no_touchdowns(rows):
    runs = rows(WAFER_RUNS, session(1, is_superseded=True), session(2))
    parts = rows(PARTS, part(0, False, file_key=1), part(0, True, file_key=2))

    df = touchdowns(parts, runs, PartRules())

    assert judged(df, "file_key", "touchdown_num", "superseded_by") == [(2, 1, None)]


def test_same_place_on_another_wafer_or_insertion_is_another_die(rows):
    runs = rows(
        WAFER_RUNS,
        session(1, wafer_key=1, insertion="CP1"),
        session(2, wafer_key=1, insertion="CP2"),
        session(3, wafer_key=2, insertion="CP1"),
    )
    parts = rows(PARTS, *(part(0, True, file_key=key) for key in (1, 2, 3)))

    actual = touchdowns(parts, runs, PartRules()).select("file_key", "touchdown_num", "is_final")

    assert sorted(actual.collect()) == [(1, 1, True), (2, 1, True), (3, 1, True)]


def test_package_is_named_after_its_origin_or_its_first_touchdown(rows):
    parts = rows(
        PARTS,
        part(0, False, part_id="17", part_txt="-", pir_offset=None),
        part(1, True, part_id="17", part_txt="-", pir_offset=None),
        part(2, True, part_id="18", part_txt="k7/02/5/-6"),
    )

    df = touchdowns(parts, rows(WAFER_RUNS, session(0, wafer_id="-")), PartRules())

    assert sorted(df.select("part_num", "die_id", "touchdown_num", "identified_by").collect()) == [
        (0, "part 0/0", 1, "part_id"),
        (1, "part 0/0", 2, "part_id"),
        (2, "K7/02/5/-6", 1, "origin"),
    ]
