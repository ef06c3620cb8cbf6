"""The night: every step, in the order that follows from what each reads and writes.

spark-submit --py-files dist/fabyield.zip jobs/nightly.py --conf prod
"""

import logging
import sys

import typer

from fabyield.lake.storage import write_text
from fabyield.pipeline.commands import Options, add_night_commands
from fabyield.pipeline.launch import launch
from fabyield.pipeline.night import nightly
from fabyield.pipeline.night_modes import NightMode
from fabyield.pipeline.run import Run
from fabyield.pipeline.run_history import NIGHT
from fabyield.reports.page import page
from fabyield.reports.read_night import read_night, unreadable_night
from fabyield.reports.summary import summary

log = logging.getLogger("fabyield.nightly")


def show_unfinished(night: Run) -> None:
    """Write the page and log the summary of a night that never reached the report step."""
    try:
        shown = read_night(night, is_whole=False)
    # Whatever is wrong with the lake: the page of the night before must not pass for this one's.
    except Exception as error:
        shown = unreadable_night(night, error)
    write_text(night.settings.report, page(shown))
    log.info("\n%s", summary(shown))


def start(mode: str, options: Options) -> None:
    """Run the night that the command line asks for."""
    chosen = NightMode.parse(mode)
    raise typer.Exit(
        launch(options, NIGHT, lambda settings: nightly(settings, chosen, show_unfinished))
    )


def main() -> None:
    """Run the command of a night, by default `nightly`."""
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    add_night_commands(app, start)
    words = sys.argv[1:]
    is_command = words[:1] and (words[0] == "--help" or not words[0].startswith("-"))
    app(words if is_command else ["nightly", *words])


if __name__ == "__main__":
    main()
