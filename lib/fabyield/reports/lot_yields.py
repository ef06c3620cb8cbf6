"""Yield of lots and products, summed over die and not averaged over wafers."""

from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass
from typing import TypeVar

from fabyield.reports.formatting import natural
from fabyield.reports.night_data import WaferYield

__all__ = ["LotYield", "ProductYield", "grouped", "product_yields", "worst_wafers"]

Row = TypeVar("Row")


@dataclass(frozen=True)
class _Wafers:
    """Wafers of one product and insertion, with the die counts of all of them."""

    product_id: str | None
    insertion: str
    wafers: list[WaferYield]

    @property
    def tested_die(self) -> int:
        return sum(wafer.tested_die for wafer in self.wafers)

    @property
    def good_die(self) -> int:
        return sum(wafer.good_die for wafer in self.wafers)

    @property
    def recovered_die(self) -> int:
        return sum(wafer.recovered_die for wafer in self.wafers)

    @property
    def first_pass_yield_pct(self) -> float | None:
        return _share(sum(wafer.first_pass_die for wafer in self.wafers), self.tested_die)

    @property
    def final_yield_pct(self) -> float | None:
        return _share(self.good_die, self.tested_die)

    @property
    def gross_die_yield_pct(self) -> float | None:
        """None unless the gross die of every wafer are known."""
        known = [wafer.gross_die for wafer in self.wafers if wafer.gross_die is not None]
        return _share(self.good_die, sum(known)) if len(known) == len(self.wafers) else None


@dataclass(frozen=True)
class LotYield(_Wafers):
    """One lot in one insertion, wafers in order of their ID."""

    lot_id: str | None

    @property
    def lowest(self) -> WaferYield | None:
        """The wafer of lowest final yield."""
        return next(iter(worst_wafers(self.wafers)), None)

    @property
    def highest(self) -> WaferYield | None:
        """The wafer of highest final yield."""
        return next(reversed(worst_wafers(self.wafers)), None)


@dataclass(frozen=True)
class ProductYield(_Wafers):
    """One product in one insertion, lots in the order given."""

    lots: list[LotYield]


def product_yields(yields: Iterable[WaferYield]) -> list[ProductYield]:
    """Sum `yields` to lots, and those to one entry per product and insertion."""
    products = grouped(yields, lambda wafer: (wafer.product_id, wafer.insertion))
    return [_product(wafers) for wafers in products]


def worst_wafers(yields: Iterable[WaferYield]) -> list[WaferYield]:
    """Wafers whose final yield is known, lowest first."""
    known = [(w.final_yield_pct, w) for w in yields if w.final_yield_pct is not None]
    return [wafer for _, wafer in sorted(known, key=lambda pair: pair[0])]


def grouped(rows: Iterable[Row], key: Callable[[Row], Hashable]) -> list[list[Row]]:
    """Rows of equal `key` together, in order of first sight."""
    groups: dict[Hashable, list[Row]] = {}
    for row in rows:
        groups.setdefault(key(row), []).append(row)
    return list(groups.values())


def _product(wafers: list[WaferYield]) -> ProductYield:
    first = wafers[0]
    lots = [_lot(lot) for lot in grouped(wafers, lambda wafer: wafer.lot_id)]
    return ProductYield(first.product_id, first.insertion, wafers, lots)


def _lot(wafers: list[WaferYield]) -> LotYield:
    first = wafers[0]
    ordered = sorted(wafers, key=lambda wafer: natural(wafer.wafer_id))
    return LotYield(first.product_id, first.insertion, ordered, first.lot_id)


def _share(part: int, whole: int) -> float | None:
    return 100 * part / whole if whole else None
