"""The command `fabyield lineage`."""

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table as Grid

from fabyield.cli.console import console, write_page
from fabyield.errors import ConfigError


def lineage(
    table: Annotated[
        str | None, typer.Argument(help="Only the steps that depend on this table.")
    ] = None,
    svg: Annotated[Path | None, typer.Option(help="Write a picture of all steps.")] = None,
) -> None:
    """Print the steps of a night in order, with the tables that each reads and writes."""
    from fabyield.lake.catalog import ALL  # noqa: PLC0415
    from fabyield.pipeline.steps import affected_steps, declared, steps  # noqa: PLC0415
    from fabyield.reports.lineage import draw_lineage  # noqa: PLC0415

    plans = {name: declared()[name] for name in steps()}
    if svg is not None:
        write_page(svg, draw_lineage(plans))
        return
    if table is not None and table not in ALL:
        raise ConfigError(f"{table}: no such table; `fabyield tables` lists them")
    grid = Grid("step", "reads", "writes", "runs", show_lines=True)
    for name in plans if table is None else affected_steps([ALL[table]], plans):
        step = plans[name]
        columns = (", ".join(t.table for t in tables) for tables in (step.reads, step.writes))
        grid.add_row(name, *columns, "every night" if step.every_night else "on changes")
    console().print(grid)
