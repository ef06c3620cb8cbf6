"""The command `fabyield fsck`."""

from collections.abc import Sequence
from typing import Annotated

import typer
from rich.table import Table as Grid
from rich.text import Text

from fabyield.cli.console import console
from fabyield.errors import ConfigError
from fabyield.lake.fsck.finding import Finding
from fabyield.pipeline.commands import Conf, Lake
from fabyield.settings.settings import Settings

FOUND = 1


def fsck(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[TABLE]...", help="Default: all tables.")
    ] = None,
    conf: Conf = "dev",
    lake: Lake = None,
    deep: Annotated[bool, typer.Option("--deep", help="Read every page of every file.")] = False,
    repair: Annotated[
        bool, typer.Option("--repair", help="Repair what can be repaired without losing a row.")
    ] = False,
) -> None:
    """Find damaged files in the lake, without Spark, and show how to repair them.

    Exit codes: 0 nothing is damaged, or all is repaired; 1 something is damaged; 2 wrong usage.
    """
    from fabyield.lake.catalog import ALL  # noqa: PLC0415
    from fabyield.lake.fsck.check import check  # noqa: PLC0415
    from fabyield.lake.fsck.repair import fix_all  # noqa: PLC0415
    from fabyield.lake.layout import check_layout  # noqa: PLC0415
    from fabyield.lake.locks.single_writer import as_single_writer  # noqa: PLC0415
    from fabyield.lake.storage import exists  # noqa: PLC0415

    if unknown := sorted(set(names or ()) - set(ALL)):
        raise ConfigError(f"{', '.join(unknown)}: no such table; `fabyield tables` lists them")
    settings = Settings.load(conf, lake=lake)
    if not exists(settings.lake):
        raise ConfigError(f"{settings.lake}: no lake there; give --lake")
    check_layout(settings.lake)
    chosen = [table for name, table in ALL.items() if name in (names or ALL)]
    found: list[Finding] = []

    def look() -> None:
        found.extend(check(settings.lake, chosen, settings.maintain, deep))
        if repair:
            fix_all(found)

    if repair:
        as_single_writer(settings.lake, look, settings.lease, "fsck --repair")
    else:
        look()
    repaired = [one for one in found if repair and one.fix]
    if found:
        console().print(_grid(found, repaired))
    console().print(f"tables: {len(chosen):,}, findings: {len(found):,}")
    if any(one not in repaired and not one.is_harmless for one in found):
        raise typer.Exit(FOUND)


def _grid(found: Sequence[Finding], repaired: Sequence[Finding]) -> Grid:
    grid = Grid("table", "what", "file", "repair")
    for one in found:
        repair = f"done: {one.repair}" if one in repaired else one.repair
        # As Text, because rich would read brackets in names as markup.
        grid.add_row(*(Text(cell) for cell in (one.table, one.what, one.file, repair)))
    return grid
