"""What the bad wafers, or lots, have in common."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from fabyield.statistics.multiple_testing import adjusted

Counts = NDArray[np.int64]
Levels = Sequence[str | None] | NDArray[np.object_]
_TYPES: dict[str, pa.DataType] = {
    **dict.fromkeys(("factor", "level"), pa.string()),
    **dict.fromkeys(("units", "bad", "other_units", "other_bad"), pa.int64()),
    **dict.fromkeys(("odds_ratio", "p_value"), pa.float64()),
    "compared": pa.string(),
    "q_value": pa.float64(),
}
COMMONALITY = pa.schema(_TYPES)
WITHIN, BETWEEN = "within groups", "between groups"


def commonality(
    levels: Mapping[str, Levels], bad: ArrayLike, groups: ArrayLike | None = None
) -> pa.Table:
    """Test each level of each factor for more bad units than the other levels of its factor.

    `levels` gives for each factor, such as a process step, the level of each unit, such as the tool
    of each wafer; None leaves a unit out. `bad` says for each unit whether it is bad. Returns
    COMMONALITY, the smallest p_value first, with q_value adjusted over all levels (Benjamini and
    Hochberg 1995). The test is Fisher's exact one, one-sided (Fisher 1935).

    `groups`, such as the lots of the wafers, are units that are alike for reasons of their own.
    Where a factor splits most groups, units are compared with those of their own group
    (`stratified_greater`); otherwise counts are divided by the `design_effect` of the groups.
    A factor with one level compares nothing and has no row. odds_ratio is that of the sample.
    """
    is_bad = np.asarray(bad, np.bool_)
    group = None if groups is None else np.unique(np.asarray(groups), return_inverse=True)[1]
    effect = 1.0 if group is None else design_effect(is_bad, group)
    tables = [_tested(name, column, is_bad, group, effect) for name, column in levels.items()]
    rows = pa.concat_tables([_TESTED.empty_table(), *(t for t in tables if t.num_rows > 1)])
    q_value = adjusted(rows["p_value"].to_numpy())
    rows = rows.append_column("q_value", pa.array(q_value, pa.float64()))
    return rows.sort_by([(name, "ascending") for name in ("p_value", "factor", "level")])


_TESTED = pa.schema([COMMONALITY.field(number) for number in range(len(_TYPES) - 1)])


def _tested(
    factor: str,
    levels: Levels,
    bad: NDArray[np.bool_],
    group: NDArray[np.int64] | None,
    effect: float,
) -> pa.Table:
    encoded = pa.array(levels, pa.string()).dictionary_encode()
    known = np.asarray(encoded.is_valid())
    codes = encoded.indices.fill_null(0).to_numpy(zero_copy_only=False)[known]
    size, is_bad = len(encoded.dictionary), bad[known]
    units, found = np.bincount(codes, minlength=size), np.bincount(codes[is_bad], minlength=size)
    others = units.sum() - units, found.sum() - found
    compared = BETWEEN
    p_value = fisher_greater(units, found, *others, effect=effect)
    if group is not None and size > 1:
        both = group[known] * size + codes
        shape = -1, size
        length = (int(group.max()) + 1) * size
        in_group = np.bincount(both, minlength=length).reshape(shape)
        if 2 * in_group[(in_group > 0).sum(axis=1) > 1].sum() >= codes.size:
            compared = WITHIN
            bad_there = np.bincount(both[is_bad], minlength=length).reshape(shape)
            p_value = stratified_greater(in_group, bad_there)
    with np.errstate(divide="ignore", invalid="ignore"):
        odds = found * (others[0] - others[1]) / ((units - found) * others[1])
    names: list[Any] = [[factor] * size, encoded.dictionary]
    columns = [units, found, *others, odds, p_value, [compared] * size]
    return pa.table(names + columns, schema=_TESTED)


def stratified_greater(units: ArrayLike, bad: ArrayLike) -> NDArray[np.float64]:
    """Return p of the exact test that each level has more bad units than others of their group.

    `units` and `bad` are counts, a row per group and a column per level. Given how many units of
    each group are bad, and at each level, the bad ones at a level are a sum of hypergeometric
    counts (the exact form of Mantel and Haenszel 1959; Mehta, Patel and Gray 1985).
    """
    n, k = np.asarray(units, np.int64), np.asarray(bad, np.int64)
    totals = n.sum(axis=1), k.sum(axis=1)
    return np.array([_sum_greater(*totals, n[:, one], k[:, one]) for one in range(n.shape[1])])


def _sum_greater(
    units: NDArray[np.int64],
    bad: NDArray[np.int64],
    here: NDArray[np.int64],
    found: NDArray[np.int64],
) -> float:
    tells = (bad > 0) & (bad < units) & (here > 0) & (here < units)
    if not tells.any():
        return 1.0
    most = np.minimum(bad, here)[tells]
    drawn = np.arange(int(most.max()) + 1)
    columns = (column[tells][:, None] for column in (units, bad, here))
    chances = stats.hypergeom.pmf(drawn, *columns)
    total = np.ones(1)
    for row, end in zip(chances, most.tolist(), strict=True):
        total = np.convolve(total, row[: end + 1])
    return min(1.0, float(total[int(found[tells].sum()) :].sum()))


def fisher_greater(
    units: ArrayLike,
    bad: ArrayLike,
    other_units: ArrayLike,
    other_bad: ArrayLike,
    *,
    effect: float = 1.0,
) -> NDArray[np.float64]:
    """Return p of Fisher's exact test that a share of bad units is higher than another one.

    Counts are divided by the design effect, and rounded.
    """
    counts = [np.asarray(column, np.float64) for column in (units, bad, other_units, other_bad)]
    n, k, other_n, other_k = (np.rint(column / effect) for column in counts)
    return np.asarray(stats.hypergeom.sf(k - 1, n + other_n, k + other_k, n), np.float64)


def design_effect(bad: ArrayLike, groups: ArrayLike) -> float:
    """Return by how much units of the same group, such as a lot, being alike inflates variances.

    1 + (m - 1) * rho with the mean group size m and the correlation rho within groups, estimated by
    analysis of variance (Donner and Klar 2000); at least 1.
    """
    is_bad = np.asarray(bad, np.float64)
    _, group = np.unique(np.asarray(groups), return_inverse=True)
    sizes = np.bincount(group)
    if sizes.size < 2 or sizes.size == is_bad.size:
        return 1.0
    means = np.bincount(group, is_bad) / sizes
    within = ((is_bad - means[group]) ** 2).sum() / (is_bad.size - sizes.size)
    between = (sizes * (means - is_bad.mean()) ** 2).sum() / (sizes.size - 1)
    size = (is_bad.size - (sizes**2).sum() / is_bad.size) / (sizes.size - 1)
    if between <= within:
        return 1.0
    rho = (between - within) / (between + (size - 1) * within)
    return float(1 + (is_bad.size / sizes.size - 1) * rho)
