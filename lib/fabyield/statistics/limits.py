"""Limits for yields and bins of coming lots or wafers, from those of earlier ones."""

from dataclasses import dataclass
from math import nan

import numpy as np
from numpy.typing import ArrayLike

from fabyield.errors import StatisticsError
from fabyield.statistics.arrays import Floats, finite_values

MIN_LOTS = 6
NORMAL_UPPER_QUARTILE = 0.6745


@dataclass(frozen=True)
class StatisticalLimits:
    """A lot beyond `review` is looked at, one beyond `hold` stays; NaN limits have a `reason`."""

    lots: int
    review: float
    hold: float
    reason: str | None = None


def statistical_limits(
    values: ArrayLike,
    *,
    lower: bool,
    sigmas: float = 3.0,
    hold_sigmas: float = 4.0,
    percentiles: tuple[float, float] | None = None,
) -> StatisticalLimits:
    """Return yield limits (`lower`) or bin limits (upper) of AEC-Q002, in their units.

    `values` holds one number per earlier lot, at least six. Limits are mean -/+ sigmas of the
    sample; `percentiles` gives those of review and hold (0 to 100) instead, for skewed bin counts.
    StatisticsError for missing values, or for a hold limit inside the review limit.
    """
    lots = finite_values("values", values, at_least=0)
    if len(lots) < MIN_LOTS:
        reason = f"{len(lots)} lots, at least {MIN_LOTS} are needed"
        return StatisticalLimits(len(lots), nan, nan, reason)
    if percentiles is not None:
        return _percentile_limits(lots, lower, *percentiles)
    return _sigma_limits(lots, lower, sigmas, hold_sigmas)


def low_yield_limit(yields_pct: ArrayLike, *, sigmas: float, min_sigma: float) -> float:
    """Return median - `sigmas` robust sigma in percent; fit it on training lots only.

    Robust sigma is that of the upper half, (Q3 - median) / 0.6745, and at least `min_sigma`.
    Excursions lie below the median: beyond 25 % of them Q1 is itself a low wafer, so that
    (Q3 - Q1) / 1.35 grows many-fold. With 30 % low wafers the upper half grows only 1.38-fold, and
    the median falls by 0.57 sigma (both from normal quantiles). StatisticsError for missing yields.
    """
    median, upper = np.percentile(finite_values("yields_pct", yields_pct), [50, 75])
    sigma = max((upper - median) / NORMAL_UPPER_QUARTILE, min_sigma)
    return float(median - sigmas * sigma)


def _sigma_limits(lots: Floats, lower: bool, sigmas: float, hold: float) -> StatisticalLimits:
    if not 0 <= sigmas <= hold:
        given = f"sigmas {sigmas}, hold_sigmas {hold}"
        raise StatisticsError(f"{given}: none may be below 0, nor hold_sigmas below sigmas")
    away = np.array([sigmas, hold]) * np.std(lots, ddof=1)
    review, held = lots.mean() - away if lower else lots.mean() + away
    return StatisticalLimits(len(lots), float(review), float(held))


def _percentile_limits(lots: Floats, lower: bool, review: float, hold: float) -> StatisticalLimits:
    outward = 100 >= review >= hold >= 0 if lower else 0 <= review <= hold <= 100
    if not outward:
        side = "at most" if lower else "at least"
        given = f"review {review}, hold {hold}"
        raise StatisticsError(f"percentiles: {given}; hold must be {side} review, both in 0 to 100")
    limits = np.percentile(lots, [review, hold])
    return StatisticalLimits(len(lots), float(limits[0]), float(limits[1]))
