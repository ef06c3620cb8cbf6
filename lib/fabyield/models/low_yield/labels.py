"""When a wafer's yield counts as low."""

from collections.abc import Sequence

import numpy as np

NORMAL_UPPER_QUARTILE = 0.6745


def low_yield_threshold(yields_pct: Sequence[float], sigmas: float, min_sigma_pct: float) -> float:
    """Return median - `sigmas` robust sigma of `yields_pct`; fit it on training lots only.

    Robust sigma is the half above the median alone, (Q3 - median) / 0.6745, and at least
    `min_sigma_pct`. Excursions lie below the median: beyond 25 % of them Q1 is itself a low wafer,
    so that (Q3 - Q1) / 1.35 grows many-fold, whereas with 30 % low wafers the upper half grows
    1.38-fold and the median falls by 0.57 sigma (both from normal quantiles).
    """
    median, upper = np.percentile(np.asarray(yields_pct, dtype=float), [50, 75])
    sigma = max((upper - median) / NORMAL_UPPER_QUARTILE, min_sigma_pct)
    return float(median - sigmas * sigma)
