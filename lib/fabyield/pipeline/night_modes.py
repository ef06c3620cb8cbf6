"""What a night is for: the files that have arrived, those of an earlier night, or a rebuild."""

import argparse
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from fabyield.errors import ConfigError
from fabyield.pipeline.steps import can_be_rebuilt, rebuilt_with


class Kind(StrEnum):
    """Which rows a night takes up.

    night: new files, and what changed; backfill: the files of an earlier night, read again;
    replay: files and rows that stand in quarantine, read again; rebuild: silver and gold, from all
    of bronze.
    """

    NIGHT = "night"
    BACKFILL = "backfill"
    REPLAY = "replay"
    REBUILD = "rebuild"


SOURCES = ("stdf_files", "fab_tables")
EVERY_STEP = "all"


@dataclass(frozen=True)
class NightMode:
    """A kind and, of a backfill, the night, of a rebuild perhaps the one step.

    As text in ops.runs, so that it can be resumed.
    """

    kind: Kind = Kind.NIGHT
    night_on: date | None = None
    step: str | None = None

    @classmethod
    def parse(cls, text: str) -> "NightMode":
        """Read what str() of a mode wrote; raises ConfigError for anything else."""
        kind, _, more = text.partition(" ")
        try:
            if kind == Kind.REBUILD:
                return cls(Kind.REBUILD, step=more or None)
            return cls(Kind(kind), date.fromisoformat(more) if more else None)
        except ValueError as error:
            raise ConfigError(f"{text!r}: no mode of a night: {error}") from error

    def __str__(self) -> str:
        more = self.night_on or self.step
        return f"{self.kind} {more}" if more else str(self.kind)

    def takes(self, step: str) -> bool:
        """Whether `step` is part of it: a backfill leaves the factory's tables as they are."""
        left_out = {Kind.BACKFILL: SOURCES[1:], Kind.REBUILD: SOURCES}
        return step not in left_out.get(self.kind, ())

    def takes_all(self, step: str) -> bool:
        """Whether `step` takes all rows, and not only the new ones."""
        if self.kind is Kind.REBUILD:
            return step in rebuilt_with(self.step) if self.step else can_be_rebuilt(step)
        return self.kind is Kind.REPLAY and step == "fab_tables"


NEW_FILES = NightMode()


def add_night_modes(parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
    """Add the options that ask for another night than that of what has arrived."""
    group = parser.add_mutually_exclusive_group()
    group.add_argument(
        "--backfill",
        metavar="DATE",
        type=date.fromisoformat,
        help="read the files that arrived on DATE (YYYY-MM-DD) again, in the place of their rows",
    )
    group.add_argument(
        "--replay",
        action="store_true",
        help="read again the files and tables that have rows in quarantine, after a fix",
    )
    group.add_argument(
        "--rebuild",
        metavar="STEP",
        nargs="?",
        const=EVERY_STEP,
        help="make silver and gold anew from all of bronze, or the tables of STEP and what follows",
    )
    return parser


def chosen(given: argparse.Namespace) -> NightMode:
    """The mode that the options of `add_night_modes` ask for."""
    if given.backfill:
        return NightMode(Kind.BACKFILL, given.backfill)
    if given.rebuild:
        return NightMode(Kind.REBUILD, step=None if given.rebuild == EVERY_STEP else given.rebuild)
    return NightMode(Kind.REPLAY if given.replay else Kind.NIGHT)
