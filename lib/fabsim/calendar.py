"""Nights, and the clocks that tell them; all times are whole seconds since 1970, UTC."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

DAY, HOUR, MINUTE = 86_400, 3_600, 60
MICROSECONDS = 1_000_000
# Later than anything that happens.
NEVER = 2**62


@dataclass(frozen=True)
class Calendar:
    """Night 1 is the local day `first_on`; what happens on a day is delivered that night."""

    first_on: date
    zone: str

    def night_on(self, night: int) -> date:
        """The local date of a night."""
        return self.first_on + timedelta(days=night - 1)

    def number(self, on: date) -> int:
        """The night of a local date."""
        return (on - self.first_on).days + 1

    def begins(self, night: int) -> int:
        """When a night's day begins."""
        midnight = datetime.combine(self.night_on(night), time(), ZoneInfo(self.zone))
        return int(midnight.timestamp())

    def ends(self, night: int) -> int:
        """When a night's day is over, and it is delivered."""
        return self.begins(night + 1)

    def night_of(self, at: int) -> int:
        """The night in which `at` lies; 0 and below are before the first."""
        return self.number(datetime.fromtimestamp(at, ZoneInfo(self.zone)).date())

    def local(self, at: int) -> int:
        """What a tester's clock shows at `at`, in STDF's seconds."""
        moment = datetime.fromtimestamp(at, ZoneInfo(self.zone))
        return at + int((moment.utcoffset() or timedelta()).total_seconds())


def utc(at: int) -> datetime:
    """`at` as a time with its zone."""
    return datetime.fromtimestamp(at, UTC)
