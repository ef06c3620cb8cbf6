"""Yields of lots and products: sums over die, not averages over wafers."""

from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass
from typing import TypeVar

from fabyield.reports.formatting import natural_key
from fabyield.reports.night_data import WaferYield

Row = TypeVar("Row")


@dataclass(frozen=True)
class LotYield:
    """The yield of wafers of one product, lot and insertion, from their die counts.

    Of packages, it counts these in place of die, and has no wafers but one entry for each lot.
    """

    product_id: str | None
    insertion: str
    is_packaged: bool
    lot_id: str | None
    wafers: list[WaferYield]

    @property
    def tested_die(self) -> int:
        """Tested die of all wafers."""
        return sum(wafer.tested_die for wafer in self.wafers)

    @property
    def good_die(self) -> int:
        """Good die of all wafers, after retest."""
        return sum(wafer.good_die for wafer in self.wafers)

    @property
    def recovered_die(self) -> int:
        """Die of all wafers that only passed on retest."""
        return sum(wafer.recovered_die for wafer in self.wafers)

    @property
    def first_pass_yield_pct(self) -> float | None:
        """Die that pass on their first touch, in percent of tested die."""
        return _percent(sum(wafer.first_pass_die for wafer in self.wafers), self.tested_die)

    @property
    def final_yield_pct(self) -> float | None:
        """Good die in percent of tested die."""
        return _percent(self.good_die, self.tested_die)

    @property
    def gross_die_yield_pct(self) -> float | None:
        """Good die in percent of gross die; None unless the gross die of every wafer are known."""
        known = [wafer.gross_die for wafer in self.wafers if wafer.gross_die is not None]
        return _percent(self.good_die, sum(known)) if len(known) == len(self.wafers) else None

    @property
    def lowest(self) -> WaferYield | None:
        """The wafer with the lowest final yield."""
        return None if self.is_packaged else next(iter(worst_wafers(self.wafers)), None)

    @property
    def highest(self) -> WaferYield | None:
        """The wafer with the highest final yield."""
        return None if self.is_packaged else next(reversed(worst_wafers(self.wafers)), None)


@dataclass(frozen=True)
class ProductYield(LotYield):
    """The yield of a product in one insertion (lot_id is None), and of its lots."""

    lots: list[LotYield]


@dataclass(frozen=True)
class InsertionCount:
    """How many lots and wafers an insertion tested, with how many die or, of packages, parts."""

    insertion: str
    is_packaged: bool
    lots: int
    wafers: int
    parts: int


def insertion_counts(yields: Iterable[WaferYield]) -> list[InsertionCount]:
    """Return what each insertion tested, wafers before packages."""
    keys = grouped(yields, lambda one: (one.is_packaged, one.insertion))
    insertions = sorted(keys, key=lambda rows: (rows[0].is_packaged, rows[0].insertion))
    return [
        InsertionCount(
            rows[0].insertion,
            rows[0].is_packaged,
            lots=len({(row.product_id, row.lot_id) for row in rows}),
            wafers=0 if rows[0].is_packaged else len(rows),
            parts=sum(row.tested_die for row in rows),
        )
        for rows in insertions
    ]


def product_yields(yields: Iterable[WaferYield]) -> list[ProductYield]:
    """Return one entry per product and insertion; lots keep their order, wafers go by ID.

    Packages have entries of their own.
    """
    products = []
    for wafers in grouped(yields, lambda one: (one.product_id, one.insertion, one.is_packaged)):
        key = wafers[0].product_id, wafers[0].insertion, wafers[0].is_packaged
        lots = [
            LotYield(*key, lot[0].lot_id, sorted(lot, key=lambda one: natural_key(one.wafer_id)))
            for lot in grouped(wafers, lambda wafer: wafer.lot_id)
        ]
        products.append(ProductYield(*key, None, wafers, lots))
    return products


def worst_wafers(yields: Iterable[WaferYield]) -> list[WaferYield]:
    """Return the wafers with a known final yield, lowest first."""
    known = [(w.final_yield_pct, w) for w in yields if w.final_yield_pct is not None]
    return [wafer for _, wafer in sorted(known, key=lambda pair: pair[0])]


def grouped(rows: Iterable[Row], key: Callable[[Row], Hashable]) -> list[list[Row]]:
    """Return the rows of each `key` together, in order of their first row."""
    groups: dict[Hashable, list[Row]] = {}
    for row in rows:
        groups.setdefault(key(row), []).append(row)
    return list(groups.values())


def _percent(part: int, whole: int) -> float | None:
    return 100 * part / whole if whole else None
