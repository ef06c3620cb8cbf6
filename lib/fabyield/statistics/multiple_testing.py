"""P-values of many tests at once."""

from collections.abc import Callable
from types import MappingProxyType
from typing import Final, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

Reals = NDArray[np.float64]
Method = Literal["BH", "BY", "holm", "bonferroni"]


def adjusted(p_values: ArrayLike, method: Method = "BH") -> Reals:
    """Return the p-values, each adjusted for being one of many, in their order.

    BH: the false discovery rate at which the test would just count (Benjamini and Hochberg 1995);
    BY: the same where tests depend on each other in any way (Benjamini and Yekutieli 2001). holm
    and bonferroni bound the chance of any false discovery (Holm 1979).
    """
    p = np.asarray(p_values, np.float64)
    order = np.argsort(p, kind="stable")
    found = np.empty_like(p)
    found[order] = np.minimum(_ADJUSTED[method](p[order]), 1.0)
    return found


def _step_up(p: Reals) -> Reals:
    rank = np.arange(1, p.size + 1)
    return np.minimum.accumulate((p * p.size / rank)[::-1])[::-1]


def _dependent(p: Reals) -> Reals:
    harmonic: np.float64 = np.sum(1 / np.arange(1, p.size + 1))
    return np.asarray(_step_up(p) * harmonic)


def _step_down(p: Reals) -> Reals:
    return np.maximum.accumulate(p * np.arange(p.size, 0, -1))


_ADJUSTED: Final = MappingProxyType[Method, Callable[[Reals], Reals]](
    {
        "BH": _step_up,
        "BY": _dependent,
        "holm": _step_down,
        "bonferroni": lambda p: np.asarray(p * p.size),
    }
)
