"""Pairs of rows, as statistics of neighbours take them."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fabyield.errors import StatisticsError

Indices = NDArray[np.int64]


def row_pairs(pairs: ArrayLike, values: int) -> Indices:
    """Return the rows of `pairs`, lower one first; StatisticsError if they are no simple graph."""
    array = np.asarray(pairs)
    if not array.size:
        return np.empty((0, 2), dtype=np.int64)
    if array.shape[1:] != (2,) or not np.issubdtype(array.dtype, np.integer):
        given = f"{array.dtype} of shape {array.shape}"
        raise StatisticsError(f"pairs: row numbers of shape (pairs, 2) needed, {given} given")
    joins = np.sort(array.astype(np.int64), axis=1)
    low, high = joins.T
    wrong = (low < 0) | (high >= values) | (low == high)
    if wrong.any():
        pair = joins[np.argmax(wrong)].tolist()
        raise StatisticsError(f"pairs: {pair} are not two different rows of {values}")
    _no_pair_twice(joins)
    return joins


def _no_pair_twice(joins: Indices) -> None:
    in_order = joins[np.lexsort((joins[:, 1], joins[:, 0]))]
    twice = (np.diff(in_order, axis=0) == 0).all(axis=1)
    if twice.any():
        pair = in_order[np.argmax(twice)].tolist()
        raise StatisticsError(f"pairs: {pair} is there twice; give each pair in one direction only")
