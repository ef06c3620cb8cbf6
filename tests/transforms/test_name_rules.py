import pytest
from pyspark.sql import functions as F

from fabyield.settings.settings import Settings
from fabyield.transforms.shared.name_rules import NameRules, canonical_lot, canonical_wafer
from tests.frames import of_tuples

RULES = NameRules([["[.]00$", ""]], Settings.load("dev").fab.wafer_id_rules)


@pytest.fixture
def spelt(spark):
    """`spelt([(lot, wafer), ...])`: the canonical (lot, wafer) of each pair, in the same order."""

    def ask(pairs):
        rows = [(turn, *pair) for turn, pair in enumerate(pairs)]
        raw = of_tuples(spark, rows, "turn int, lot string, wafer string")
        lot = canonical_lot(F.col("lot"), RULES)
        wafer = canonical_wafer(F.col("wafer"), lot, RULES)
        return [tuple(row) for row in raw.orderBy("turn").select(lot, wafer).collect()]

    return ask


def test_f15_all_spellings_of_a_wafer_give_one_name(spelt):
    spellings = ["W02", "w02 ", "2", "02", "GAL-LOT-02", "gal-lot_2", "WFR 02", "Wafer-2", "#002"]

    assert {*spelt([("GAL-LOT", raw) for raw in spellings])} == {("GAL-LOT", "02")}


def test_numbers_of_two_digits_and_more_keep_all_of_them(spelt):
    actual = spelt([("L1", "10"), ("L1", "100"), ("L1", "W20"), ("L1", "0")])

    assert [wafer for _, wafer in actual] == ["10", "100", "20", "00"]


def test_names_without_a_number_do_not_change(spelt):
    actual = spelt([("L1", "eng-a"), ("L1", "WEST"), ("L1", "2B")])

    assert [wafer for _, wafer in actual] == ["ENG-A", "WEST", "2B"]


def test_wafer_rules_use_the_canonical_lot(spelt):
    assert spelt([(" k1.00", "K1-W2"), ("K1.001", "2")]) == [("K1", "02"), ("K1.001", "02")]


def test_null_and_blank_both_mean_no_name(spelt):
    actual = spelt([(None, None), ("", ""), ("  ", "  "), (None, "W3")])

    assert actual == [("-", "-"), ("-", "-"), ("-", "-"), ("-", "03")]


def test_f15_padding_of_any_kind_is_removed(spelt):
    padded = [("L1\0\0", "02\0"), ("L1\t", "\u00a02\n"), ("\r\nL1", "L1-02 \0")]

    assert {*spelt(padded)} == {("L1", "02")}


def test_case_and_padding_of_a_lot_do_not_matter(spelt):
    assert spelt([(" gal-lot ", "1"), ("GAL-LOT", "1")]) == [("GAL-LOT", "01")] * 2


def test_f29_lot_with_pattern_characters_removes_only_itself(spelt):
    actual = spelt([("A.*B", "A.*B-02"), ("A.*B", "AXXB-02"), ("(", "(-7"), ("[A$1", "[A$1-8")])

    assert [wafer for _, wafer in actual] == ["02", "AXXB-02", "07", "08"]


def test_f29_lot_that_ends_its_quotes_removes_only_itself(spelt):
    lot = r"A\E.*\QB"

    assert spelt([(lot, lot + "-02"), (lot, "AXXB-02")]) == [(lot, "02"), (lot, "AXXB-02")]


def test_f29_lot_with_quotes_is_only_a_name(spelt):
    lot = "X'; DROP TABLE WAFERS; --\""

    assert spelt([(lot, lot + "-3")]) == [(lot, "03")]
