"""The stretch of time in which something was bad."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray


class Span(NamedTuple):
    """A stretch of an ordered series, from `begin` up to but without `end`, and how likely it is.

    `llr`: how much more likely the counts are with a stretch than without, as a logarithm.
    """

    begin: int
    end: int
    llr: float


def worst_span(bad: ArrayLike, units: ArrayLike, *, other_bad: int = 0, others: int = 0) -> Span:
    """Return the stretch of a series in which the share of bad units is most clearly raised.

    `bad` of `units` are bad at each place, such as each lot in order of time. `other_bad` of
    `others` are units outside the series, such as those of other tools, to compare with. Source:
    Kulldorff 1997, the scan statistic for Bernoulli counts in one dimension, over all stretches;
    of equally likely ones the first and longest.
    """
    found = np.concatenate([[0], np.cumsum(np.asarray(bad, np.int64))])
    count = np.concatenate([[0], np.cumsum(np.asarray(units, np.int64))])
    begin, end = np.triu_indices(count.size, 1)
    inside = found[end] - found[begin], count[end] - count[begin]
    total = int(found[-1]) + other_bad, int(count[-1]) + others
    outside = total[0] - inside[0], total[1] - inside[1]
    alone = _log_likelihood(np.array(total[0]), np.array(total[1]))
    llr = _log_likelihood(*inside) + _log_likelihood(*outside) - alone
    raised = inside[0] * outside[1] > outside[0] * inside[1]
    llr = np.where(raised, llr, 0.0)
    best = np.flatnonzero(np.isclose(llr, llr.max(initial=0.0)))
    if not best.size or not llr.max(initial=0.0):
        return Span(0, 0, 0.0)
    place = best[np.lexsort((begin[best], -(end - begin)[best]))[0]]
    return Span(int(begin[place]), int(end[place]), float(llr[place]))


def _log_likelihood(bad: NDArray[np.int64], units: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return that of `bad` of `units` at their own share."""
    good = units - bad
    with np.errstate(divide="ignore", invalid="ignore"):
        terms = bad * np.log(bad / units), good * np.log(good / units)
    return np.asarray(np.nan_to_num(terms[0]) + np.nan_to_num(terms[1]))
