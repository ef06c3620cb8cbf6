"""Training and test lots: the test lots are the latest, and no lot is on both sides."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from fabyield.transforms.shared.keys import WAFER


@dataclass(frozen=True)
class SplitLot:
    """A lot of one fab and product; `is_sorted` means that at least one wafer has a yield.

    Times are microseconds since 1970 UTC, because Python's timestamps follow the driver's zone.
    """

    lot_id: str
    started_us: int | None
    finished_us: int
    is_sorted: bool


TIME_ORDER = attrgetter("finished_us", "lot_id")


@dataclass(frozen=True)
class LotSplit:
    """IDs of the lots to train on and of the later lots to test on, each in order of time."""

    train: tuple[str, ...]
    test: tuple[str, ...]


@dataclass(frozen=True)
class Count:
    """Lots and wafers that have a yield, and how many of the wafers are low."""

    lots: int = 0
    wafers: int = 0
    low: int = 0

    def __add__(self, other: "Count") -> "Count":
        return Count(self.lots + other.lots, self.wafers + other.wafers, self.low + other.low)

    def __str__(self) -> str:
        return f"{self.low} low wafers of {self.wafers} in {self.lots} lots"


def lots_of(wafers: DataFrame, process_history: DataFrame) -> tuple[SplitLot, ...]:
    """Collect the lots of `wafers` (one fab and product) that have a process history.

    A lot is finished when its last wafer leaves its last process step; `final_yield_pct` of
    `wafers` is null for unsorted ones.
    """
    ended_at = F.coalesce("ended_at", "started_at").alias("step_ended_at")
    lots = (
        wafers.join(process_history.select(*WAFER, ended_at), WAFER, how="inner")
        .groupBy("lot_id")
        .agg(
            F.unix_micros(F.min("started_at")).alias("started_us"),
            F.unix_micros(F.max("step_ended_at")).alias("finished_us"),
            F.bool_or(F.col("final_yield_pct").isNotNull()).alias("is_sorted"),
        )
        .where(F.col("finished_us").isNotNull())
    )
    return tuple(sorted((SplitLot(*row) for row in lots.collect()), key=TIME_ORDER))


def split_lots(lots: Iterable[SplitLot], test_share: float) -> LotSplit:
    """Put the last `test_share` of the sorted lots into the test, at least one."""
    ids = tuple(lot.lot_id for lot in sorted(lots, key=TIME_ORDER) if lot.is_sorted)
    cut = max(0, len(ids) - max(1, round(test_share * len(ids))))
    return LotSplit(ids[:cut], ids[cut:])


def validation_tail(
    train: Sequence[str], counts: Mapping[str, Count], share: float, min_low_wafers: int
) -> tuple[str, ...]:
    """Return the last lots of `train`, at least `share` of it, to choose a threshold by.

    It is the shortest tail for which both sides have `min_low_wafers` low wafers, or empty.
    """
    for size in range(max(1, round(share * len(train))), len(train)):
        sides = train[:-size], train[-size:]
        if all(total(counts, side).low >= min_low_wafers for side in sides):
            return tuple(sides[1])
    return ()


def total(counts: Mapping[str, Count], lot_ids: Iterable[str]) -> Count:
    """Add the counts of `lot_ids`; a lot without a count adds nothing."""
    return sum((counts[lot_id] for lot_id in lot_ids if lot_id in counts), Count())
