"""Array types, tables of arrays, and rounding that hides the bits in which machines differ."""

from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import Any, Self

import numpy as np
import numpy.typing as npt

Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Singles = npt.NDArray[np.float32]

DIGITS = 6
# The results of exp, log and the like are rounded to this before they decide anything.
GRID = 2.0**-20


@dataclass(frozen=True)
class Columns:
    """Base of dataclasses whose fields are arrays of equal length, one entry per row."""

    def take(self, rows: Ints | Bools) -> Self:
        """Return the rows that a mask or their indices select."""
        return type(self)(*(getattr(self, field.name)[rows] for field in fields(self)))

    @classmethod
    def joined(cls, parts: list[Self]) -> Self:
        """Return the rows of all `parts`, one after the other."""
        names = [field.name for field in fields(cls)]
        return cls(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))


def column(rows: Iterable[object], name: str) -> npt.NDArray[Any]:
    """Return the attribute `name` of all `rows` as an array."""
    return np.array([getattr(row, name) for row in rows])


def counted_by(keys: Ints) -> Ints:
    """Return for each entry how many before it are equal to it."""
    order = np.argsort(keys, kind="stable")
    _, starts, sizes = np.unique(keys[order], return_index=True, return_counts=True)
    count = np.empty_like(keys)
    count[order] = np.arange(len(keys)) - np.repeat(starts, sizes)
    return count


def significant(values: Floats) -> Floats:
    """Round to six significant decimal digits; zero stays zero."""
    magnitude = np.floor(np.log10(np.abs(values), out=np.zeros_like(values), where=values != 0))
    scale = np.power(10.0, DIGITS - 1 - magnitude)
    return np.asarray(np.rint(values * scale) / scale)


def quantised(values: Floats) -> Floats:
    """Round to multiples of 2^-20, far coarser than the bits in which machines differ."""
    return np.asarray(np.rint(values / GRID) * GRID)
