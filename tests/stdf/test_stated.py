"""Limits and units of single records, and numbers that several tests share."""

from unittest.mock import patch

import pytest

from fabyield.stdf import read
from fabyield.stdf.decode import source
from tests.stdf.conftest import FULL, MIR, mpr, pir, prr, ptr

NO_OWN = dict.fromkeys(("units", "lo_limit", "hi_limit", "res_scal", "llm_scal", "hlm_scal"))
INFINITE = float("inf")


def part(*records, site=0):
    return pir(site), *records, prr(site)


def texts(content):
    """The tests of the results, read whole and in small batches."""
    found = read(content).test_values["test_txt"].to_pylist()
    with patch.object(source, "BLOCK", 97):
        assert read(content).test_values["test_txt"].to_pylist() == found
    return found


@pytest.mark.parametrize(
    ("stated", "own"),
    [
        ({}, None),
        ({"test_txt": "vth_n"}, None),
        (FULL | {"opt_flag": 14}, None),
        ({"opt_flag": 14, "lo_limit": 0.125, "hi_limit": 0.5}, {"lo_limit": 0.125}),
        ({"opt_flag": 14, "lo_limit": 0.25, "hi_limit": 1.0}, {"hi_limit": 1.0}),
        ({"opt_flag": 78, "lo_limit": 0.25, "hi_limit": 0.5}, {"lo_limit": -INFINITE}),
        ({"opt_flag": 142, "lo_limit": 0.25, "hi_limit": 0.5}, {"hi_limit": INFINITE}),
        ({"opt_flag": 62, "lo_limit": 9.0, "hi_limit": 9.0}, None),
        ({"opt_flag": 254, "lo_limit": 9.0, "hi_limit": 9.0}, None),
        (FULL | {"opt_flag": 14, "units": " V "}, None),
        (FULL | {"opt_flag": 14, "units": "  "}, None),
        (FULL | {"opt_flag": 14, "units": "mV"}, {"units": "mV"}),
        (FULL | {"opt_flag": 63, "units": "mV"}, None),
        (FULL | {"opt_flag": 14, "hi_limit": 9.9e37}, {"hi_limit": INFINITE}),
    ],
)
def test_record_that_states_other_limits_than_its_test_keeps_them(stdf, stated, own):
    later = {"test_txt": "vth_n"} | stated
    content = stdf(MIR, *part(ptr(0, 1.0, **FULL, opt_flag=14)), *part(ptr(0, 2.0, **later)))

    first, second = read(content).test_values["own_limits"].to_pylist()

    assert first is None
    assert second == (own and NO_OWN | own)


def test_multi_result_keeps_its_own_limits(stdf):
    usual = (mpr(0)[0], mpr(0)[1] | {"opt_flag": 14, "lo_limit": 0.0, "hi_limit": 1.0})
    other = (mpr(0)[0], usual[1] | {"hi_limit": 2.0})

    rows = read(stdf(MIR, *part(usual, other, usual))).multi_values["own_limits"].to_pylist()

    assert rows == [None, NO_OWN | {"hi_limit": 2.0}, None]


def test_record_without_a_text_is_of_the_test_at_its_turn(stdf):
    first = part(ptr(0, 1.0, test_txt="VDD"), ptr(0, 2.0, test_txt="IDD"))

    assert texts(stdf(MIR, *first, *part(ptr(0, 3.0), ptr(0, 4.0)))) == ["VDD", "IDD"] * 2


def test_each_site_has_the_names_that_it_gave(stdf):
    named = [(0, "VDD_0"), (0, "IDD_0"), (1, "VDD_1"), (1, "IDD_1")]
    both = (pir(0), pir(1)), (prr(0), prr(1))
    first = [ptr(site, 1.0, test_txt=name) for site, name in named]
    second = [ptr(site, 1.0) for site, _ in named]

    content = stdf(MIR, *both[0], *first, *both[1], *both[0], *second, *both[1])

    assert texts(content) == ["VDD_0", "IDD_0", "VDD_1", "IDD_1"] * 2


def test_site_that_named_nothing_has_the_names_of_the_others(stdf):
    first = part(ptr(0, 1.0, test_txt="VDD"), ptr(0, 2.0, test_txt="IDD"))

    content = stdf(MIR, *first, *part(ptr(1, 3.0), ptr(1, 4.0), site=1))

    assert texts(content) == ["VDD", "IDD"] * 2


