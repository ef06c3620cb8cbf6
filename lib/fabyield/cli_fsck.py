"""The command `fabyield fsck`."""

from typing import Annotated

import typer
from rich.table import Table as Grid
from rich.text import Text

from fabyield.errors import ConfigError
from fabyield.files import exists
from fabyield.screen import screen
from fabyield.settings import Settings

FOUND = 1


def fsck(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[TABLE]...", help="Default: all tables.")
    ] = None,
    conf: Annotated[str, typer.Option(help="dev, prod or a YAML file.")] = "dev",
    lake: Annotated[str | None, typer.Option(help="Root of the Delta tables.")] = None,
    deep: Annotated[bool, typer.Option("--deep", help="Read every page of every file.")] = False,
    repair: Annotated[
        bool, typer.Option("--repair", help="Mend what can be mended without losing a row.")
    ] = False,
) -> None:
    """Look for damage in the files of the lake, without Spark, and name what mends it.

    Exit codes: 0 nothing is damaged, or all was mended; 1 something is; 2 wrong usage.
    """
    from fabyield.fsck import check, mend  # noqa: PLC0415
    from fabyield.launch import alone_in  # noqa: PLC0415
    from fabyield.tables import ALL  # noqa: PLC0415

    if unknown := sorted(set(names or ()) - set(ALL)):
        raise ConfigError(f"{', '.join(unknown)}: no such table; `fabyield tables` lists them")
    settings = Settings.load(conf, lake=lake)
    if not exists(settings.lake):
        raise ConfigError(f"{settings.lake}: no lake there; give --lake")
    chosen = [table for name, table in ALL.items() if name in (names or ALL)]
    found = list(check(settings.lake, chosen, settings.maintain, deep))
    damaged = [finding for finding in found if not finding.told]
    if repair:
        alone_in(settings.lake, lambda: mend(damaged))
    left = [finding for finding in damaged if finding.mend is None or not repair]
    grid = Grid("table", "what", "file", "repair")
    for one in found:
        done = "done: " if repair and one.mend else ""
        grid.add_row(*(Text(t) for t in (one.table, one.what, one.file, done + one.repair)))
    if found:
        screen().print(grid)
    if left:
        raise typer.Exit(FOUND)
