"""The wafers of one product and insertion, with the places that each went through."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from fabyield.statistics import commonality, low_yield_limit

Flags = NDArray[np.bool_]
Row = dict[str, Any]
Factor = tuple[str, str]
NEVER = np.iinfo(np.int64).min
# Of suspects with the same wafers, the first kind is named: the most specific place.
KINDS = ("chamber", "equipment", "recipe", "tester", "program")


@dataclass(frozen=True)
class SuspectRules:
    """When a wafer is low, and when a place is a suspect: the settings section `commonality`."""

    lots: int = 200
    low_yield_sigmas: float = 3.0
    min_sigma_pct: float = 0.5
    q_value: float = 0.01
    min_lots: int = 3
    min_points: float = 1.0


class Place(NamedTuple):
    """A factor, which is its kind and step, and the level that is the suspect."""

    factor_kind: str
    process_step: str
    level: str


@dataclass(frozen=True)
class Arms:
    """Wafers with their lot, yield and whether it is low, and per factor their level and time.

    All arrays have an element per wafer; levels are None, and times the least integer, where the
    wafer has no visit.
    """

    lot: NDArray[Any]
    yield_pct: NDArray[np.float64]
    is_low: Flags
    limit_pct: float
    levels: Mapping[Factor, NDArray[Any]]
    times: Mapping[Factor, NDArray[np.int64]]

    @classmethod
    def of(cls, rows: pa.Table, rules: SuspectRules) -> "Arms":
        """Sort the visits `rows` of one product and insertion by wafer and factor."""
        keys = rows["wafer_key"].to_numpy()
        _, first, wafer = np.unique(keys, return_index=True, return_inverse=True)
        yields = rows["final_yield_pct"].to_numpy()[first]
        limit = low_yield_limit(
            yields, sigmas=rules.low_yield_sigmas, min_sigma=rules.min_sigma_pct
        )
        level = rows["level"].to_numpy(zero_copy_only=False)
        at = rows["at"].cast(pa.int64()).to_numpy()
        levels: dict[Factor, NDArray[Any]] = {}
        times: dict[Factor, NDArray[np.int64]] = {}
        for name, places in _places_of_factors(rows).items():
            levels[name] = np.full(first.size, None, object)
            levels[name][wafer[places]] = level[places]
            times[name] = np.full(first.size, NEVER)
            times[name][wafer[places]] = at[places]
        lots = rows["lot_id"].to_numpy(zero_copy_only=False)[first]
        return cls(lots, yields, yields < limit, limit, levels, times)

    def through(self, place: Place) -> tuple[Flags, Flags]:
        """Return which wafers went through a place, and which through others of its factor."""
        levels = self.levels[place[:2]]
        here = levels == place.level
        return here, ~here & (levels != None)  # noqa: E711

    def tested(self, active: Flags) -> list[tuple[Place, Row]]:
        """Return the commonality of each place among the `active` wafers, smallest p first."""
        names = {"\t".join(name): name for name in self.levels}
        levels = {text: self.levels[name][active] for text, name in names.items()}
        table = commonality(levels, self.is_low[active], self.lot[active])
        rows = ((Place(*names[row["factor"]], row["level"]), row) for row in table.to_pylist())
        return sorted(rows, key=lambda one: (one[1]["p_value"], KINDS.index(one[0].factor_kind)))

    def figures(self, place: Place, active: Flags) -> Row:
        """Return the counts of lots and the median yields of a place and of its alternatives."""
        here, others = (mask & active for mask in self.through(place))
        yields = [float(np.median(self.yield_pct[mask])) for mask in (here, others) if mask.any()]
        is_compared = len(yields) == 2
        return {
            "lots": len({*self.lot[here]}),
            "low_lots": len({*self.lot[here & self.is_low]}),
            "yield_pct": yields[0] if is_compared else None,
            "other_yield_pct": yields[1] if is_compared else None,
            "effect_points": yields[0] - yields[1] if is_compared else None,
        }


def _places_of_factors(rows: pa.Table) -> dict[Factor, NDArray[np.int64]]:
    """Return the places of the rows of each factor."""
    names = [rows[name].to_numpy(zero_copy_only=False) for name in Place._fields[:2]]
    joined = pa.array([f"{kind}\t{step}" for kind, step in zip(*names, strict=True)])
    coded = joined.dictionary_encode()
    code = coded.indices.to_numpy()
    order = np.argsort(code, kind="stable")
    ends = np.cumsum(np.bincount(code, minlength=len(coded.dictionary)))
    parts = np.split(order, ends[:-1])
    found = (str(text).split("\t", 1) for text in coded.dictionary.to_pylist())
    return {(kind, step): part for (kind, step), part in zip(found, parts, strict=True)}
