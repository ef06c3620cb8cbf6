"""The counts that a file declares, compared with what is in it."""

import pytest

from fabyield.stdf import read
from fabyield.stdf.tools.check import Difference, check
from fabyield.stdf.tools.name_rules import Naming
from fabyield.stdf.tools.outline import outline
from fabyield.stdf.tools.retest import PartRules
from tests.stdf.conftest import DATA, MIR, SMALL, ftr, mpr, pir, prr, ptr

ALL = {"head_num": 255, "site_num": 0}
SITE = {site: {"head_num": 1, "site_num": site} for site in (0, 1)}
HERE = {"x_coord": 1, "y_coord": 1}
# One die fails and passes when it is touched again; another passes at another site.
TOUCHED = (
    *(pir(0), ptr(0, 0.5, test_flg=128), prr(0, part_flg=8, hard_bin=5, soft_bin=50, **HERE)),
    *(pir(0), ptr(0, 0.5), prr(0, hard_bin=1, soft_bin=10, **HERE)),
    *(pir(1), ptr(1, 0.5), prr(1, hard_bin=1, soft_bin=10, x_coord=2, y_coord=2)),
)
WIR = ("WIR", {"head_num": 1, "start_t": 21, "wafer_id": "W01"})


@pytest.fixture
def checked(stdf, tmp_path):
    """`checked(record, ...)`: the check of a file of TOUCHED on a wafer, then these records."""

    def call(*claims, touched=TOUCHED):
        path = tmp_path / "a.stdf"
        path.write_bytes(stdf(MIR, WIR, *touched, *claims, ("MRR", {})))
        return check(outline(path), [read(path)], Naming(), PartRules())

    return call


def hbr(place, number, count):
    return "HBR", place | {"hbin_num": number, "hbin_cnt": count}


def wrr(**counts):
    return "WRR", {"head_num": 1, "finish_t": 30} | counts


def tsr(place, **counts):
    return "TSR", place | {"test_typ": "P", "test_num": 7} | counts


def test_counts_that_equal_all_touchdowns_agree(checked):
    found = checked(wrr(part_cnt=3, good_cnt=2), hbr(ALL, 1, 2), hbr(ALL, 5, 1))

    assert found.differences == []
    assert found.agreed == dict.fromkeys(("WRR.PART_CNT", "WRR.GOOD_CNT", "HBR"), "touch-down")


def test_counts_that_leave_superseded_parts_out_agree_by_final_touchdown(checked):
    found = checked(wrr(part_cnt=2), hbr(ALL, 1, 2), hbr(ALL, 5, 0))

    assert found.differences == []
    assert found.agreed == dict.fromkeys(("WRR.PART_CNT", "HBR"), "final touch-down")


def test_bins_agree_all_by_one_meaning_or_not_at_all(checked):
    # 2 of bin 1 are all touch-downs or the final ones, 0 of bin 5 only the final ones.
    found = checked(hbr(ALL, 1, 3), hbr(ALL, 5, 0))

    assert found.differences == [
        Difference("HBR", "all sites, bin 1", 2, 3),
        Difference("HBR", "all sites, bin 5", 1, 0),
    ]


def test_totals_are_never_added_to_sites(checked):
    sites = [hbr(SITE[0], 1, 1), hbr(SITE[0], 5, 1), hbr(SITE[1], 1, 1)]

    assert checked(*sites, hbr(ALL, 1, 2), hbr(ALL, 5, 1)).differences == []


def test_total_is_recognized_by_its_head_whatever_its_site(checked):
    found = checked(hbr(ALL, 1, 2), hbr(ALL | {"site_num": 255}, 5, 1))

    assert found.differences == []


def test_bins_of_sites_are_compared_where_no_total_is_given(checked):
    found = checked(hbr(SITE[0], 1, 1), hbr(SITE[0], 5, 1), hbr(SITE[1], 1, 7))

    assert found.differences == [Difference("HBR", "head 1, site 1, bin 1", 1, 7)]


def test_bin_that_the_file_does_not_list_is_a_difference(checked):
    found = checked(hbr(ALL, 5, 1))

    assert found.differences == [Difference("HBR", "all sites, bin 1", 2, 0)]


def test_soft_bins_are_compared_too(checked):
    soft = [("SBR", ALL | {"sbin_num": n, "sbin_cnt": c}) for n, c in ((10, 2), (50, 4))]

    assert checked(*soft).differences == [Difference("SBR", "all sites, bin 50", 1, 4)]


