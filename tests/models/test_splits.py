from datetime import UTC, datetime

from fabyield.models.splits import Count, LotSplit, SplitLot, lots_of, split_lots, validation_tail
from tests.frames import of_tuples

WAFERS = (
    "fab_id string, wafer_key bigint, lot_id string, started_at timestamp, final_yield_pct double"
)


def sorted_lot(lot_id, finished):
    return SplitLot(lot_id, 0, finished, True)


def test_lots_that_finished_last_are_the_test():
    lots = [sorted_lot("A", 4), sorted_lot("B", 1), sorted_lot("C", 3), sorted_lot("D", 2)]

    assert split_lots(lots, 0.35) == LotSplit(train=("B", "D", "C"), test=("A",))


def test_every_lot_is_on_one_side_and_training_lots_finished_first():
    lots = [sorted_lot(f"L{i}", (i * 7) % 12) for i in range(12)]

    split = split_lots(lots, 0.35)

    finished = {lot.lot_id: lot.finished_us for lot in lots}
    assert len(split.test) == 4 and not set(split.train) & set(split.test)
    assert max(finished[i] for i in split.train) < min(finished[i] for i in split.test)


def test_unsorted_lot_is_on_neither_side():
    lots = [sorted_lot("A", 1), sorted_lot("B", 2), SplitLot("C", 0, 3, False)]

    assert split_lots(lots, 0.35) == LotSplit(("A",), ("B",))


def test_single_lot_leaves_nothing_to_train_on():
    assert split_lots([sorted_lot("A", 1)], 0.35) == LotSplit((), ("A",))


def test_validation_tail_grows_until_it_has_enough_low_wafers():
    low = {"A": 5, "B": 5, "C": 3, "D": 2}
    counts = {lot_id: Count(1, 25, n) for lot_id, n in low.items()}

    assert validation_tail("ABCD", counts, 0.25, 5) == ("C", "D")


def test_no_validation_tail_if_it_would_leave_too_few_low_wafers():
    counts = {"A": Count(1, 25, 4), "B": Count(1, 25, 5)}

    assert validation_tail("AB", counts, 0.25, 5) == ()


def test_lot_finishes_when_its_last_wafer_leaves_its_last_step(spark):
    at = [datetime(2026, 1, 1, hour, tzinfo=UTC) for hour in range(4)]
    wafers = of_tuples(
        spark,
        [("F1", 1, "A", at[0], 90.0), ("F1", 2, "A", at[1], None), ("F1", 3, "B", at[0], None)],
        WAFERS,
    )
    history = of_tuples(
        spark,
        [("F1", 1, at[1], at[2]), ("F1", 2, at[1], at[3]), ("F1", 3, at[1], None)],
        "fab_id string, wafer_key bigint, started_at timestamp, ended_at timestamp",
    )

    hour = 3_600_000_000
    start = int(at[0].timestamp()) * 1_000_000
    assert lots_of(wafers, history) == (
        SplitLot("B", start, start + hour, False),
        SplitLot("A", start, start + 3 * hour, True),
    )
