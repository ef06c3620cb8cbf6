"""Whether like die stand together on a wafer: join counts and Moran's I.

Source: Cliff and Ord, Spatial Processes, 1981, p. 19-20 (join counts) and p. 21 (Moran's I).
"""

from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from math import erfc, nan, perm, sqrt

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fabyield.errors import StatisticsError
from fabyield.statistics.arrays import Floats, centred, finite_values
from fabyield.statistics.pairs import Indices, row_pairs
from fabyield.statistics.permutation import ROUNDING, permutation_p

Flags = NDArray[np.bool_]
# That one join, that two joins at one die, and that two joins apart are of a kind.
Chances = tuple[Fraction, Fraction, Fraction]


@dataclass(frozen=True)
class Joins:
    """Joins of one kind, and their moments where the numbers of true and false are given.

    `z` and `p_greater` (normal) are NaN where no arrangement has another count, `p_permutation` is
    NaN without permutations.
    """

    count: int
    expected: float
    variance: float
    z: float
    p_greater: float
    p_permutation: float


@dataclass(frozen=True)
class JoinCounts:
    """Joins of two true values, of two false ones, and of one each."""

    same_true: Joins
    same_false: Joins
    different: Joins


@dataclass(frozen=True)
class Moran:
    """Moran's I with its moments under randomisation; NaN where it is not defined.

    I is not defined for equal values or without pairs, its variance for fewer than four values.
    """

    i: float
    expected: float
    variance: float
    z: float
    p_greater: float
    p_permutation: float


def neighbours(x: ArrayLike, y: ArrayLike, *, queen: bool = False) -> Indices:
    """Return the rows of die that touch, shape (pairs, 2), lower row first, each pair once.

    `x` and `y` are die coordinates, whole numbers of shape (die,). Sides touch (rook), and corners
    too with `queen`. StatisticsError for a die given twice.
    """
    columns, rows = _coordinates("x", x), _coordinates("y", y)
    if len(columns) != len(rows):
        raise StatisticsError(f"{len(columns)} values of x, but {len(rows)} of y")
    _no_die_twice(columns, rows)
    # Each family of parallel lines, and the coordinate in which its neighbours are one apart.
    lines = [(rows, columns), (columns, rows)]
    lines += [(columns - rows, columns), (columns + rows, columns)] if queen else []
    pairs = np.concatenate([_one_apart(line, along) for line, along in lines])
    pairs.sort(axis=1)
    return pairs[np.lexsort((pairs[:, 1], pairs[:, 0]))]


def join_counts(
    values: ArrayLike, pairs: ArrayLike, *, permutations: int = 0, seed: int = 0
) -> JoinCounts:
    """Count the joins of like and unlike `values`, booleans of shape (die,), by nonfree sampling.

    `pairs` has shape (pairs, 2) and holds row numbers of `values`, each unordered pair once, such
    as `neighbours` gives. StatisticsError for other shapes.
    """
    flags = np.asarray(values)
    if flags.ndim != 1 or flags.dtype != np.bool_:
        given = f"{flags.dtype} of shape {flags.shape}"
        raise StatisticsError(f"values: a row of booleans needed, {given} given")
    joins = row_pairs(pairs, len(flags))
    degrees = np.bincount(joins.ravel(), minlength=len(flags))
    chances = _chances(len(flags), int(flags.sum()))
    shuffled = permutation_p(partial(_counts, pairs=joins), flags, permutations, seed)
    kinds = zip(_counts(flags, joins).tolist(), chances, shuffled.tolist(), strict=True)
    return JoinCounts(*(_joins(count, degrees, of, p) for count, of, p in kinds))


def moran(
    values: ArrayLike,
    pairs: ArrayLike,
    *,
    standardise: bool = False,
    permutations: int = 0,
    seed: int = 0,
) -> Moran:
    """Return Moran's I of `values`, shape (die,), over `pairs` as in `join_counts`.

    Each pair weighs 1 in both directions; with `standardise` the weights of each die sum to 1. Die
    without a neighbour count among the die. StatisticsError for other shapes or missing values.
    """
    deviations = centred(finite_values("values", values))
    joins = row_pairs(pairs, len(deviations))
    weights = _weights(joins, len(deviations), standardise)
    statistic = partial(_moran_i, pairs=joins, weights=weights)
    i = float(statistic(deviations)[0])
    moments = _moran_moments(deviations, joins, weights)
    shuffled = permutation_p(statistic, deviations, permutations, seed)
    return Moran(i, *moments, *_normal(i, *moments), float(shuffled[0]))


def _coordinates(name: str, values: ArrayLike) -> Indices:
    array = np.asarray(values)
    if array.ndim != 1 or not (np.issubdtype(array.dtype, np.integer) or not array.size):
        given = f"{array.dtype} of shape {array.shape}"
        raise StatisticsError(f"{name}: a row of whole numbers needed, {given} given")
    return array.astype(np.int64)