def test_turn_that_is_named_differently_or_not_at_all_is_of_no_named_test(stdf):
    first = part(ptr(0, 1.0, test_txt="VDD"), ptr(0, 2.0, test_txt="IDD"))
    second = part(ptr(0, 1.0, test_txt="IDD"), ptr(0, 2.0))
    third = part(ptr(0, 1.0), ptr(0, 2.0), ptr(0, 3.0))

    found = texts(stdf(MIR, *first, *second, *third))

    assert found == ["VDD", "IDD", "IDD", "IDD", None, "IDD", None]


def test_number_with_one_name_needs_no_turn(stdf):
    first = part(ptr(0, 1.0, test_txt="VDD"), ptr(0, 2.0))

    assert texts(stdf(MIR, *first, *part(ptr(0, 3.0)))) == ["VDD"] * 3


@pytest.mark.parametrize(
    ("stated", "own"),
    [
        ({"lo_limit": 5.0, "hi_limit": 6.0, "units": "A"}, None),
        ({"lo_limit": 1.0, "hi_limit": 6.0, "units": "A"}, {"lo_limit": 1.0}),
    ],
)
@pytest.mark.parametrize("block", [97, 1 << 20])
def test_limits_of_a_record_without_a_text_are_compared_with_its_test(stdf, stated, own, block):
    vdd = {"test_txt": "VDD", "opt_flag": 14, "lo_limit": 1.0, "hi_limit": 2.0, "units": "V"}
    idd = {"test_txt": "IDD", "opt_flag": 14, "lo_limit": 5.0, "hi_limit": 6.0, "units": "A"}
    first = part(ptr(0, 1.0, **vdd), ptr(0, 2.0, **idd))
    content = stdf(MIR, *first, *part(ptr(0, 1.0), ptr(0, 2.0, opt_flag=14, test_txt="", **stated)))

    with patch.object(source, "BLOCK", block):
        found = read(content).test_values["own_limits"].to_pylist()

    assert found == [None, None, None, own and NO_OWN | own]


@pytest.mark.parametrize("pad", ["\0\0", " ", "\r\n", "\0 ", "\xa0"])
def test_padding_of_text_and_unit_makes_no_other_test_and_no_other_unit(stdf, pad):
    padded = FULL | {"test_txt": f"vth_n{pad}", "units": f"V{pad}", "opt_flag": 14}
    content = stdf(MIR, *part(ptr(0, 1.0, **padded)), *part(ptr(0, 2.0, **FULL, opt_flag=14)))

    tables = read(content)

    assert tables.tests.select(["test_txt", "units"]).to_pylist() == [
        {"test_txt": "vth_n", "units": "V"}
    ]
    assert tables.test_values["own_limits"].to_pylist() == [None, None]


def test_unit_of_nothing_but_padding_is_none(stdf):
    content = stdf(MIR, *part(ptr(0, 1.0, **FULL | {"units": "\0\0", "test_txt": "\0"})))

    assert read(content).tests.select(["test_txt", "units"]).to_pylist() == [
        {"test_txt": None, "units": None}
    ]


def test_nameless_repeat_before_the_second_name_names_no_turn(stdf):
    first = part(ptr(0, 1.0, test_txt="VDD"), ptr(0, 1.5), ptr(0, 2.0, test_txt="IDD"))
    later = part(ptr(0, 1.0), ptr(0, 0.006), ptr(0, 2.0))

    found = texts(stdf(MIR, *first, *later))

    assert found == ["VDD", "VDD", "IDD", "VDD", None, "IDD"]


def test_nameless_repeat_does_not_contradict_the_name_that_comes_later(stdf):
    both = (pir(0), pir(1)), (prr(0), prr(1))
    first = ptr(0, 1.0, test_txt="VDD"), ptr(0, 2.0), ptr(1, 1.0), ptr(1, 2.0, test_txt="IDD")

    found = texts(stdf(MIR, *both[0], *first, *both[1], *part(ptr(0, 1.0), ptr(0, 2.0))))

    assert found == ["VDD"] * 3 + ["IDD", "VDD", "IDD"]


