"""The command `fabyield`."""

import os
import sys
from importlib.resources import as_file, files
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table as Grid

from fabyield import __version__
from fabyield.cli import fsck, lineage, stdf
from fabyield.cli.console import console, run
from fabyield.errors import ConfigError
from fabyield.settings.settings import Settings

app = typer.Typer(
    help="Nightly yield analytics for semiconductor fabs.",
    epilog="Exit codes: 0 done, 1 failed, 2 wrong usage or configuration, "
    "3 stopped by data quality.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.add_typer(stdf.app, name="stdf")
app.command()(fsck.fsck)
app.command()(lineage.lineage)
Conf = Annotated[str, typer.Option(help="dev, prod or a YAML file.")]
Lake = Annotated[str | None, typer.Option(help="Root of the Delta tables.")]
Landing = Annotated[str | None, typer.Option(help="Folder whose stdf/ the testers deliver to.")]
Report = Annotated[str | None, typer.Option(help="The page to write.")]


@app.callback(invoke_without_command=True)
def version(
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    """Nightly yield analytics for semiconductor fabs."""
    if version:
        typer.echo(f"fabyield {__version__}")
        raise typer.Exit


@app.command(context_settings={"ignore_unknown_options": False})
def nightly(
    conf: Conf = "dev", lake: Lake = None, landing: Landing = None, report: Report = None
) -> None:
    """Run the night by spark-submit: every step in its order, then a summary."""
    _submit(conf, lake, landing, report)


@app.command()
def backfill(
    night_on: Annotated[str, typer.Argument(help="Date of arrival, YYYY-MM-DD.")],
    conf: Conf = "dev",
    lake: Lake = None,
    landing: Landing = None,
    report: Report = None,
) -> None:
    """Read the files that arrived on a date again, in the place of what was read of them."""
    _submit(conf, lake, landing, report, "--backfill", night_on)


@app.command()
def replay(
    conf: Conf = "dev", lake: Lake = None, landing: Landing = None, report: Report = None
) -> None:
    """Read again the files and tables that have rows in quarantine, after a fix."""
    _submit(conf, lake, landing, report, "--replay")


@app.command()
def rebuild(
    step: Annotated[
        str | None, typer.Argument(help="A step, as fabyield lineage names it.")
    ] = None,
    conf: Conf = "dev",
    lake: Lake = None,
    landing: Landing = None,
    report: Report = None,
) -> None:
    """Make silver and gold anew from all of bronze, or the tables of a step and what follows.

    Wafers keep their keys.
    """
    _submit(conf, lake, landing, report, "--rebuild", *([step] if step else []))


def _submit(
    conf: str, lake: str | None, landing: str | None, report: str | None, *purpose: str
) -> None:
    given = {"--conf": conf, "--lake": lake, "--landing": landing, "--report": report}
    options = [word for name, value in given.items() if value for word in (name, value)]
    submit = Path(sys.prefix, "bin", "spark-submit")
    if not submit.exists():
        raise ConfigError(f"{submit}: not found; install pyspark beside fabyield")
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    with as_file(files("fabyield.jobs").joinpath("nightly.py")) as script:
        sys.stdout.flush()
        os.execv(submit, [str(submit), str(script), *options, *purpose])


@app.command()
def tables(
    name: Annotated[str | None, typer.Argument(help="A table, e.g. gold.wafer_yield.")] = None,
) -> None:
    """Print the data dictionary: all tables, or the columns of one."""
    from fabyield.lake.catalog import ALL  # noqa: PLC0415

    out = console()
    if name is None:
        grid = Grid("table", "owner", "key", "about")
        for table in ALL.values():
            grid.add_row(table.table, table.owner, ", ".join(table.key), table.about)
        out.print(grid)
        return
    if name not in ALL:
        raise ConfigError(f"{name}: no such table; `fabyield tables` lists them")
    table = ALL[name]
    grid = Grid(
        "column", "type", "unit", "required", "about", title=f"{table.table}: {table.about}"
    )
    for column, spec in table.columns.items():
        grid.add_row(column, spec.type, spec.unit or "", "yes" if spec.required else "", spec.about)
    out.print(grid)


@app.command()
def query(
    sql: Annotated[str, typer.Argument(help="SQL in DuckDB's dialect over <layer>.<table>.")],
    conf: Conf = "dev",
    lake: Lake = None,
    limit: Annotated[int, typer.Option(min=1, help="Rows to print at most.")] = 100,
) -> None:
    """Ask the lake a question in SQL; needs neither Spark nor a network."""
    from fabyield.lake.query import grid  # noqa: PLC0415

    console().print(grid(sql, Settings.load(conf, lake=lake).lake, limit))


def main() -> None:
    """Run the command."""
    run(app)
