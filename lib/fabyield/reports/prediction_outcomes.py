"""Predictions in the order to act on them, and the yields of those already sorted."""

from collections.abc import Iterable
from dataclasses import dataclass

from fabyield.reports.night_data import Prediction

__all__ = ["Outcomes", "by_urgency", "outcomes"]


@dataclass(frozen=True)
class Outcomes:
    """Test wafers by prediction and truth."""

    caught: int
    missed: int
    false_alarms: int
    rightly_passed: int


def by_urgency(predictions: Iterable[Prediction]) -> list[Prediction]:
    """Wafers not yet sorted first, then by falling probability of low yield."""
    return sorted(
        predictions,
        key=lambda wafer: (wafer.actual_low_yield is not None, -wafer.low_yield_probability),
    )


def outcomes(predictions: Iterable[Prediction]) -> Outcomes:
    """Count the test wafers only: a model knows the wafers it was trained on."""
    pairs = [(p.predicted_low_yield, p.actual_low_yield) for p in predictions if p.split == "test"]
    return Outcomes(
        caught=pairs.count((True, True)),
        missed=pairs.count((False, True)),
        false_alarms=pairs.count((True, False)),
        rightly_passed=pairs.count((False, False)),
    )
