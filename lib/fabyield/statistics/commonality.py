"""What the bad wafers, or lots, have in common."""

from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from fabyield.statistics.multiple_testing import adjusted

Levels = Sequence[str | None] | NDArray[np.object_]
_TYPES: dict[str, pa.DataType] = {
    **dict.fromkeys(("factor", "level"), pa.string()),
    **dict.fromkeys(("units", "bad", "other_units", "other_bad"), pa.int64()),
    **dict.fromkeys(("odds_ratio", "p_value", "q_value"), pa.float64()),
}
COMMONALITY = pa.schema(_TYPES)


def commonality(levels: Mapping[str, Levels], bad: ArrayLike, *, effect: float = 1.0) -> pa.Table:
    """Test each level of each factor for more bad units than the other levels of its factor.

    `levels` gives for each factor, such as a process step, the level of each unit, such as the tool
    of each wafer; None leaves a unit out. `bad` says for each unit whether it is bad. Returns
    COMMONALITY, the smallest p_value first: of Fisher's exact test, one-sided (Fisher 1935), with
    q_value adjusted over all levels (Benjamini and Hochberg 1995). `effect` is the design effect by
    which counts are divided before the test, where units come in alike groups (Rao and Scott 1992).
    A factor with one level compares nothing and has no row. odds_ratio is that of the sample.
    """
    is_bad = np.asarray(bad, np.bool_)
    tables = [_counted(name, column, is_bad) for name, column in levels.items()]
    rows = pa.concat_tables([_COUNTS.empty_table(), *(t for t in tables if t.num_rows > 1)])
    counts = [rows[name].to_numpy() for name in ("units", "bad", "other_units", "other_bad")]
    p_value = fisher_greater(*counts, effect=effect)
    units, found, other_units, other_found = counts
    with np.errstate(divide="ignore", invalid="ignore"):
        odds = found * (other_units - other_found) / ((units - found) * other_found)
    for name, column in (
        ("odds_ratio", odds),
        ("p_value", p_value),
        ("q_value", adjusted(p_value)),
    ):
        rows = rows.append_column(name, pa.array(column, pa.float64()))
    return rows.sort_by([(name, "ascending") for name in ("p_value", "factor", "level")])


_COUNTS = pa.schema([COMMONALITY.field(number) for number in range(6)])


def _counted(factor: str, levels: Levels, bad: NDArray[np.bool_]) -> pa.Table:
    encoded = pa.array(levels, pa.string()).dictionary_encode()
    known = np.asarray(encoded.is_valid())
    codes = encoded.indices.fill_null(0).to_numpy(zero_copy_only=False)[known]
    size = len(encoded.dictionary)
    units = np.bincount(codes, minlength=size)
    found = np.bincount(codes[bad[known]], minlength=size)
    others = units.sum() - units, found.sum() - found
    columns = [[factor] * size, encoded.dictionary, units, found, *others]
    return pa.table(columns, schema=_COUNTS)


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
