"""How commands print and exit."""

import sys
from pathlib import Path

import typer
from rich.console import Console

from fabyield.errors import ConfigError, FabYieldError


def console() -> Console:
    """Return standard output; in a file or a pipe, tables are as wide as their values."""
    return Console() if sys.stdout.isatty() else Console(width=1000)


def print_error(text: str, program: str = "fabyield") -> None:
    """Print one line of an error on standard error."""
    stderr = Console(stderr=True, markup=False, highlight=False)
    stderr.print(f"{program}: {text}", soft_wrap=True)


def write_page(path: Path, text: str) -> None:
    """Write `text` to `path`; raise FabYieldError if it cannot be written."""
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise FabYieldError(f"{path}: cannot be written: {error.strerror}") from error


def run(commands: typer.Typer, program: str = "fabyield", context: object = None) -> None:
    """Run a command of `program` with `context` as its context object.

    A FabYieldError becomes one line and exit code 1, or 2 if the usage or the conf is wrong.
    """
    try:
        commands(obj=context)
    except FabYieldError as error:
        print_error(str(error), program)
        sys.exit(2 if isinstance(error, ConfigError) else 1)
