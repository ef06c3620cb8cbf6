"""The labelled wafers of one product, split by lot into training and test."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from fabyield.models.low_yield.features import before_sort, feature_values
from fabyield.models.splits import Count, LotSplit, SplitLot, lots_of, split_lots, validation_tail
from fabyield.settings.sections import ModelSettings
from fabyield.statistics.limits import low_yield_limit
from fabyield.transforms.shared.keys import WAFER


@dataclass(frozen=True)
class ModelFrames:
    """The tables that a model is trained on, each as a data frame under its own name."""

    wafers: DataFrame
    process_history: DataFrame
    pcm_results: DataFrame
    wafer_yield: DataFrame


@dataclass(frozen=True)
class Dataset:
    """Labelled wafers of one product (split, is_low, is_validation) and their feature values."""

    product: tuple[str, str]
    wafers: DataFrame
    values: DataFrame
    lots: tuple[SplitLot, ...]
    split: LotSplit
    counts: Mapping[str, Count]
    low_yield_threshold_pct: float | None


def build_dataset(
    frames: ModelFrames, product: tuple[str, str], settings: ModelSettings
) -> Dataset:
    """Split and label the wafers of `product` (fab_id, product_id) that have a process history."""
    # Each frame is read many times below: a checkpoint keeps the plans short.
    wafers = product_wafers(frames, product, settings).localCheckpoint()
    history = before_sort(frames.process_history, "started_at", wafers).localCheckpoint()
    pcm = before_sort(frames.pcm_results, "measured_at", wafers)
    lots = lots_of(wafers, history)
    split = split_lots(lots, settings.test_lot_share)
    values = feature_values(history, pcm).localCheckpoint()
    with_values = wafers.join(values.select(*WAFER), WAFER, how="left_semi")
    with_split = add_split(with_values, lots, split).localCheckpoint()
    rows = with_split.where("split = 'train'").select("final_yield_pct").collect()
    threshold = _threshold([row[0] for row in rows], settings) if rows else None
    is_low = F.col("final_yield_pct") < F.lit(threshold).cast("double")
    labelled = with_split.withColumn("is_low", is_low)
    counts = lot_counts(labelled)
    tail = validation_tail(
        split.train, counts, settings.validation_lot_share, settings.min_low_wafers
    )
    labelled = labelled.withColumn("is_validation", _in(tail))
    return Dataset(product, labelled, values, lots, split, counts, threshold)


def product_wafers(
    frames: ModelFrames, product: tuple[str, str], settings: ModelSettings
) -> DataFrame:
    """Return the wafers of `product` with final_yield_pct and sort_started_at, null if unsorted."""
    fab_id, product_id = product
    usable = (F.col("insertion") == settings.insertion) & ~F.isnan("final_yield_pct")
    at = settings.sort_started_column
    started = (F.col(at) if at else F.lit(None).cast("timestamp")).alias("sort_started_at")
    yields = frames.wafer_yield.where(usable).select(*WAFER, "final_yield_pct", started)
    wafers = frames.wafers.where((F.col("fab_id") == fab_id) & (F.col("product_id") == product_id))
    return wafers.join(yields, WAFER, how="left")


def add_split(wafers: DataFrame, lots: Sequence[SplitLot], split: LotSplit) -> DataFrame:
    """Keep the wafers of `lots`, and add split: train, test or unsorted."""
    is_sorted = F.col("final_yield_pct").isNotNull()
    side = F.when(is_sorted & _in(split.train), "train").when(is_sorted & _in(split.test), "test")
    kept = wafers.where(_in([lot.lot_id for lot in lots]))
    return kept.withColumn("split", F.coalesce(side, F.lit("unsorted")))


def lot_counts(labelled: DataFrame) -> dict[str, Count]:
    """Count the wafers and low wafers of every sorted lot."""
    by_lot = labelled.where("is_low is not null").groupBy("lot_id")
    counts = by_lot.agg(F.count("*"), F.count_if("is_low")).collect()
    return {lot_id: Count(1, wafers, low) for lot_id, wafers, low in counts}


def _threshold(yields_pct: Sequence[float], settings: ModelSettings) -> float:
    sigmas, min_sigma = settings.low_yield_sigmas, settings.min_sigma_pct
    return low_yield_limit(yields_pct, sigmas=sigmas, min_sigma=min_sigma)


def _in(lot_ids: Sequence[str]) -> Column:
    return F.col("lot_id").isin(list(lot_ids))
