"""How numbers and names are written: the same on the page and in the terminal."""

import re
from math import isnan

from fabyield.errors import plain

__all__ = ["MISSING", "clip", "count", "named", "natural", "number", "percent", "plain", "signed"]

MISSING = "\u2013"


def named(name: str | None) -> str:
    """Write a name, or that it is missing."""
    return MISSING if name is None else plain(name)


def clip(text: str | None, width: int) -> str:
    """At most `width` characters of `text`, with an ellipsis where it was cut."""
    shown = named(text)
    return shown if len(shown) <= width else shown[: width - 1] + "…"


def count(value: int | None) -> str:
    """`1234567` as `1,234,567`."""
    return MISSING if value is None else f"{value:,}"


def _is_missing(value: float | None) -> bool:
    return value is None or isnan(value)


def number(value: float | None, digits: int = 2) -> str:
    """Write a number with thousands separators and `digits` decimals."""
    return MISSING if _is_missing(value) else f"{value:,.{digits}f}"


def signed(value: float | None, digits: int = 2) -> str:
    """Write a number with its sign, so that a direction reads without colour."""
    return MISSING if _is_missing(value) else f"{value:+,.{digits}f}"


def percent(value: float | None, digits: int = 2) -> str:
    """Write a percentage (0-100) with its unit."""
    return MISSING if _is_missing(value) else f"{value:,.{digits}f} %"


def natural(name: str | None) -> list[str | int]:
    """Sort key that puts W2 before W10."""
    parts = re.split(r"(\d+)", name or "")
    return [int(part) if place % 2 else part for place, part in enumerate(parts)]
