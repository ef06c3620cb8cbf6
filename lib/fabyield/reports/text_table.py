"""Tables of plain text in aligned columns."""

from collections.abc import Sequence

from fabyield.reports.formatting import clip

__all__ = ["WIDTH", "table"]

WIDTH = 100
GAP = 2


def table(heads: Sequence[str], rows: Sequence[Sequence[str]], names: int = 1) -> list[str]:
    """Lines of at most WIDTH characters; the first `names` columns are names, left and clipped."""
    cells = [list(heads), *(list(row) for row in rows)]
    widths = [max(len(row[place]) for row in cells) for place in range(len(heads))]
    room = WIDTH - GAP * len(widths) - sum(widths[names:])
    widths[:names] = _fitted(widths[:names], room)
    return [_line(row, widths, names) for row in cells]


def _fitted(widths: list[int], room: int) -> list[int]:
    fitted = list(widths)
    while sum(fitted) > max(room, len(fitted)):
        fitted[fitted.index(max(fitted))] -= 1
    return fitted


def _line(row: Sequence[str], widths: list[int], names: int) -> str:
    cells = [
        clip(cell, width).ljust(width) if place < names else cell.rjust(width)
        for place, (cell, width) in enumerate(zip(row, widths, strict=True))
    ]
    return (" " * GAP + (" " * GAP).join(cells)).rstrip()
