from datetime import UTC, datetime

from fabyield.lake.catalog import BIN_COUNTS, DIE_RESULTS, WAFER_RUNS, WAFERS
from fabyield.transforms.gold.bin_pareto import bin_names, bin_pareto
from tests.conftest import FAB
from tests.frames import of_tuples

NAMES = (
    "fab_id string, wafer_key bigint, insertion string, "
    "bin_kind string, bin_num int, bin_nam string"
)
HARD = ["bin_num", "is_pass", "die", "die_pct", "bin_rank"]


def die(hard_bin, soft_bin=None, final_pass=False, **more):
    return {"final_hard_bin": hard_bin, "final_soft_bin": soft_bin, "final_pass": final_pass} | more


def pareto(spark, rows, *dies, names=()):
    named = of_tuples(spark, list(names), NAMES)
    return bin_pareto(rows(DIE_RESULTS, *dies), named, rows(WAFERS, {"lot_id": "A"}))


def hard(df):
    order = df.where("bin_kind = 'H'").orderBy("is_pass", "bin_rank")
    return [tuple(row) for row in order.select(HARD).collect()]


def test_failing_bins_are_ranked_among_themselves_by_their_die(spark, rows):
    good, five, nine = die(1, final_pass=True), die(5), die(9)

    actual = hard(pareto(spark, rows, good, good, five, nine, nine))

    assert actual == [(9, False, 2, 40.0, 1), (5, False, 1, 20.0, 2), (1, True, 2, 40.0, 1)]


def test_equally_frequent_bins_are_ranked_by_number(spark, rows):
    actual = hard(pareto(spark, rows, die(9), die(5)))

    assert actual == [(5, False, 1, 50.0, 1), (9, False, 1, 50.0, 2)]


def test_die_without_a_bin_or_verdict_counts_in_bin_minus_one(spark, rows):
    actual = hard(pareto(spark, rows, die(None, final_pass=None)))

    assert actual == [(-1, False, 1, 100.0, 1)]


def test_soft_bins_are_counted_apart_from_hard_ones(spark, rows):
    df = pareto(spark, rows, die(5, 51), die(5, 52))

    counted = [tuple(r) for r in df.select("bin_kind", "bin_num", "die").collect()]
    assert sorted(counted) == [("H", 5, 2), ("S", 51, 1), ("S", 52, 1)]


def test_each_insertion_of_a_wafer_has_its_own_percentages(spark, rows):
    df = pareto(spark, rows, die(5, insertion="CP1"), die(9, insertion="CP2"))

    told = df.where("bin_kind = 'H'").orderBy("insertion").select("insertion", "die_pct")
    assert told.collect() == [("CP1", 100.0), ("CP2", 100.0)]


def test_bin_has_its_name_and_its_lot(spark, rows):
    names = [(FAB, 0, "-", "H", 5, "LEAK"), (FAB, 0, "-", "S", 5, "OTHER")]

    df = pareto(spark, rows, die(5), names=names).where("bin_kind = 'H'")

    assert df.select("bin_nam", "lot_id").collect() == [("LEAK", "A")]


def test_bin_has_its_name_from_the_last_file_that_counts(rows):
    early, late = datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 3, 2, tzinfo=UTC)
    runs = [{"file_key": 1, "started_at": late}, {"file_key": 2, "started_at": early}]
    runs += [{"file_key": 3, "started_at": late}]
    runs += [{"file_key": 4, "started_at": late, "is_superseded": True}]
    named = [{"file_key": 1, "bin_nam": "NEW"}, {"file_key": 2, "bin_nam": "OLD"}]
    named += [{"file_key": 3, "bin_nam": None}, {"file_key": 4, "bin_nam": "CUT"}]

    actual = bin_names(rows(BIN_COUNTS, *named), rows(WAFER_RUNS, *runs))

    assert actual.select("bin_num", "bin_nam").collect() == [(0, "NEW")]