def test_name_in_a_part_that_ends_before_the_second_name_counts(stdf):
    first, second = part(ptr(0, 1.0, test_txt="VDD")), ptr(0, 2.0, test_txt="IDD")

    found = texts(stdf(MIR, *first, *part(ptr(0, 1.0), second), *part(ptr(0, 1.0), ptr(0, 2.0))))

    assert found == ["VDD"] + ["VDD", "IDD"] * 2


@pytest.mark.parametrize("block", [97, 1 << 20])
def test_multi_results_of_one_length_that_end_at_different_fields_are_told_apart(stdf, block):
    def leak(results, **stated):
        scales = {"res_scal": 0, "llm_scal": 0, "hlm_scal": 0}
        return "MPR", mpr(0)[1] | {"rtn_rslt": results, "opt_flag": 14} | scales | stated

    usual = leak([0.5], lo_limit=0.0, hi_limit=7.0)
    ends_before, says_zero = leak([0.5, 0.5], lo_limit=0.0), leak([0.5], lo_limit=0.0, hi_limit=0.0)
    for _, fields in (usual, ends_before, says_zero):
        fields.pop("rtn_indx")
    content = stdf(MIR, *part(usual), *part(ends_before), *part(says_zero))

    with patch.object(source, "BLOCK", block):
        found = read(content).multi_values["own_limits"].to_pylist()

    assert found == [None, None, NO_OWN | {"hi_limit": 0.0}]


@pytest.mark.parametrize(
    ("stated", "own"),
    [
        ({"opt_flag": 206}, {"lo_limit": -INFINITE, "hi_limit": INFINITE}),
        (
            {"opt_flag": 14, "lo_limit": 0.0, "hi_limit": 1.0},
            {"lo_limit": 0.0, "hi_limit": 1.0, "res_scal": 0, "llm_scal": 0, "hlm_scal": 0},
        ),
        ({}, None),
    ],
)
@pytest.mark.parametrize("block", [16, 97, 1 << 20])
def test_limits_before_its_test_states_any_are_kept_with_the_record(stdf, stated, own, block):
    first = part(ptr(0, 1.0, test_txt="VDD"), ptr(0, 1.0, test_txt="IDD"))
    limits = {"opt_flag": 14, "lo_limit": 0.0, "hi_limit": 1.0}
    last = part(ptr(0, 3.0, test_txt="VDD"), ptr(0, 3.0, test_txt="IDD", **limits))
    content = stdf(MIR, *first, *part(ptr(0, 2.0), ptr(0, 2.0, **stated)), *last)

    with patch.object(source, "BLOCK", block):
        found = read(content).test_values["own_limits"].to_pylist()

    assert found == [None, None, None, own and NO_OWN | own, None, None]


@pytest.mark.parametrize("block", [16, 97, 1 << 20])
def test_record_of_no_named_test_that_has_no_limits_states_nothing_of_its_own(stdf, block):
    first = part(ptr(0, 1.0, test_txt="VDD"), ptr(0, 1.0, test_txt="IDD"))
    third = ptr(0, 2.0, opt_flag=206)
    content = stdf(MIR, *first, *part(ptr(0, 2.0), ptr(0, 2.0), third))

    with patch.object(source, "BLOCK", block):
        found = read(content).test_values["own_limits"].to_pylist()

    assert found == [None] * 5


def test_record_without_a_limit_that_its_test_does_not_have_either_states_nothing_else(stdf):
    usual = {"opt_flag": 14, "llm_scal": 3, "lo_limit": float("nan"), "hi_limit": 1.0}
    later = {"opt_flag": 14 | 64, "hi_limit": 1.0}
    named = {"test_txt": "vth_n"}
    content = stdf(MIR, *part(ptr(0, 1.0, **named, **usual)), *part(ptr(0, 2.0, **named, **later)))

    assert read(content).test_values["own_limits"].to_pylist() == [None, None]


def test_late_name_counts_at_its_turn_in_a_part_that_ends_before_the_second_name(stdf):
    first = part(ptr(0, 1.0), ptr(0, 2.0, test_txt="IDD"))
    second = part(ptr(0, 1.0, test_txt="VDD"), ptr(0, 2.0))

    found = texts(stdf(MIR, *first, *second, *part(ptr(0, 1.0), ptr(0, 2.0))))

    assert found == ["IDD", "IDD"] + ["VDD", "IDD"] * 2
