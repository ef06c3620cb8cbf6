"""The rows of one product that a model can learn from, and which lots they fall to."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from fabyield.models.low_yield.features import before_sort, feature_values
from fabyield.models.low_yield.labels import low_yield_threshold
from fabyield.models.splits import Count, LotSplit, SplitLot, lots_of, split_lots, validation_tail
from fabyield.settings.sections import ModelSettings
from fabyield.transforms.shared.keys import WAFER


@dataclass(frozen=True)
class ModelFrames:
    """The tables that a model learns from, each as a data frame under its own name."""

    wafers: DataFrame
    process_history: DataFrame
    pcm_results: DataFrame
    wafer_yield: DataFrame


@dataclass(frozen=True)
class Learning:
    """Labelled wafers of one product (split, is_low, is_validation) and what is known of them."""

    product: tuple[str, str]
    wafers: DataFrame
    values: DataFrame
    lots: tuple[SplitLot, ...]
    split: LotSplit
    counts: Mapping[str, Count]
    low_yield_threshold_pct: float | None


def learning(frames: ModelFrames, product: tuple[str, str], settings: ModelSettings) -> Learning:
    """Split and label the wafers of `product` (fab_id, product_id) that have a process history."""
    # Each frame is read many times below: a checkpoint keeps the plans short.
    wafers = product_wafers(frames, product, settings).localCheckpoint()
    history = before_sort(frames.process_history, "started_at", wafers).localCheckpoint()
    pcm = before_sort(frames.pcm_results, "measured_at", wafers)
    lots = lots_of(wafers, history)
    split = split_lots(lots, settings.test_lot_share)
    values = feature_values(history, pcm).localCheckpoint()
    known = wafers.join(values.select(*WAFER), WAFER, how="left_semi")
    placed = place(known, lots, split).localCheckpoint()
    threshold = fit_threshold(placed, settings)
    labelled = label(placed, threshold)
    counts = lot_counts(labelled)
    tail = validation_tail(
        split.train, counts, settings.validation_lot_share, settings.min_low_wafers
    )
    labelled = labelled.withColumn("is_validation", _in(tail))
    return Learning(product, labelled, values, lots, split, counts, threshold)


def product_wafers(
    frames: ModelFrames, product: tuple[str, str], settings: ModelSettings
) -> DataFrame:
    """Wafers of `product` with final_yield_pct and sort_started_at, null where not yet sorted."""
    fab_id, product_id = product
    usable = (F.col("insertion") == settings.insertion) & ~F.isnan("final_yield_pct")
    at = settings.sort_started_column
    started = (F.col(at) if at else F.lit(None).cast("timestamp")).alias("sort_started_at")
    yields = frames.wafer_yield.where(usable).select(*WAFER, "final_yield_pct", started)
    wafers = frames.wafers.where((F.col("fab_id") == fab_id) & (F.col("product_id") == product_id))
    return wafers.join(yields, WAFER, how="left")


def place(wafers: DataFrame, lots: Sequence[SplitLot], split: LotSplit) -> DataFrame:
    """Add split (train, test or unsorted) to the wafers of known lots."""
    is_sorted = F.col("final_yield_pct").isNotNull()
    side = F.when(is_sorted & _in(split.train), "train").when(is_sorted & _in(split.test), "test")
    return wafers.where(_in([lot.lot_id for lot in lots])).withColumns(
        {"split": F.coalesce(side, F.lit("unsorted"))}
    )


def fit_threshold(placed: DataFrame, settings: ModelSettings) -> float | None:
    """Fit the low-yield threshold to the training wafers, in percent; None if there are none."""
    rows = placed.where(F.col("split") == "train").select("final_yield_pct").collect()
    if not rows:
        return None
    yields = [row.final_yield_pct for row in rows]
    return low_yield_threshold(yields, settings.low_yield_sigmas, settings.min_sigma_pct)


def label(placed: DataFrame, threshold_pct: float | None) -> DataFrame:
    """Add is_low: a final yield below `threshold_pct`; null while unsorted."""
    threshold = F.lit(threshold_pct).cast("double")
    return placed.withColumn("is_low", F.col("final_yield_pct") < threshold)


def lot_counts(labelled: DataFrame) -> dict[str, Count]:
    """Wafers and low wafers of every sorted lot."""
    by_lot = labelled.where("is_low is not null").groupBy("lot_id")
    counts = by_lot.agg(F.count("*"), F.count_if("is_low")).collect()
    return {lot_id: Count(1, wafers, low) for lot_id, wafers, low in counts}


def _in(lot_ids: Sequence[str]) -> Column:
    return F.col("lot_id").isin(list(lot_ids))
