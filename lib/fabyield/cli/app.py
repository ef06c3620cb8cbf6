"""The command `fabyield`."""

import os
import sys
from importlib.resources import as_file, files
from pathlib import Path
from typing import Annotated

import typer

from fabyield import __version__
from fabyield.cli import fsck, lineage, query, stdf, tables
from fabyield.cli.console import run
from fabyield.cli.options import Conf, Lake, Landing, Report
from fabyield.errors import ConfigError

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
app.command()(tables.tables)
app.command()(query.query)


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


def main() -> None:
    """Run the command."""
    run(app)
