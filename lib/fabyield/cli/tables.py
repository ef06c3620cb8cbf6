"""The command `fabyield tables`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table as Grid

from fabyield.cli.console import console
from fabyield.errors import ConfigError

if TYPE_CHECKING:
    from fabyield.lake.table import Table

HEADS = {
    "bronze": "as it came",
    "silver": "joined to wafers and decided",
    "gold": "the answers",
    "ops": "what ran, and what was refused",
}
PAGE = """# Tables

<!-- Written by `make tables` from schemas/. -->

Every table is a Delta table in `<lake>/<layer>/<table>`.
`fabyield tables gold.wafer_yield` prints the columns of one, with types and units.
"""


def tables(
    name: Annotated[str | None, typer.Argument(help="A table, e.g. gold.wafer_yield.")] = None,
    markdown: Annotated[Path | None, typer.Option(help="Write the list as a page.")] = None,
) -> None:
    """Print the data dictionary: all tables, or the columns of one."""
    from fabyield.lake.catalog import ALL  # noqa: PLC0415

    if markdown is not None:
        markdown.write_text(page(list(ALL.values())), encoding="utf-8")
    elif name is None:
        console().print(_all(list(ALL.values())))
    elif name in ALL:
        console().print(_one(ALL[name]))
    else:
        raise ConfigError(f"{name}: no such table; `fabyield tables` lists them")


def page(tables: "list[Table]") -> str:
    """The list of `tables` by layer, as a page in Markdown."""
    lines = [PAGE]
    for layer, head in HEADS.items():
        lines += [f"## {layer}: {head}\n", "| table | about | key | owner |", "|---|---|---|---|"]
        for table in (table for table in tables if table.layer == layer):
            key = ", ".join(f"`{column}`" for column in table.key)
            lines.append(f"| `{table.table}` | {table.about} | {key} | {table.owner} |")
        lines.append("")
    return "\n".join(lines)


def _all(tables: "list[Table]") -> Grid:
    grid = Grid("table", "owner", "key", "about")
    for table in tables:
        grid.add_row(table.table, table.owner, ", ".join(table.key), table.about)
    return grid


def _one(table: "Table") -> Grid:
    title = f"{table.table}: {table.about}"
    grid = Grid("column", "type", "unit", "required", "about", title=title)
    for column, spec in table.columns.items():
        grid.add_row(column, spec.type, spec.unit or "", "yes" if spec.required else "", spec.about)
    return grid
