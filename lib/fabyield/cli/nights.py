"""The commands that submit a night: `fabyield nightly`, `backfill`, `replay` and `rebuild`."""

import os
import sys
from importlib.resources import as_file, files
from pathlib import Path
from typing import Annotated

import typer

from fabyield.cli.console import Conf, Lake, Landing, Report
from fabyield.errors import ConfigError


def nightly(
    conf: Conf = "dev", lake: Lake = None, landing: Landing = None, report: Report = None
) -> None:
    """Run the night with spark-submit: every step in order, then a summary."""
    _submit(conf, lake, landing, report)


def backfill(
    night_on: Annotated[str, typer.Argument(help="Date of arrival, YYYY-MM-DD.")],
    conf: Conf = "dev",
    lake: Lake = None,
    landing: Landing = None,
    report: Report = None,
) -> None:
    """Reread the files that arrived on a date, and replace their rows."""
    _submit(conf, lake, landing, report, "--backfill", night_on)


def replay(
    conf: Conf = "dev", lake: Lake = None, landing: Landing = None, report: Report = None
) -> None:
    """Reread the files and tables that have rows in quarantine, after a fix."""
    _submit(conf, lake, landing, report, "--replay")


def rebuild(
    step: Annotated[
        str | None, typer.Argument(help="A step, as fabyield lineage names it.")
    ] = None,
    conf: Conf = "dev",
    lake: Lake = None,
    landing: Landing = None,
    report: Report = None,
) -> None:
    """Rebuild silver and gold from all of bronze, or only a step and the steps after it.

    Wafers keep their keys.
    """
    _submit(conf, lake, landing, report, "--rebuild", *([step] if step else []))


def _submit(
    conf: str, lake: str | None, landing: str | None, report: str | None, *mode: str
) -> None:
    given = {"--conf": conf, "--lake": lake, "--landing": landing, "--report": report}
    options = [word for name, value in given.items() if value for word in (name, value)]
    submit = Path(sys.prefix, "bin", "spark-submit")
    if not submit.exists():
        raise ConfigError(f"{submit}: not found; install pyspark in the same environment")
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    with as_file(files("fabyield.jobs").joinpath("nightly.py")) as script:
        sys.stdout.flush()
        os.execv(submit, [str(submit), str(script), *options, *mode])
