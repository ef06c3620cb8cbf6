"""Yield by lot: one mark per wafer, from its first pass to its final yield."""

from dataclasses import dataclass
from math import floor

from markupsafe import Markup

from fabyield.reports.formatting import clip, named, percent
from fabyield.reports.lot_yields import LotYield, ProductYield
from fabyield.reports.night_data import WaferYield
from fabyield.reports.svg import drawing, line, tag, text

__all__ = ["draw_lots"]

LEFT, WIDTH, TOP, HEIGHT = 44.0, 1140.0, 10.0, 190.0
CHAR = 6.4
UPRIGHT = 16
MAX_SLOT = 180.0


@dataclass(frozen=True)
class _Scale:
    """Places lots along the chart and yields up to 100 % above `floor_pct`."""

    floor_pct: float
    slot: float

    def y(self, yield_pct: float) -> float:
        return TOP + HEIGHT * (100 - yield_pct) / (100 - self.floor_pct)

    def x(self, lot: int, wafer: int, wafers: int) -> float:
        return LEFT + self.slot * (lot + 0.1 + 0.8 * (wafer + 0.5) / wafers)


def draw_lots(product: ProductYield) -> Markup:
    """Wafers of every lot by ID, with the lot's own final yield as a line across them."""
    scale = _Scale(_floor(product.wafers), min(MAX_SLOT, WIDTH / len(product.lots)))
    parts = _axis(scale, len(product.lots))
    for place, lot in enumerate(product.lots):
        parts += _lot(place, lot, scale)
    below = _label_height(product.lots, scale.slot)
    label = f"Yield by lot, {named(product.product_id)} {product.insertion}"
    return drawing(parts, (0, 0, LEFT + WIDTH + 4, TOP + HEIGHT + below), label)


def _floor(wafers: list[WaferYield]) -> float:
    figures = [w.first_pass_yield_pct for w in wafers] + [w.final_yield_pct for w in wafers]
    lowest = min((figure for figure in figures if figure is not None), default=0.0)
    return min(90.0, 10 * floor(lowest / 10))


def _axis(scale: _Scale, lots: int) -> list[Markup]:
    step = 5 if scale.floor_pct >= 70 else 10 if scale.floor_pct >= 40 else 20
    marks = [mark for mark in range(0, 101, step) if mark >= scale.floor_pct]
    end = LEFT + scale.slot * lots
    lines = [line((LEFT, scale.y(mark)), (end, scale.y(mark)), "grid") for mark in marks]
    return lines + [text((LEFT - 6, scale.y(m) + 4), f"{m} %", "end", "head") for m in marks]


def _lot(place: int, lot: LotYield, scale: _Scale) -> list[Markup]:
    wafers = enumerate(lot.wafers)
    drawn = [_wafer(scale.x(place, n, len(lot.wafers)), w, scale) for n, w in wafers]
    start, end = scale.x(place, 0, 1) - scale.slot * 0.4, scale.x(place, 0, 1) + scale.slot * 0.4
    if lot.final_yield_pct is not None:
        y = scale.y(lot.final_yield_pct)
        drawn.append(line((start, y), (end, y), "lot"))
    return [*drawn, *_label(place, lot, scale)]


def _wafer(x: float, wafer: WaferYield, scale: _Scale) -> Markup:
    first, final = wafer.first_pass_yield_pct, wafer.final_yield_pct
    if first is None or final is None:
        return Markup("")
    title = (
        f"lot {named(wafer.lot_id)}, wafer {named(wafer.wafer_id)}: "
        f"first pass {percent(first)}, final {percent(final)}"
    )
    recovered = line((x, scale.y(first)), (x, scale.y(final)), "recovered")
    ends = (("first", first, 1.6), ("final", final, 2.2))
    dots = [tag("circle", class_=css, cx=x, cy=scale.y(pct), r=r) for css, pct, r in ends]
    return tag("g", tag("title", title), recovered, *dots)


def _label(place: int, lot: LotYield, scale: _Scale) -> list[Markup]:
    x, y = scale.x(place, 0, 1), TOP + HEIGHT + 16
    every = int(11 / scale.slot) + 1
    if place % every:
        return []
    name = clip(lot.lot_id, UPRIGHT)
    if CHAR * len(name) <= scale.slot:
        return [text((x, y), name, "middle")]
    turn = f"rotate(-90 {x + 4:.2f} {y - 6:.2f})"
    return [tag("text", name, x=x + 4, y=y - 6, text_anchor="end", transform=turn)]


def _label_height(lots: list[LotYield], slot: float) -> float:
    longest = max(len(clip(lot.lot_id, UPRIGHT)) for lot in lots)
    return 24 if CHAR * longest <= slot else 16 + CHAR * longest
