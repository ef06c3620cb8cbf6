"""Where commands print."""

import sys

from rich.console import Console


def screen() -> Console:
    """Standard output; into a file or a pipe, tables are as wide as their values."""
    return Console() if sys.stdout.isatty() else Console(width=1000)


def complain(text: str) -> None:
    """Print one line about what went wrong on standard error."""
    console = Console(stderr=True, markup=False, highlight=False)
    console.print(f"fabyield: {text}", soft_wrap=True)
