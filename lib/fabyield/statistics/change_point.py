"""When the mean of a series in order of time shifted."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from fabyield.statistics.arrays import Floats, centred, finite_values
from fabyield.statistics.permutation import permutation_p


@dataclass(frozen=True)
class ChangePoint:
    """The most likely shift: means of values[:index] and of values[index:], in their units."""

    index: int
    before: float
    after: float
    p_value: float

    @property
    def shift(self) -> float:
        """Mean after the change less mean before it, in units of the values."""
        return self.after - self.before


def change_point(values: ArrayLike, *, permutations: int = 999, seed: int = 0) -> ChangePoint:
    """Return the split of `values`, shape (values,), that least squares fits best with two means.

    Source: Hawkins 1977, J. Am. Stat. Assoc. 72, 180-186, for a mean whose variance is unknown. Its
    statistic is compared with that of shuffled values, so `p_value` is too small for values that
    follow the one before; equal values have shift 0 and p 1. StatisticsError for missing values,
    or fewer than two.
    """
    series = finite_values("values", values, at_least=2)
    deviations = centred(series)
    index = int(_explained(deviations).argmax()) + 1
    centre = series[0] - deviations[0]
    before, after = centre + deviations[:index].mean(), centre + deviations[index:].mean()
    p_value = permutation_p(_most_explained, deviations, permutations, seed)
    return ChangePoint(index, float(before), float(after), float(p_value[0]))


def _explained(deviations: Floats) -> Floats:
    """Return the share of squares that a split before each value but the first explains."""
    size = len(deviations)
    left = np.arange(1, size)
    between = np.cumsum(deviations)[:-1] ** 2 * size / (left * (size - left))
    total = float((deviations**2).sum())
    return between / total if total else between


def _most_explained(deviations: Floats) -> Floats:
    return np.array([_explained(deviations).max()])
