"""The yield chart by lot: one mark per wafer, from its first-pass to its final yield."""

from dataclasses import dataclass
from math import floor

from markupsafe import Markup

from fabyield.reports.formatting import clip, or_dash, percent
from fabyield.reports.lot_yields import LotYield, ProductYield
from fabyield.reports.night_data import WaferYield
from fabyield.reports.svg import drawing, line, tag, text

LEFT, WIDTH, TOP, HEIGHT = 44.0, 1140.0, 10.0, 190.0
CHAR = 6.4
UPRIGHT = 16
MAX_SLOT = 180.0


@dataclass(frozen=True)
class _Scale:
    """The scale of a chart: lots from left to right, yields from `floor_pct` up to 100 %."""

    floor_pct: float
    slot: float

    def y(self, yield_pct: float) -> float:
        return TOP + HEIGHT * (100 - yield_pct) / (100 - self.floor_pct)

    def x(self, lot: int, wafer: int, wafers: int) -> float:
        return LEFT + self.slot * (lot + 0.1 + 0.8 * (wafer + 0.5) / wafers)


def draw_lots(product: ProductYield) -> Markup:
    """Draw the wafers of every lot by ID, and the final yield of the lot as a line across them."""
    scale = _Scale(_floor(product.wafers), min(MAX_SLOT, WIDTH / len(product.lots)))
    step = 5 if scale.floor_pct >= 70 else 10 if scale.floor_pct >= 40 else 20
    marks = [mark for mark in range(0, 101, step) if mark >= scale.floor_pct]
    end = LEFT + scale.slot * len(product.lots)
    parts = [line((LEFT, scale.y(mark)), (end, scale.y(mark)), "grid") for mark in marks]
    parts += [text((LEFT - 6, scale.y(m) + 4), f"{m} %", "end", "head") for m in marks]
    for place, lot in enumerate(product.lots):
        parts += _lot(place, lot, scale)
    longest = CHAR * max(len(clip(lot.lot_id, UPRIGHT)) for lot in product.lots)
    below = 24 if longest <= scale.slot else 16 + longest
    label = f"Yield by lot, {or_dash(product.product_id)} {product.insertion}"
    return drawing(parts, (0, 0, LEFT + WIDTH + 4, TOP + HEIGHT + below), label)


def _floor(wafers: list[WaferYield]) -> float:
    figures = [w.first_pass_yield_pct for w in wafers] + [w.final_yield_pct for w in wafers]
    lowest = min((figure for figure in figures if figure is not None), default=0.0)
    return min(90.0, 10 * floor(lowest / 10))


def _lot(place: int, lot: LotYield, scale: _Scale) -> list[Markup]:
    count, middle = len(lot.wafers), scale.x(place, 0, 1)
    drawn = [_wafer(scale.x(place, n, count), wafer, scale) for n, wafer in enumerate(lot.wafers)]
    if lot.final_yield_pct is not None:
        y, half = scale.y(lot.final_yield_pct), scale.slot * 0.4
        drawn.append(line((middle - half, y), (middle + half, y), "lot"))
    return [*drawn, *_label(place, lot, scale)]


def _wafer(x: float, wafer: WaferYield, scale: _Scale) -> Markup:
    first, final = wafer.first_pass_yield_pct, wafer.final_yield_pct
    if first is None or final is None:
        return Markup("")
    name = "packages" if wafer.is_packaged else f"wafer {or_dash(wafer.wafer_id)}"
    title = (
        f"lot {or_dash(wafer.lot_id)}, {name}: first pass {percent(first)}, final {percent(final)}"
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