def test_counts_of_sites_are_compared_with_their_parts(checked):
    claims = [("PCR", SITE[site] | {"part_cnt": n}) for site, n in ((0, 2), (1, 2))]

    found = checked(*claims, ("PCR", ALL | {"part_cnt": 3}))

    assert found.differences == [Difference("PCR.PART_CNT", "head 1, site 1", 1, 2)]


def test_wafer_count_that_is_wrong_either_way_names_its_wafer(checked):
    found = checked(wrr(part_cnt=9))

    assert found.differences == [Difference("WRR.PART_CNT", "wafer W01, run 1", 3, 9)]


def test_retests_agree_by_flag_or_by_touch(checked):
    assert checked(wrr(rtst_cnt=0)).agreed == {"WRR.RTST_CNT": "touch-down that says it supersedes"}
    assert checked(wrr(rtst_cnt=1)).agreed == {"WRR.RTST_CNT": "touch-down after the first"}
    assert checked(wrr(rtst_cnt=2)).differences


def test_aborted_parts_are_those_that_ended_abnormally(checked):
    aborted = (pir(0), prr(0, part_flg=4, **HERE))

    assert checked(wrr(abrt_cnt=1), touched=aborted).differences == []
    assert checked(wrr(abrt_cnt=2), touched=aborted).differences


def test_counts_that_are_missing_are_no_differences(checked):
    found = checked(wrr(), ("PCR", ALL), tsr(ALL))

    assert (found.differences, found.agreed) == ([], {})


def test_test_counts_are_compared_by_site_and_in_total(checked):
    sites = [tsr(SITE[0], exec_cnt=2, fail_cnt=1), tsr(SITE[1], exec_cnt=1, fail_cnt=1)]

    found = checked(*sites, tsr(ALL, exec_cnt=3, fail_cnt=2))

    assert found.agreed == {"TSR.EXEC_CNT": "executed result"}
    assert found.differences == [
        Difference("TSR.FAIL_CNT", "head 1, site 1, test 7", 0, 1),
        Difference("TSR.FAIL_CNT", "all sites, test 7", 1, 2),
    ]


def test_tests_not_executed_and_verdicts_not_valid_are_not_counted(checked):
    touched = (pir(0), ptr(0, 0.5, test_flg=16), ptr(0, 0.5, test_flg=192), prr(0, num_test=1))

    assert checked(tsr(ALL, exec_cnt=1, fail_cnt=0), touched=touched).differences == []


def test_where_some_touchdowns_log_no_results_test_counts_can_only_be_too_low(checked):
    silent = (*TOUCHED, pir(0), prr(0, num_test=1, **HERE))

    found = checked(tsr(ALL, exec_cnt=4, fail_cnt=0), touched=silent)

    assert found.differences == [Difference("TSR.FAIL_CNT", "all sites, test 7", 1, 0)]
    assert "results are logged of 3 of 4 touch-downs" in found.remarks[0]


def test_functional_and_multi_results_are_counted_by_their_kind(stdf, tmp_path):
    path = tmp_path / "a.stdf"
    kinds = [("TSR", ALL | {"test_typ": t, "test_num": n, "exec_cnt": 2}) for t, n in ("F8", "M9")]
    path.write_bytes(
        stdf(*SMALL[:-1], *[(k, f | {"test_num": int(f["test_num"])}) for k, f in kinds])
    )

    found = check(outline(path), [read(path)], Naming(), PartRules())

    wrong = [(row.place, row.counted, row.claimed) for row in found.differences]
    assert ("all sites, test 8", 1, 2) in wrong
    assert ("all sites, test 9", 1, 2) in wrong


def test_refused_stretches_are_a_remark(stdf, tmp_path):
    path = tmp_path / "a.stdf"
    path.write_bytes(stdf(*SMALL) + b"\x01")

    [remark] = check(outline(path), [read(path)], Naming(), PartRules()).remarks

    assert "1 stretches were refused" in remark


def test_results_in_several_batches_are_counted_together(stdf, tmp_path):
    path = tmp_path / "a.stdf"
    path.write_bytes(stdf(MIR, WIR, *TOUCHED, tsr(ALL, exec_cnt=6, fail_cnt=2)))
    whole = read(path)

    found = check(outline(path), [whole, whole], Naming(), PartRules())

    assert found.differences == []


def wrong(found):
    return [(row.place, row.counted, row.claimed, row.basis) for row in found.differences]


