"""Commands and options of a night and of a job, the same for `fabyield` and spark-submit."""

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, NamedTuple

import typer

EXIT_CODES = (
    "Exit codes: 0 done, 1 failed, 2 wrong usage or configuration, 3 stopped by data quality."
)
Conf = Annotated[str, typer.Option(help="dev, prod or a YAML file.")]
Lake = Annotated[str | None, typer.Option(help="Root of the Delta tables.")]
Landing = Annotated[str | None, typer.Option(help="Folder with stdf/, the files from the testers.")]
Report = Annotated[str | None, typer.Option(help="Where to write the page.")]
Full = Annotated[bool, typer.Option("--full", help="Read all rows, not only new ones.")]
Date = Annotated[
    datetime, typer.Argument(formats=["%Y-%m-%d"], help="Date of arrival, YYYY-MM-DD.")
]
StepName = Annotated[str | None, typer.Argument(help="A step, as `fabyield lineage` names it.")]


class Options(NamedTuple):
    """What a run was asked for: the settings, and what replaces some of them."""

    conf: str
    lake: str | None
    landing: str | None
    report: str | None


# Called with a mode of a night as text, as NightMode.parse reads it.
Start = Callable[[str, Options], None]


def add_night_commands(app: typer.Typer, start: Start) -> None:
    """Add nightly, backfill, replay and rebuild to `app`; each calls `start`."""

    @app.command(epilog=EXIT_CODES)
    def nightly(
        conf: Conf = "dev", lake: Lake = None, landing: Landing = None, report: Report = None
    ) -> None:
        """Run the night with spark-submit: every step in order, then a summary."""
        start("night", Options(conf, lake, landing, report))

    @app.command(epilog=EXIT_CODES)
    def backfill(
        night_on: Date,
        conf: Conf = "dev",
        lake: Lake = None,
        landing: Landing = None,
        report: Report = None,
    ) -> None:
        """Reread the files that arrived on a date, and replace their rows."""
        start(f"backfill {night_on.date()}", Options(conf, lake, landing, report))

    @app.command(epilog=EXIT_CODES)
    def replay(
        conf: Conf = "dev", lake: Lake = None, landing: Landing = None, report: Report = None
    ) -> None:
        """Reread the files and tables that have rows in quarantine, after a fix."""
        start("replay", Options(conf, lake, landing, report))

    @app.command(epilog=EXIT_CODES)
    def rebuild(
        step: StepName = None,
        conf: Conf = "dev",
        lake: Lake = None,
        landing: Landing = None,
        report: Report = None,
    ) -> None:
        """Rebuild silver and gold from all of bronze, or only a step and the steps after it.

        Wafers keep their keys.
        """
        start(f"rebuild {step or ''}".strip(), Options(conf, lake, landing, report))
