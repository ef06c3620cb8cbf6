"""What a night processes: new files, those of an earlier night again, or a rebuild."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from fabyield.errors import ConfigError
from fabyield.pipeline.steps import can_be_rebuilt, rebuilt_with


class Kind(StrEnum):
    """The kind of a night.

    night: new files, and what changed; backfill: the files of an earlier night again; replay: files
    and rows in quarantine again; rebuild: silver and gold, from all of bronze.
    """

    NIGHT = "night"
    BACKFILL = "backfill"
    REPLAY = "replay"
    REBUILD = "rebuild"


SOURCES = ("stdf_files", "fab_tables")


@dataclass(frozen=True)
class NightMode:
    """A kind, with the night of a backfill or the single step of a rebuild."""

    kind: Kind = Kind.NIGHT
    night_on: date | None = None
    step: str | None = None

    @classmethod
    def parse(cls, text: str) -> "NightMode":
        """Read the text that str() of a mode gives; raise ConfigError for anything else."""
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

    def includes(self, step: str) -> bool:
        """Return whether the night runs `step`; a backfill leaves the factory's tables alone."""
        left_out = {Kind.BACKFILL: SOURCES[1:], Kind.REBUILD: SOURCES}
        return step not in left_out.get(self.kind, ())

    def takes_all_rows(self, step: str) -> bool:
        """Return whether `step` takes all rows, not only the new ones."""
        if self.kind is Kind.REBUILD:
            return step in rebuilt_with(self.step) if self.step else can_be_rebuilt(step)
        return self.kind is Kind.REPLAY and step == "fab_tables"


NEW_FILES = NightMode()
