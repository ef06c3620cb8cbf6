"""The arrays that statistics take, checked."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fabyield.errors import StatisticsError

Floats = NDArray[np.float64]


def finite_values(name: str, values: ArrayLike, *, at_least: int = 1) -> Floats:
    """Return `values` as floats, shape (values,); StatisticsError for NaN, infinity or too few."""
    array = _floats(name, values)
    if array.ndim != 1 or len(array) < at_least:
        raise StatisticsError(f"{name}: at least {at_least} in a row needed, shape {array.shape}")
    if not np.isfinite(array).all():
        row = int(np.flatnonzero(~np.isfinite(array))[0])
        raise StatisticsError(f"{name}: row {row} is {array[row]}; leave out what is missing")
    return array


def centred(values: Floats) -> Floats:
    """Return `values` less their mean."""
    # The mean of equal values may be off in its last digit, and a spread would seem to be there.
    centre: np.float64 = values.mean() if np.ptp(values) else values[0]
    return values - centre


def _floats(name: str, values: ArrayLike) -> Floats:
    try:
        return np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise StatisticsError(f"{name}: not numbers: {error}") from error
