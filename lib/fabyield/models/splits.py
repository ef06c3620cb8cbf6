"""Training and test lots: time runs forward, and a lot stands on one side only."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from pyspark.sql import DataFrame
from pyspark.sql import functions as F


@dataclass(frozen=True)
class SplitLot:
    """A lot of one fab and product; it is sorted when at least one wafer has a yield.

    Times are microseconds since 1970 UTC: Python's time stamps follow the driver's zone.
    """

    lot_id: str
    started_us: int | None
    finished_us: int
    is_sorted: bool


@dataclass(frozen=True)
class LotSplit:
    """IDs of the lots to train on and of the later lots to test on, each in order of time."""

    train: tuple[str, ...]
    test: tuple[str, ...]


@dataclass(frozen=True)
class Count:
    """Lots and wafers that have a yield, and the low ones among the wafers."""

    lots: int
    wafers: int
    low: int

    def __add__(self, other: "Count") -> "Count":
        return Count(self.lots + other.lots, self.wafers + other.wafers, self.low + other.low)

    def __str__(self) -> str:
        return f"{self.low} low wafers of {self.wafers} in {self.lots} lots"


NOTHING = Count(0, 0, 0)


def lots_of(wafers: DataFrame, process_history: DataFrame) -> tuple[SplitLot, ...]:
    """Collect the lots of `wafers` (one fab and product) that have a process history.

    A lot is finished when its last wafer has left its last process step. `wafers` carries
    `final_yield_pct`, null where the wafer is not yet sorted.
    """
    ended_at = F.coalesce("ended_at", "started_at").alias("step_ended_at")
    steps = process_history.select("fab_id", "wafer_key", ended_at)
    lots = (
        wafers.join(steps, ["fab_id", "wafer_key"], how="inner")
        .groupBy("lot_id")
        .agg(
            F.unix_micros(F.min("started_at")).alias("started_us"),
            F.unix_micros(F.max("step_ended_at")).alias("finished_us"),
            F.bool_or(F.col("final_yield_pct").isNotNull()).alias("is_sorted"),
        )
        .where(F.col("finished_us").isNotNull())
    )
    return tuple(sorted((SplitLot(*row) for row in lots.collect()), key=_time_order))


def split_lots(lots: Iterable[SplitLot], test_share: float) -> LotSplit:
    """Take the last `test_share` of the sorted lots for the test, at least one."""
    ids = tuple(lot.lot_id for lot in sorted(lots, key=_time_order) if lot.is_sorted)
    cut = len(ids) - max(1, round(test_share * len(ids)))
    return LotSplit(ids[: max(0, cut)], ids[max(0, cut) :])


def validation_tail(
    train: Sequence[str], counts: Mapping[str, Count], share: float, min_low_wafers: int
) -> tuple[str, ...]:
    """Return the shortest tail of `train`, at least `share` of it, to choose a threshold by.

    Both the tail and what is left before it hold `min_low_wafers` low wafers; empty if no tail
    does.
    """
    for size in range(max(1, round(share * len(train))), len(train)):
        sides = train[:-size], train[-size:]
        if all(total(counts, side).low >= min_low_wafers for side in sides):
            return tuple(sides[1])
    return ()


def total(counts: Mapping[str, Count], lot_ids: Iterable[str]) -> Count:
    """Add the counts of `lot_ids`; a lot without a count adds nothing."""
    return sum((counts.get(lot_id, NOTHING) for lot_id in lot_ids), NOTHING)


def _time_order(lot: SplitLot) -> tuple[int, str]:
    return lot.finished_us, lot.lot_id
