"""The command `fabyield`."""

from typing import Annotated

import typer

from fabyield import __version__
from fabyield.cli import fsck, lineage, query, stdf, tables, top
from fabyield.cli.console import run
from fabyield.cli.nights import submit
from fabyield.pipeline.commands import EXIT_CODES, add_night_commands

app = typer.Typer(
    help="Nightly yield analytics for semiconductor fabs.",
    epilog=EXIT_CODES,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.add_typer(stdf.app, name="stdf")
app.command()(fsck.fsck)
app.command()(lineage.lineage)
app.command()(tables.tables)
app.command()(query.query)
app.command()(top.top)
add_night_commands(app, submit)


@app.callback(invoke_without_command=True)
def version(
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    """Nightly yield analytics for semiconductor fabs."""
    if version:
        typer.echo(f"fabyield {__version__}")
        raise typer.Exit


def main() -> None:
    """Run the command `fabyield`."""
    run(app)
