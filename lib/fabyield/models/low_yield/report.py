"""The report row of a model: its training data, and its metrics beside trivial guesses."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from pyspark.sql import DataFrame

from fabyield.models.low_yield.dataset import Dataset
from fabyield.models.metrics import choose_decision_threshold, lot_mean_scores, metrics
from fabyield.models.splits import Count, total
from fabyield.settings.sections import ModelSettings
from fabyield.transforms.shared.keys import WAFER


def training_report(
    dataset: Dataset, counts: Mapping[str, Count], settings: ModelSettings
) -> dict[str, Any]:
    """Return the columns that are known without a model; `counts` are those of train and test."""
    return {
        "fab_id": dataset.product[0],
        "product_id": dataset.product[1],
        "insertion": settings.insertion,
        **{f"{side}_lots": count.lots for side, count in counts.items()},
        **{f"{side}_wafers": count.wafers for side, count in counts.items()},
        **{f"{side}_low_wafers": count.low for side, count in counts.items()},
        "low_yield_threshold_pct": dataset.low_yield_threshold_pct,
        "parameters": {name: str(value) for name, value in parameters(settings).items()},
    }


def parameters(settings: ModelSettings) -> dict[str, Any]:
    """Return all settings by name, XGBoost's parameters beside the others."""
    ours = asdict(settings)
    boosters: dict[str, Any] = ours.pop("parameters")
    return ours | boosters


def model_metrics(
    scored: DataFrame, dataset: Dataset, settings: ModelSettings, decision_threshold: float
) -> dict[str, float]:
    """Return the metrics of the model on the test wafers, beside those of two trivial guesses.

    all_pass calls no wafer low; lot_mean scores a wafer by the lots before its own, and has a
    threshold chosen on the training wafers.
    """
    seen = total(dataset.counts, dataset.split.train)
    lot_mean = lot_mean_scores(
        dataset.lots, dataset.counts, settings.lot_mean_lots, seen.low / seen.wafers
    )
    wanted = ["lot_id", "split", "is_low", "low_yield_probability"]
    rows = scored.where("split != 'unsorted'").orderBy(*WAFER).select(*wanted).toPandas()
    low, test = rows["is_low"].to_numpy(dtype=bool), rows["split"].to_numpy() == "test"
    scores = rows["low_yield_probability"].to_numpy(dtype=float)
    guesses = rows["lot_id"].map(lot_mean).to_numpy(dtype=float)
    guess = metrics(low[test], guesses[test], choose_decision_threshold(low[~test], guesses[~test]))
    return {
        **asdict(metrics(low[test], scores[test], decision_threshold)),
        "decision_threshold": decision_threshold,
        "pr_auc_all_pass": float(low[test].mean()),
        "pr_auc_lot_mean": guess.pr_auc,
        "f1_all_pass": 0.0,
        "f1_lot_mean": guess.f1,
    }
