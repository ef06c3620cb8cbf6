"""How numbers, names and text tables are written, on the page and in the terminal."""

import re
from collections.abc import Sequence
from math import isnan

from fabyield.errors import plain

MISSING = "\u2013"
WIDTH = 100
GAP = 2


def or_dash(name: str | None) -> str:
    """Return a printable name, or a dash if it is missing."""
    return MISSING if name is None else plain(name)


def clip(text: str | None, width: int) -> str:
    """Return at most `width` characters of `text`; an ellipsis marks a cut."""
    shown = or_dash(text)
    return shown if len(shown) <= width else shown[: width - 1] + "…"


def count(value: int | None) -> str:
    """Return `1234567` as `1,234,567`."""
    return _written(value, ",")


def number(value: float | None, digits: int = 2) -> str:
    """Return a number with thousands separators and `digits` decimals."""
    return _written(value, f",.{digits}f")


def figures(value: float | None, digits: int = 4) -> str:
    """Return a number with `digits` decimals or, if it is small, as many significant digits."""
    if value is None or isnan(value) or not 0 < abs(value) < 0.1:
        return number(value, digits)
    return f"{value:.{digits}g}"


def signed(value: float | None, digits: int = 2) -> str:
    """Return a number with its sign, so that its direction is clear without colour."""
    return _written(value, f"+,.{digits}f")


def percent(value: float | None, digits: int = 2) -> str:
    """Return a percentage (0-100) with its unit."""
    return _written(value, f",.{digits}f", " %")


def natural_key(name: str | None) -> list[str | int]:
    """Return a sort key that puts W2 before W10."""
    parts = re.split(r"(\d+)", name or "")
    return [int(part) if place % 2 else part for place, part in enumerate(parts)]


def text_table(heads: Sequence[str], rows: Sequence[Sequence[str]], names: int = 1) -> list[str]:
    """Return lines of at most WIDTH columns; the first `names` columns are names and are clipped.

    Names are aligned left, figures right.
    """
    cells = [list(heads), *(list(row) for row in rows)]
    widths = [max(len(row[place]) for row in cells) for place in range(len(heads))]
    room = WIDTH - GAP * len(widths) - sum(widths[names:])
    while sum(widths[:names]) > max(room, names):
        widths[widths.index(max(widths[:names]))] -= 1
    return [_line(row, widths, names) for row in cells]


def _line(row: Sequence[str], widths: list[int], names: int) -> str:
    cells = [
        clip(cell, width).ljust(width) if place < names else cell.rjust(width)
        for place, (cell, width) in enumerate(zip(row, widths, strict=True))
    ]
    return "".join(" " * GAP + cell for cell in cells).rstrip()


def _written(value: float | None, form: str, unit: str = "") -> str:
    return MISSING if value is None or isnan(value) else f"{value:{form}}{unit}"
