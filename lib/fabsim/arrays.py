"""Kinds of arrays, and rounding that hides the bits in which machines differ."""

import numpy as np
import numpy.typing as npt

Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Singles = npt.NDArray[np.float32]

DIGITS = 6
# What exp, log and their like give is rounded to this before it decides anything.
GRID = 2.0**-20


def significant(values: Floats) -> Floats:
    """Round to six significant decimal digits; zero stays zero."""
    magnitude = np.floor(np.log10(np.abs(values), out=np.zeros_like(values), where=values != 0))
    scale = np.power(10.0, DIGITS - 1 - magnitude)
    return np.asarray(np.rint(values * scale) / scale)


def quantised(values: Floats) -> Floats:
    """Round to multiples of 2^-20, far coarser than the bits in which machines differ."""
    return np.asarray(np.rint(values / GRID) * GRID)