def _no_die_twice(x: Indices, y: Indices) -> None:
    order = np.lexsort((x, y))
    twice = (np.diff(x[order]) == 0) & (np.diff(y[order]) == 0)
    if twice.any():
        first, second = sorted(order[np.argmax(twice) :][:2].tolist())
        raise StatisticsError(f"rows {first} and {second} are both die {x[first]}, {y[first]}")


def _one_apart(line: Indices, along: Indices) -> Indices:
    order = np.lexsort((along, line))
    touch = (np.diff(line[order]) == 0) & (np.diff(along[order]) == 1)
    return np.column_stack([order[:-1][touch], order[1:][touch]])


def _counts(flags: Flags, pairs: Indices) -> Floats:
    """Return the numbers of joins of two true values, of two false ones, and of one each."""
    first, second = flags[pairs.T]
    true, different = np.count_nonzero(first & second), np.count_nonzero(first != second)
    return np.array([true, len(pairs) - true - different, different], dtype=np.float64)


def _chances(values: int, true: int) -> tuple[Chances, Chances, Chances]:
    """Return the chances of both true, both false, and one each, under nonfree sampling."""
    false = values - true
    at_one_die = true * perm(false, 2) + false * perm(true, 2)
    apart = 4 * perm(true, 2) * perm(false, 2)
    ways = (
        (perm(true, 2), perm(true, 3), perm(true, 4)),
        (perm(false, 2), perm(false, 3), perm(false, 4)),
        (2 * true * false, at_one_die, apart),
    )
    same_true, same_false, different = (_of_all(values, *kind) for kind in ways)
    return same_true, same_false, different


def _of_all(values: int, one: int, at_one_die: int, apart: int) -> Chances:
    """Divide ways by the orders in which 2, 3 and 4 die can be drawn; 0 where none can be."""
    return (
        Fraction(one, perm(values, 2) or 1),
        Fraction(at_one_die, perm(values, 3) or 1),
        Fraction(apart, perm(values, 4) or 1),
    )


def _joins(count: float, degrees: Indices, chances: Chances, p_permutation: float) -> Joins:
    """Give `count` its moments, from the number of neighbours that each die has."""
    one, at_one_die, apart = chances
    joins = int(degrees.sum()) // 2
    meetings = int((degrees * (degrees - 1)).sum())
    expected = joins * one
    # Exact, because a variance of zero must not come out as a rounding error.
    square = expected + meetings * at_one_die + (joins**2 - joins - meetings) * apart
    moments = float(expected), float(square - expected**2)
    return Joins(int(count), *moments, *_normal(count, *moments), p_permutation)


def _normal(found: float, expected: float, variance: float) -> tuple[float, float]:
    """Return z and its upper tail, NaN unless the variance is positive."""
    if not variance > 0:
        return nan, nan
    z = (found - expected) / sqrt(variance)
    return z, erfc(z / sqrt(2)) / 2


def _weights(pairs: Indices, values: int, standardise: bool) -> Floats:
    """Return the weights of shape (pairs,): the sum of both directions."""
    if not standardise:
        return np.full(len(pairs), 2.0)
    of_each: Floats = 1 / np.bincount(pairs.ravel(), minlength=values)[pairs]
    return of_each[:, 0] + of_each[:, 1]


def _moran_i(deviations: Floats, pairs: Indices, weights: Floats) -> Floats:
    """Return I as an array of one element, NaN where a sum that it is divided by is zero."""
    divisor = weights.sum() * (deviations**2).sum()
    if not divisor:
        return np.array([nan])
    products = deviations[pairs[:, 0]] * deviations[pairs[:, 1]]
    return np.array([len(deviations) * (weights * products).sum() / divisor])


def _moran_moments(deviations: Floats, pairs: Indices, weights: Floats) -> tuple[float, float]:
    """Return the mean and the variance of I over all arrangements of the values."""
    n = len(deviations)
    s0, squares = weights.sum(), (deviations**2).sum() ** 2
    expected = -1 / (n - 1) if n > 1 and s0 * squares else nan
    if n < 4 or np.isnan(expected):
        return expected, nan
    s1 = (weights**2).sum()
    s2 = (np.bincount(pairs.ravel(), np.repeat(weights, 2)) ** 2).sum()
    kurtosis = n * (deviations**4).sum() / squares
    even = n * ((n**2 - 3 * n + 3) * s1 - n * s2 + 3 * s0**2)
    peaked = kurtosis * ((n**2 - n) * s1 - 2 * n * s2 + 6 * s0**2)
    square = (even - peaked) / ((n - 1) * (n - 2) * (n - 3) * s0**2)
    variance = float(square - expected**2)
    # Where no arrangement has another I, only rounding is left.
    return expected, variance if variance > ROUNDING * square else 0.0
