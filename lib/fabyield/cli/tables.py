"""The command `fabyield tables`."""

from pathlib import Path
from typing import Annotated

import typer

from fabyield.cli.console import console, write_page
from fabyield.errors import ConfigError


def tables(
    name: Annotated[str | None, typer.Argument(help="A table, e.g. gold.wafer_yield.")] = None,
    markdown: Annotated[
        Path | None, typer.Option(help="Write the list to a Markdown file.")
    ] = None,
) -> None:
    """Print all tables, or the columns of one table."""
    from fabyield.lake.catalog import ALL  # noqa: PLC0415
    from fabyield.reports.data_dictionary import columns_grid, markdown_page, tables_grid  # noqa: PLC0415

    if markdown is not None:
        write_page(markdown, markdown_page(list(ALL.values())))
    elif name is None:
        console().print(tables_grid(list(ALL.values())))
    elif name in ALL:
        console().print(columns_grid(ALL[name]))
    else:
        raise ConfigError(f"{name}: no such table; `fabyield tables` lists them")
