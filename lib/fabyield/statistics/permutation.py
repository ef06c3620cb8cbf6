"""How rare a statistic is among those of shuffled values."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fabyield.errors import StatisticsError
from fabyield.statistics.arrays import Floats

# Equal statistics, summed in another order, differ by less than this.
ROUNDING = 1e-12


def permutation_p(
    statistic: Callable[[NDArray[Any]], Floats], values: NDArray[Any], permutations: int, seed: int
) -> Floats:
    """Return (b + 1) / (permutations + 1) for each element of `statistic`, NaN without any.

    b counts the shuffles of `values` whose statistic (a count, or about one) is at least the one
    observed; source: Phipson and Smyth 2010, doi 10.2202/1544-6115.1585. StatisticsError for a
    negative `permutations`.
    """
    if permutations < 0:
        raise StatisticsError(f"permutations is {permutations}, must be 0 or more")
    observed = statistic(values)
    if not permutations:
        return np.full_like(observed, np.nan)
    generator = np.random.default_rng(seed)
    reached = np.zeros_like(observed)
    for _ in range(permutations):
        reached += statistic(generator.permutation(values)) >= observed - ROUNDING
    return np.where(np.isnan(observed), np.nan, (reached + 1) / (permutations + 1))
