"""How well a model finds low-yield wafers, and the lot-mean guess to compare it with."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score, precision_recall_fscore_support

from fabyield.models.splits import Count, SplitLot, total

Flags = NDArray[np.bool_]
Scores = NDArray[np.float64]

Z_95 = 1.959964


@dataclass(frozen=True)
class Metrics:
    """Ratios of 0 to 1; `recall_low` and `recall_high` bound the recall with 95 % confidence."""

    pr_auc: float
    f1: float
    precision: float
    recall: float
    recall_low: float
    recall_high: float


def metrics(low: Flags, scores: Scores, decision_threshold: float) -> Metrics:
    """Compare `scores` with `low`, both of shape (wafers,); scores >= the threshold predict low."""
    called = scores >= decision_threshold
    precision, recall, f1, _ = precision_recall_fscore_support(
        low, called, average="binary", zero_division=0
    )
    bounds = wilson_interval(int((low & called).sum()), int(low.sum()))
    pr_auc = min(1.0, float(average_precision_score(low, scores)))
    return Metrics(pr_auc, float(f1), float(precision), float(recall), *bounds)


def wilson_interval(hits: int, trials: int) -> tuple[float, float]:
    """Return the 95 % interval of hits / trials after Wilson (1927); (0, 1) without trials."""
    if trials == 0:
        return 0.0, 1.0
    share, spread = hits / trials, Z_95**2 / trials
    centre = share + spread / 2
    half = Z_95 * sqrt(share * (1 - share) / trials + spread / (4 * trials))
    return max(0.0, (centre - half) / (1 + spread)), min(1.0, (centre + half) / (1 + spread))


def choose_decision_threshold(low: Flags, scores: Scores) -> float:
    """Return the threshold with the highest F1; among equals, the one that calls fewest wafers.

    It lies half-way to the next lower score, so that a slightly different model keeps its calls.
    """
    levels = np.unique(scores)[::-1]
    hits = np.array([(low & (scores >= level)).sum() for level in levels])
    calls = np.array([(scores >= level).sum() for level in levels])
    best = int(np.argmax(2 * hits / (calls + low.sum())))
    return float(levels[best : best + 2].mean())


def lot_mean_scores(
    lots: Sequence[SplitLot], counts: Mapping[str, Count], last: int, otherwise: float
) -> dict[str, float]:
    """Score each lot by the share of low wafers in the `last` lots that finished before it started.

    The score is `otherwise` if there are no such lots or the lot's start is unknown.
    """
    done = sorted((lot.finished_us, lot.lot_id) for lot in lots if lot.lot_id in counts)
    scores = {}
    for lot in lots:
        start = lot.started_us
        before = [] if start is None else [lot_id for at, lot_id in done if at < start]
        seen = total(counts, before[-last:])
        scores[lot.lot_id] = seen.low / seen.wafers if seen.wafers else otherwise
    return scores
