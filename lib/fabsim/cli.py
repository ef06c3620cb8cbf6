"""The command `fabsim`."""

import os
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table as Grid

from fabsim.work import Each
from fabyield.cli.console import console, run
from fabyield.errors import ConfigError, FabYieldError

MEGA = 1_000_000


def simulate(  # noqa: PLR0913, PLR0917
    context: typer.Context,
    out: Annotated[
        str | None, typer.Option(help="Folder for landing/, fab.db and truth/, or its URI.")
    ] = None,
    nights: Annotated[int, typer.Option(min=1, help="Nights to deliver.")] = 1,
    lots_per_night: Annotated[
        int | None,
        typer.Option(
            min=1, max=100_000, help="Lots started a night; default: line.lots_per_night."
        ),
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option(min=0, help="Another seed, another fab. Default: the plan's seed."),
    ] = None,
    scenario: Annotated[
        str, typer.Option(help="Scenario from conf/scenarios.yml (--list shows them).")
    ] = "quiet",
    wafers_per_lot: Annotated[
        int | None,
        typer.Option(min=1, max=99, help="Wafers of a lot; default: line.wafers_per_lot."),
    ] = None,
    first_night: Annotated[int, typer.Option(min=1, help="The first night to deliver.")] = 1,
    plan: Annotated[
        Path | None, typer.Option(help="YAML file to use in the place of conf/simulate.yml.")
    ] = None,
    database: Annotated[
        str | None,
        typer.Option(
            envvar="FABSIM_DB",
            help="sqlite:///FILE or postgresql://USER@HOST/NAME (password: PGPASSWORD or .pgpass); "
            "default: fab.db in --out.",
        ),
    ] = None,
    cores: Annotated[
        int | None,
        typer.Option(min=1, help="Processes; default: all cores. Not under spark-submit."),
    ] = None,
    list_scenarios: Annotated[
        bool, typer.Option("--list", help="Show the scenarios, and deliver nothing.")
    ] = False,
) -> None:
    """Deliver nights of a simulated fab whose truth is known.

    Night by night: STDF files of wafer sort and final test, sensor traces and tool logs below
    landing/, the factory database, and the truth below truth/. Nights may be delivered one by one:
    --first-night 3 --nights 1 adds the third to the first two.
    """
    import fabsim  # noqa: PLC0415

    if list_scenarios:
        return _list()
    if not out:
        raise ConfigError("--out: name the folder that the fab delivers to")
    if cores and context.obj:
        raise ConfigError("--cores: spark-submit says how many, as in --master local[4]")
    chosen = fabsim.load_plan(plan, scenario).changed(seed, lots_per_night, wafers_per_lot)
    places = fabsim.Out.below(out if "://" in out else str(Path(out).absolute()), database)
    # Whoever calls may have more to work on than the cores of one machine.
    each = context.obj or fabsim.in_processes(cores or len(os.sched_getaffinity(0)))
    bar = _bar()
    task = bar.add_task("units", total=None, mb=0)

    def progress(done: int, of: int, content: int) -> None:
        # Not before something is done: what is asked for may be wrong.
        bar.start()
        bar.update(task, completed=done, total=of, mb=content // MEGA)

    try:
        asked = range(first_night, first_night + nights)
        summary = fabsim.simulate(chosen, places, asked, each, progress)
    except OSError as error:
        raise FabYieldError(f"--out {out}: {error}") from error
    finally:
        bar.stop()
    _tell(summary.rows(), f"{places.landing}, {fabsim.shown(places.database)}")
    return None


def main(each: Each | None = None) -> None:
    """Run the command; `each` does its work, by default processes of this machine."""
    commands = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    commands.command()(simulate)
    run(commands, "fabsim", each)


def _bar() -> Progress:
    columns = (TextColumn("{task.fields[mb]:,} MB of STDF"), BarColumn(), TimeRemainingColumn())
    return Progress(*columns, console=Console(stderr=True))


def _list() -> None:
    import fabsim  # noqa: PLC0415

    out = console()
    for name, one in fabsim.scenarios().items():
        out.print(f"[bold]{name}[/bold]: {one.about}", highlight=False)
        out.print(*(f"  - {says}" for says in one.says), "", sep="\n", highlight=False)


def _tell(rows: list[tuple[str, str]], title: str) -> None:
    grid = Grid("delivered", "number", title=title)
    for row in rows:
        grid.add_row(*row)
    console().print(grid)
