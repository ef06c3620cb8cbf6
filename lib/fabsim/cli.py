"""The command `fabsim`."""

import os
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table as Grid

from fabsim.work import Runner
from fabyield.cli.console import console, run
from fabyield.errors import ConfigError, FabYieldError

Out = Annotated[
    str | None, typer.Option(help="Folder for landing/, fab.db and truth/, or its URI.")
]
Nights = Annotated[int, typer.Option(min=1, help="Nights to deliver.")]
LotsPerNight = Annotated[
    int | None,
    typer.Option(min=1, max=100_000, help="Lots started a night; default: line.lots_per_night."),
]
Seed = Annotated[
    int | None, typer.Option(min=0, help="Another seed, another fab. Default: the plan's seed.")
]
Scenario = Annotated[str, typer.Option(help="Scenario of conf/scenarios.yml; see --list.")]
WafersPerLot = Annotated[
    int | None, typer.Option(min=1, max=99, help="Wafers of a lot; default: line.wafers_per_lot.")
]
FirstNight = Annotated[int, typer.Option(min=1, help="The first night to deliver.")]
PlanFile = Annotated[
    Path | None, typer.Option(help="YAML file to use instead of conf/simulate.yml.")
]
Database = Annotated[
    str | None,
    typer.Option(
        envvar="FABSIM_DB",
        help="sqlite:///FILE or postgresql://USER@HOST/NAME (password: PGPASSWORD or .pgpass); "
        "default: fab.db in --out.",
    ),
]
Cores = Annotated[
    int | None, typer.Option(min=1, help="Processes; default: all cores. Not under spark-submit.")
]
ListScenarios = Annotated[
    bool, typer.Option("--list", help="Show the scenarios, and deliver nothing.")
]


def simulate(  # noqa: PLR0913, PLR0917
    context: typer.Context,
    out: Out = None,
    nights: Nights = 1,
    lots_per_night: LotsPerNight = None,
    seed: Seed = None,
    scenario: Scenario = "quiet",
    wafers_per_lot: WafersPerLot = None,
    first_night: FirstNight = 1,
    plan: PlanFile = None,
    database: Database = None,
    cores: Cores = None,
    list_scenarios: ListScenarios = False,
) -> None:
    """Deliver nights of a simulated fab whose truth is known.

    Night by night: STDF files of wafer sort and final test, sensor traces and tool logs below
    landing/, the factory database, and the truth below truth/. Nights may be delivered one by one:
    --first-night 3 --nights 1 adds the third to the first two.
    """
    import fabsim  # noqa: PLC0415

    if list_scenarios:
        return _print_scenarios()
    if not out:
        raise ConfigError("--out: name the folder that the fab delivers to")
    if cores and context.obj:
        raise ConfigError("--cores: spark-submit sets the cores, as in --master local[4]")
    changed = fabsim.load_plan(plan, scenario).changed(seed, lots_per_night, wafers_per_lot)
    folder = out if "://" in out else str(Path(out).absolute())
    places = fabsim.Destination.in_folder(folder, database)
    run_units = context.obj or fabsim.in_processes(cores or len(os.sched_getaffinity(0)))
    columns = (TextColumn("{task.fields[mb]:,} MB of STDF"), BarColumn(), TimeRemainingColumn())
    bar = Progress(*columns, console=Console(stderr=True))
    task = bar.add_task("units", total=None, mb=0)

    def progress(done: int, total: int, content_bytes: int) -> None:
        # Started by the first result: before that, a wrong option may still end the command.
        bar.start()
        bar.update(task, completed=done, total=total, mb=content_bytes // 1_000_000)

    try:
        asked = range(first_night, first_night + nights)
        summary = fabsim.simulate(changed, places, asked, run_units, progress)
    except OSError as error:
        raise FabYieldError(f"--out {out}: {error}") from error
    finally:
        bar.stop()
    title = f"{places.landing}, {fabsim.redacted(places.database)}"
    return _print_table(title, summary.rows())


def main(run_units: Runner | None = None) -> None:
    """Run the command; `run_units` replaces the processes of this machine."""
    commands = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    commands.command()(simulate)
    run(commands, "fabsim", run_units)


def _print_table(title: str, rows: list[tuple[str, str]]) -> None:
    grid = Grid("delivered", "number", title=title)
    for row in rows:
        grid.add_row(*row)
    console().print(grid)


def _print_scenarios() -> None:
    import fabsim  # noqa: PLC0415

    out = console()
    for name, one in fabsim.scenarios().items():
        out.print(f"[bold]{name}[/bold]: {one.about}", highlight=False)
        out.print(*(f"  - {line}" for line in one.says), "", sep="\n", highlight=False)