# A part has PTR, FTR and MPR of one test number.
OF_ONE_NUMBER = (
    pir(0),
    *((name, fields | {"test_num": 7}) for name, fields in (ptr(0, 0.5), ftr(0), mpr(0))),
    ptr(0, 0.5, test_num=8),
    prr(0, num_test=4, **HERE),
)


def test_one_tsr_of_a_test_number_counts_all_kinds_of_its_records(checked):
    sound = [tsr(ALL, exec_cnt=3), tsr(ALL, exec_cnt=1, test_num=8)]

    found = checked(*sound, touched=OF_ONE_NUMBER)

    assert found.differences == []
    assert found.agreed == {"TSR.EXEC_CNT": "executed result of any kind"}


def test_one_tsr_of_a_test_number_that_counts_neither_way_differs(checked):
    sound = [tsr(SITE[0], exec_cnt=3), tsr(ALL, exec_cnt=3), tsr(ALL, exec_cnt=1, test_num=8)]

    found = checked(*sound, tsr(SITE[0], exec_cnt=4, test_num=8), touched=OF_ONE_NUMBER)

    assert wrong(found) == [("head 1, site 0, test 8", 1, 4, "executed result of any kind")]


def test_a_tsr_of_each_kind_counts_its_own_records_alone(checked):
    kinds = [tsr(ALL, test_typ=kind, exec_cnt=1) for kind in "PFM"]

    found = checked(*kinds, touched=OF_ONE_NUMBER)
    of_all = checked(tsr(ALL, exec_cnt=3), *kinds[1:], touched=OF_ONE_NUMBER)

    assert found.agreed == {"TSR.EXEC_CNT": "executed result"}
    assert wrong(of_all) == [("all sites, test 7", 1, 3, "executed result")]


def test_tsrs_of_each_kind_that_all_count_all_kinds_differ(checked):
    kinds = [tsr(ALL, test_typ=kind, exec_cnt=3) for kind in "PFM"]

    assert len(checked(*kinds, touched=OF_ONE_NUMBER).differences) == 3


# A die fails at one site and passes at another.
MOVED = (
    *(pir(0), prr(0, part_flg=8, hard_bin=5, **HERE)),
    *(pir(1), prr(1, hard_bin=1, **HERE)),
    *(pir(1), prr(1, hard_bin=1, x_coord=2, y_coord=2)),
)
UNNAMED = (pir(0), prr(0)) * 3
ABORTED = (pir(0), prr(0, part_flg=4, x_coord=3, y_coord=3), pir(0), prr(0, **HERE))


@pytest.mark.parametrize(
    ("touched", "counts", "habit"),
    [
        (MOVED, {0: {"part_cnt": 1}, 1: {"part_cnt": 2}}, "touch-down"),
        (MOVED, {0: {"part_cnt": 0}, 1: {"part_cnt": 2}}, "final touch-down"),
        (MOVED, {0: {"part_cnt": 1}, 1: {"part_cnt": 1}}, "first touch-down"),
        (UNNAMED, {0: {"part_cnt": 2, "rtst_cnt": 1}}, "touch-down less RTST_CNT"),
        (ABORTED, {0: {"part_cnt": 1}}, "touch-down that ended normally"),
        (MOVED, {0: {"part_cnt": 0}, 1: {"part_cnt": 3}}, None),
        (ABORTED, {0: {"part_cnt": 3}}, None),
    ],
)
def test_part_counts_agree_by_the_habit_that_explains_all_of_them(checked, touched, counts, habit):
    claims = [("PCR", SITE[site] | found) for site, found in counts.items()]

    found = checked(*claims, touched=touched)

    assert found.agreed.get("PCR.PART_CNT") == habit
    assert (habit is None) == any(d.record == "PCR.PART_CNT" for d in found.differences)


def test_retests_agree_by_the_parts_that_were_touched_again(checked):
    often = (pir(0), prr(0, **HERE)) * 3

    assert checked(wrr(rtst_cnt=1), touched=often).agreed == {"WRR.RTST_CNT": "part touched again"}


@pytest.mark.parametrize("name", ["lot2", "lot3"])
def test_real_wafers_agree_by_touchdown(name):
    path = DATA / f"{name}.stdf.gz"

    found = check(outline(path), [read(path)], Naming(), PartRules())

    assert found.differences == []
    assert {found.agreed[n] for n in ("WRR.PART_CNT", "PCR.PART_CNT", "HBR", "SBR")} == {
        "touch-down"
    }
