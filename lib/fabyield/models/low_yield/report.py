"""The report row of a model: how much it learned from, and how it does beside trivial guesses."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from fabyield.models.metrics import Flags, Metrics, Scores, choose_decision_threshold, metrics
from fabyield.transforms.shared.keys import WAFER

Value = str | bool | int | float | None


@dataclass(frozen=True)
class ScoredWafers:
    """Sorted wafers of a product: lot, how it turned out, and the probability given before.

    All arrays are of shape (wafers,).
    """

    lot_ids: tuple[str, ...]
    is_test: Flags
    low: Flags
    scores: Scores


def outcomes(scored: DataFrame) -> ScoredWafers:
    """Collect the sorted wafers of `scored`, in order of their key."""
    wanted = ["lot_id", "split", "is_low", "low_yield_probability"]
    rows = scored.where(F.col("split") != "unsorted").orderBy(*WAFER).select(*wanted).collect()
    return ScoredWafers(
        lot_ids=tuple(row.lot_id for row in rows),
        is_test=np.array([row.split == "test" for row in rows], dtype=bool),
        low=np.array([row.is_low for row in rows], dtype=bool),
        scores=np.array([row.low_yield_probability for row in rows], dtype=float),
    )


def figures(
    known: ScoredWafers, lot_mean: Mapping[str, float], decision_threshold: float
) -> dict[str, Value]:
    """Metrics of the model on test wafers; beside them all-pass and `lot_mean`, scores by lot."""
    model = _on_test(known, known.scores, decision_threshold)
    guess = lot_mean_metrics(known, lot_mean)
    return {
        "decision_threshold": decision_threshold,
        "pr_auc": model.pr_auc,
        "pr_auc_all_pass": float(known.low[known.is_test].mean()),
        "pr_auc_lot_mean": guess.pr_auc,
        "f1": model.f1,
        "f1_all_pass": 0.0,
        "f1_lot_mean": guess.f1,
        "precision": model.precision,
        "recall": model.recall,
        "recall_low": model.recall_low,
        "recall_high": model.recall_high,
    }


def lot_mean_metrics(known: ScoredWafers, lot_mean: Mapping[str, float]) -> Metrics:
    """Metrics of guessing each test wafer by its lot's score.

    From which score on a wafer is called low is chosen on the training wafers.
    """
    scores, train = np.array([lot_mean[lot_id] for lot_id in known.lot_ids]), ~known.is_test
    threshold = choose_decision_threshold(known.low[train], scores[train])
    return _on_test(known, scores, threshold)


def _on_test(known: ScoredWafers, scores: Scores, threshold: float) -> Metrics:
    return metrics(known.low[known.is_test], scores[known.is_test], threshold)
