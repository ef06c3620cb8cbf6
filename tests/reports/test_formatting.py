import pytest

from fabyield.errors import plain
from fabyield.reports.formatting import MISSING, clip, count, natural_key, number, percent, signed


def test_figures_carry_separators_decimals_and_units():
    assert count(1234567) == "1,234,567"
    assert number(1234.5678) == "1,234.57"
    assert percent(7 / 3) == "2.33 %"
    assert signed(0.125, 3) == "+0.125"


@pytest.mark.parametrize("write", [count, number, percent, signed])
def test_figure_that_is_not_known_is_a_dash_and_never_zero(write):
    assert write(None) == MISSING


def test_nan_is_written_as_not_known():
    assert percent(float("nan")) == MISSING


def test_characters_that_steer_a_terminal_are_replaced():
    assert plain("L1\x1b[2J\nW1\u202e") == "L1\ufffd[2J\ufffdW1\ufffd"


def test_clipped_name_ends_in_an_ellipsis_within_its_width():
    assert clip("GALILEO", 7) == "GALILEO"
    assert clip("GALILEO-7", 7) == "GALILE…"


def test_wafer_two_comes_before_wafer_ten():
    assert sorted(["W10", "W2", "2", None], key=natural_key) == [None, "2", "W2", "W10"]
