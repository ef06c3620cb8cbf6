"""Horizontal bar charts with aligned figures: bin Paretos and feature contributions."""

from typing import NamedTuple

from markupsafe import Markup

from fabyield.reports.formatting import clip, count, number, or_dash
from fabyield.reports.night_data import BinCount, TopDriver
from fabyield.reports.svg import drawing, line, rect, tag, text

ROW, TOP = 20.0, 24.0
LABEL, PLOT, FIGURE = 190.0, 220.0, 62.0
LABEL_CHARS = 29


class Bar(NamedTuple):
    """One bar: its label, its length in data units, and the figures after it."""

    label: str
    value: float
    figures: tuple[str, ...]
    css: str = "bar"


def draw_bars(bars: list[Bar], full: float, heads: tuple[str, ...]) -> list[Markup]:
    """Return bars on a scale that ends at `full`, below the heads of the label and the figures."""
    drawn = [text((0, 14), heads[0], css="head")]
    drawn += [
        text((_figure(place), 14), head, "end", "head") for place, head in enumerate(heads[1:])
    ]
    drawn += [line((LABEL, TOP), (LABEL, _middle(len(bars)) - ROW / 2), "axis")]
    return drawn + [part for place, bar in enumerate(bars) for part in _row(place, bar, full)]


def draw_pareto(bins: list[BinCount], colours: dict[int, str]) -> Markup:
    """Draw bars of each bin's share and a line of their running sum, on one axis to 100 %."""
    bars = [_bin_bar(one, colours) for one in bins]
    kind = "Hard bin" if bins[0].bin_kind == "H" else "Soft bin"
    heads = (kind, "die", "share, %", "sum, %")
    points = [(_place(one.cumulative_pct, 100), _middle(row)) for row, one in enumerate(bins)]
    path = " ".join(f"{x:.2f},{y:.2f}" for x, y in points)
    dots = [tag("circle", class_="sum", cx=x, cy=y, r=2.2) for x, y in points]
    parts = [*_grid(len(bins)), *draw_bars(bars, 100, heads)]
    parts += [tag("polyline", class_="sum", points=path), *dots]
    label = f"{kind} Pareto of {or_dash(bins[0].product_id)} {bins[0].insertion}"
    return drawing(parts, _box(len(bars), 3), label)


def draw_drivers(drivers: list[TopDriver]) -> Markup:
    """Draw bars of mean |contribution|, on a scale that ends at the greatest."""
    full = max(driver.mean_abs_contribution for driver in drivers)
    bars = [
        Bar(d.feature, d.mean_abs_contribution, (number(d.mean_abs_contribution, 3),))
        for d in drivers
    ]
    heads = ("Feature", "log-odds")
    label = f"Mean contribution of features, {drivers[0].product_id}"
    return drawing(draw_bars(bars, full, heads), _box(len(bars), 1), label)


def _bin_bar(one: BinCount, colours: dict[int, str]) -> Bar:
    figures = count(one.die), number(one.share_pct), number(one.cumulative_pct)
    has_colours = one.bin_kind == "H" and bool(colours)
    css = colours.get(one.bin_num, "bin-other") if has_colours else "bar"
    return Bar(f"{one.bin_num}  {one.bin_nam or ''}".rstrip(), one.share_pct, figures, css)


def _row(place: int, bar: Bar, full: float) -> list[Markup]:
    base = _middle(place) + 4
    title = f"{bar.label}: {', '.join(bar.figures)}"
    size = _place(bar.value, full) - LABEL, ROW - 7
    return [
        tag("text", tag("title", bar.label), clip(bar.label, LABEL_CHARS), x=0, y=base),
        rect((LABEL, base - 4 - size[1] / 2), size, bar.css, title),
        *(text((_figure(n), base), figure, "end") for n, figure in enumerate(bar.figures)),
    ]


def _grid(rows: int) -> list[Markup]:
    bottom = _middle(rows) - ROW / 2
    marks = [(mark, _place(mark, 100)) for mark in (50, 100)]
    lines = [line((x, TOP), (x, bottom), "grid") for _, x in marks]
    return lines + [text((x, 14), f"{mark} %", "middle", "head") for mark, x in marks]


def _place(value: float, full: float) -> float:
    return LABEL + PLOT * (value / full if full else 0)


def _middle(row: int) -> float:
    return TOP + ROW * row + ROW / 2


def _figure(place: int) -> float:
    return LABEL + PLOT + FIGURE * (place + 1)


def _box(rows: int, figures: int) -> tuple[float, float, float, float]:
    return 0, 0, _figure(figures - 1) + 2, TOP + ROW * rows + 4
