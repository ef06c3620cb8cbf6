"""Tables of results, on the screen and as Markdown."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from rich.console import Console
from rich.table import Table as Drawn

Cells = list[str]
WIDTH = 140
NAMES = ("bench", "case", "file", "contender", "reader", "step", "run")
stderr = Console(stderr=True)


@dataclass(frozen=True)
class Table:
    """Rows of text under their heads; the first columns are names, the rest figures."""

    title: str
    heads: Cells
    rows: list[Cells] = field(default_factory=list)


def progress(line: str) -> None:
    """Say how far it is."""
    stderr.print(line, highlight=False, markup=False)


def show(tables: Sequence[Table]) -> None:
    """Print tables."""
    console = Console()
    if not console.is_terminal:
        console.width = WIDTH
    for table in tables:
        drawn = Drawn(title=table.title)
        for head in table.heads:
            drawn.add_column(head, justify="left" if head in NAMES else "right")
        for row in table.rows:
            drawn.add_row(*row)
        console.print(drawn)


def markdown(table: Table) -> list[str]:
    """Write a table in Markdown, figures to the right."""
    marks = ["---" if head in NAMES else "---:" for head in table.heads]
    return [_line(table.heads), _line(marks), *map(_line, table.rows)]


def figure(value: float | None, digits: int = 2) -> str:
    """Write a number, or nothing where there is none."""
    return "" if value is None else f"{value:,.{digits}f}"


def _line(cells: Cells) -> str:
    return f"| {' | '.join(cells)} |"
