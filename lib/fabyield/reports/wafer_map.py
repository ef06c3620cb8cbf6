"""Wafer maps: every die in its place, good die pale, fail bins in colour."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from math import hypot

from markupsafe import Markup

from fabyield.reports.formatting import count, or_dash
from fabyield.reports.night_data import Die, WaferMap
from fabyield.reports.svg import drawing, rect, tag

SIDE = 200.0
COLOURS = 7
GAP = 0.08
NOTCH = {"U": 180, "L": 90, "D": 0, "R": 270}
WORDS = {"U": "up", "D": "down", "L": "left", "R": "right"}


@dataclass(frozen=True)
class Swatch:
    """One entry of the legend: CSS class, label, and die on all maps."""

    css: str
    label: str
    die: int


@dataclass(frozen=True)
class _Grid:
    """The die grid of a wafer in a square of side SIDE, so that a full wafer is round."""

    left: int
    right: int
    low: int
    high: int
    pos_x: str
    pos_y: str

    @property
    def cell(self) -> tuple[float, float]:
        columns, rows = self.right - self.left + 1, self.high - self.low + 1
        # The limits keep the cells of a few die from becoming ribbons.
        return SIDE / max(columns, rows / 4), SIDE / max(rows, columns / 4)

    def corner(self, die: Die) -> tuple[float, float]:
        column = self.right - die.x_coord if self.pos_x == "L" else die.x_coord - self.left
        row = die.y_coord - self.low if self.pos_y == "D" else self.high - die.y_coord
        return column * self.cell[0], row * self.cell[1]


def bin_colours(maps: Iterable[WaferMap]) -> dict[int, str]:
    """Return the CSS class of each failing hard bin, most frequent first, for all maps."""
    fails = Counter(
        die.hard_bin
        for wafer in maps
        for die in wafer.die
        if die.final_pass is False and die.hard_bin is not None
    )
    ranked = sorted(fails, key=lambda hard_bin: (-fails[hard_bin], hard_bin))
    return {hard_bin: f"bin-{place}" for place, hard_bin in enumerate(ranked[:COLOURS], 1)}


def legend(maps: Iterable[WaferMap], colours: dict[int, str]) -> list[Swatch]:
    """Return the meaning of the colours of `maps`, with the number of die of each."""
    css = Counter(die_class(die, colours) for wafer in maps for die in wafer.die)
    names = {"bin-good": "good"}
    names |= {name: f"hard bin {hard_bin}, fail" for hard_bin, name in colours.items()}
    names |= {"bin-other": "other fail bins", "bin-unknown": "no valid verdict"}
    return [Swatch(name, label, css[name]) for name, label in names.items() if css[name]]


def die_class(die: Die, colours: dict[int, str]) -> str:
    """Return the CSS class of a die."""
    if die.final_pass is None:
        return "bin-unknown"
    if die.final_pass:
        return "bin-good"
    return "bin-other" if die.hard_bin is None else colours.get(die.hard_bin, "bin-other")


def orientation(wafer: WaferMap) -> str:
    """Return where the notch and the axes of a map point, and what was not recorded."""
    notch = WORDS.get(wafer.wf_flat or "")
    axes = f"x {WORDS.get(wafer.pos_x or '', 'right')}, y {WORDS.get(wafer.pos_y or '', 'up')}"
    assumed = "" if wafer.pos_x and wafer.pos_y else " (assumed)"
    return f"{f'notch {notch}' if notch else 'notch not recorded'}, {axes}{assumed}"


def draw_wafer(wafer: WaferMap, colours: dict[int, str]) -> Markup:
    """Draw one wafer; the drawing is empty if no die has coordinates."""
    label = f"Wafer map of lot {or_dash(wafer.lot_id)}, wafer {or_dash(wafer.wafer_id)}"
    if not wafer.die:
        return drawing([], (0, 0, SIDE, SIDE), label)
    columns, rows = [die.x_coord for die in wafer.die], [die.y_coord for die in wafer.die]
    directions = wafer.pos_x or "R", wafer.pos_y or "U"
    grid = _Grid(min(columns), max(columns), min(rows), max(rows), *directions)
    centre, radius = _circle(grid, wafer.die)
    fails = [_fail(die, grid, colours) for die in wafer.die if not die.final_pass]
    edge = tag("circle", class_="edge", cx=centre[0], cy=centre[1], r=radius)
    parts = [edge, *_notch(wafer, centre, radius), *_good(wafer.die, grid), *fails]
    left, top, side = centre[0] - radius - 2, centre[1] - radius - 2, 2 * radius + 4
    return drawing(parts, (left, top, side, side), label)


def _circle(grid: _Grid, die: list[Die]) -> tuple[tuple[float, float], float]:
    width, height = grid.cell
    x_half = (grid.right - grid.left + 1) * width / 2
    y_half = (grid.high - grid.low + 1) * height / 2
    reach = (
        hypot(abs(x + width / 2 - x_half) + width / 2, abs(y + height / 2 - y_half) + height / 2)
        for x, y in (grid.corner(one) for one in die)
    )
    return (x_half, y_half), max(reach) + 3


def _notch(wafer: WaferMap, centre: tuple[float, float], radius: float) -> list[Markup]:
    if wafer.wf_flat not in NOTCH:
        return []
    x, bottom = centre[0], centre[1] + radius
    turn = f"rotate({NOTCH[wafer.wf_flat]} {x:.2f} {centre[1]:.2f})"
    points = f"{x - 6:.2f},{bottom + 1:.2f} {x:.2f},{bottom - 8:.2f} {x + 6:.2f},{bottom + 1:.2f}"
    return [tag("polygon", class_="notch", points=points, transform=turn)]


def _good(die: list[Die], grid: _Grid) -> list[Markup]:
    # One path for all good die of a bin keeps the page small.
    bins = sorted({one.hard_bin for one in die if one.final_pass}, key=lambda b: (b is None, b))
    width, height = (side * (1 - GAP) for side in grid.cell)
    step = f"h{width:.2f}v{height:.2f}h{-width:.2f}z"
    drawn = []
    for hard_bin in bins:
        corners = [grid.corner(d) for d in die if d.final_pass and d.hard_bin == hard_bin]
        path = "".join(f"M{x:.2f} {y:.2f}{step}" for x, y in corners)
        title = f"{_bin(hard_bin)}, good: {count(len(corners))} die"
        drawn.append(tag("path", tag("title", title), class_="bin-good", d=path))
    return drawn


def _fail(die: Die, grid: _Grid, colours: dict[int, str]) -> Markup:
    verdict = "no valid verdict" if die.final_pass is None else "fail"
    title = f"x {die.x_coord}, y {die.y_coord}: {_bin(die.hard_bin)}, {verdict}"
    width, height = grid.cell
    size = width * (1 - GAP), height * (1 - GAP)
    return rect(grid.corner(die), size, die_class(die, colours), title)


def _bin(hard_bin: int | None) -> str:
    return "no hard bin" if hard_bin is None else f"hard bin {hard_bin}"
