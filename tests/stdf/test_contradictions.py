"""What a tester says of its parts, against the parts themselves."""

import io

import pytest

from fabyield.stdf import Writer
from fabyield.stdf.tools.contradictions import contradictions
from fabyield.stdf.tools.outline import outline
from tests.stdf.conftest import MIR, pir, prr
from tests.stdf.test_cases import CASES, NAMING, PartRules

ALL_SITES = {"head_num": 255, "site_num": 0}


@pytest.fixture
def found(tmp_path):
    """`found(record, ...)`: what contradicts two good parts in bin 1 and a failed one in bin 5."""

    def of(*records):
        parts = [part for n in range(2) for part in (pir(0), prr(0, x_coord=n, y_coord=0))]
        failed = prr(0, x_coord=2, y_coord=0, hard_bin=5, soft_bin=50, part_flg=8)
        with io.BytesIO() as out, Writer(out) as writer:
            for name, fields in (MIR, *parts, pir(0), failed, *records, ("MRR", {})):
                writer.write(name, **fields)
            (tmp_path / "a.stdf").write_bytes(out.getvalue())
        told = contradictions(outline(tmp_path / "a.stdf"), NAMING, PartRules())
        return [(one.record, one.place, one.claimed, one.counted) for one in told]

    return of


def hbr(number, count, verdict=None):
    verdicts = {"hbin_pf": verdict} if verdict else {}
    return "HBR", {**ALL_SITES, "hbin_num": number, "hbin_cnt": count, **verdicts}


def pcr(**counts):
    return "PCR", ALL_SITES | counts


def test_counts_and_verdicts_that_are_right_contradict_nothing(found):
    assert found(pcr(part_cnt=3, good_cnt=2), hbr(1, 2, "P"), hbr(5, 1, "F")) == []


@pytest.mark.parametrize(
    ("records", "expected"),
    [
        ([pcr(part_cnt=4)], ("PCR.PART_CNT", "all sites", 4, 3)),
        ([pcr(part_cnt=3, good_cnt=3)], ("PCR.GOOD_CNT", "all sites", 3, 2)),
        ([hbr(1, 2), hbr(5, 2)], ("HBR", "all sites, bin 5", 2, 1)),
        ([hbr(1, 2), hbr(5, 1, "P")], ("HBR.HBIN_PF", "bin 5 is P", 0, 1)),
        ([hbr(1, 2, "F"), hbr(5, 1)], ("HBR.HBIN_PF", "bin 1 is F", 0, 2)),
    ],
)
def test_count_or_verdict_of_the_tester_that_is_wrong_is_told(found, records, expected):
    assert found(*records) == [expected]


def test_bin_that_sites_call_good_and_bad_says_nothing(found):
    site = {"head_num": 1, "site_num": 0}
    called = [(1, 2, "P"), (5, 1, "P"), (5, 0, "F")]
    bins = [dict(zip(("hbin_num", "hbin_cnt", "hbin_pf"), row, strict=True)) for row in called]

    assert found(*(("HBR", site | row) for row in bins)) == []


def test_soft_bins_have_verdicts_too(found):
    sbr = ("SBR", {**ALL_SITES, "sbin_num": 50, "sbin_cnt": 1, "sbin_pf": "P"})

    assert found(sbr) == [("SBR.SBIN_PF", "bin 50 is P", 0, 1)]


def test_wafer_without_a_count_contradicts_nothing(found):
    assert found(("WRR", {"head_num": 1, "finish_t": 1, "part_cnt": 0})) == []


def wir(name=None):
    return "WIR", {"head_num": 1, "start_t": 21} | ({"wafer_id": name} if name else {})


def wrr(name=None, **counts):
    return "WRR", {"head_num": 1, "finish_t": 30} | ({"wafer_id": name} if name else {}) | counts


PART = (pir(0), prr(0, x_coord=9, y_coord=9))


@pytest.mark.parametrize(("first", "second"), [("W1", "W1"), ("W1", "W1 "), (None, None)])
def test_wrr_of_a_wafer_that_was_started_again_may_count_both_starts(found, first, second):
    body = (wir(first), *PART, wir(second), *PART)
    other = (wir("W2"), *PART, wrr("W2", part_cnt=1))

    assert found(*body, wrr("W1", part_cnt=2, good_cnt=2), *other) == []
    assert found(*body, wrr("W1", part_cnt=1), *other) == []
    assert found(*body, wrr("W1", part_cnt=3), *other) == [
        ("WRR.PART_CNT", "wafer W1, run 2", 3, 1)
    ]


def test_wrr_counts_no_parts_of_another_wafer_or_of_a_start_that_ended(found):
    ended = (wir("W1"), *PART, wrr("W1", part_cnt=1), wir("W1"), *PART)

    assert found(*ended, wrr("W1", part_cnt=2)) != []
    assert found(wir("W2"), *PART, wir("W1"), *PART, wrr("W1", part_cnt=2)) != []


@pytest.mark.parametrize("name", ["W1", None])
def test_wrr_that_says_the_same_again_contradicts_nothing(found, name):
    end = wrr(name, part_cnt=1)

    assert found(wir("W1"), *PART, end, end) == []


@pytest.mark.parametrize("kind", ["hard", "soft"])
def test_parts_without_a_bin_are_those_of_the_bin_that_stands_for_none(found, kind):
    without = (pir(0), prr(0, x_coord=9, y_coord=9, hard_bin=65535, soft_bin=65535))
    name, letter = {"hard": ("HBR", "h"), "soft": ("SBR", "s")}[kind]
    bins = {"hard": {1: 2, 5: 1}, "soft": {50: 1}}[kind]

    def listed(none):
        rows = bins if none is None else bins | {65535: none}
        fields = ({f"{letter}bin_num": n, f"{letter}bin_cnt": count} for n, count in rows.items())
        return [(name, ALL_SITES | row) for row in fields]

    unbinned = 1 if kind == "hard" else 3
    assert found(*without, *listed(unbinned)) == []
    assert found(*without, *listed(None)) == []
    assert found(*without, *listed(9)) == [(name, "all sites, bin 65535", 9, unbinned)]


def test_file_whose_flags_say_passed_of_a_failing_bin_is_told():
    path = CASES / "bin-verdict-contradicts-flag" / "a6_flagpass.stdf"

    [told] = contradictions(outline(path), NAMING, PartRules())

    assert (told.record, told.place, told.counted) == ("HBR.HBIN_PF", "bin 5 is F", 4)
    assert "4 counted (touch-down of the other verdict by PART_FLG)" in str(told)
