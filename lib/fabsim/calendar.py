"""Nights, spans and clocks; all times are whole seconds since 1970 in UTC."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from fabsim.arrays import Bools, Ints

DAY, HOUR, MINUTE = 86_400, 3_600, 60
MICROSECONDS = 1_000_000
# Later than any event.
NEVER = 2**62


@dataclass(frozen=True)
class Span:
    """Times from `begins` up to, but not including, `ends`."""

    begins: int
    ends: int

    def contains(self, at: int) -> bool:
        """Return whether `at` lies in the span."""
        return self.begins <= at < self.ends

    def mask(self, at: Ints) -> Bools:
        """Return which of the times `at` lie in the span."""
        return (self.begins <= at) & (at < self.ends)


@dataclass(frozen=True)
class Calendar:
    """Night 1 is the local day `first_on`; the events of a day are delivered that night."""

    first_on: date
    zone: str

    def night_on(self, night: int) -> date:
        """Return the local date of a night."""
        return self.first_on + timedelta(days=night - 1)

    def number(self, on: date) -> int:
        """Return the night of a local date."""
        return (on - self.first_on).days + 1

    def begins(self, night: int) -> int:
        """Return the local midnight at which the day of a night begins."""
        midnight = datetime.combine(self.night_on(night), time(), ZoneInfo(self.zone))
        return int(midnight.timestamp())

    def ends(self, night: int) -> int:
        """Return when the day of a night is over and the night is delivered."""
        return self.begins(night + 1)

    def span(self, night: int) -> Span:
        """Return the whole day of a night."""
        return Span(self.begins(night), self.ends(night))

    def night_of(self, at: int) -> int:
        """Return the night of a time; 0 and below lie before the first night."""
        return self.number(datetime.fromtimestamp(at, ZoneInfo(self.zone)).date())

    def local(self, at: int) -> int:
        """Return what a local clock shows at `at`, in STDF's seconds."""
        offset = datetime.fromtimestamp(at, ZoneInfo(self.zone)).utcoffset() or timedelta()
        return at + int(offset.total_seconds())


def utc(at: int) -> datetime:
    """Return `at` as a datetime in UTC."""
    return datetime.fromtimestamp(at, UTC)
