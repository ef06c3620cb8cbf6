"""A simulated fab delivers its nights: files, factory database, and what is true of them."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from typing import Self

from fabsim import truth
from fabsim.factory.database import checked, deliver, lots_in, of_file, shown
from fabsim.factory.rows import Span
from fabsim.line.history import Built
from fabsim.plan.bounds import MOST_NIGHTS
from fabsim.plan.plan import Plan
from fabsim.plan_check import check
from fabsim.plan_record import begin, is_begun
from fabsim.work import Each, Made, Row, Work, parquet
from fabyield.errors import ConfigError
from fabyield.lake.storage import listed, write_bytes

# STDF counts seconds since 1970 in 32 bits.
LAST_NIGHT = date(2105, 12, 31)
# Truths of which each night has its own file; the others are written anew.
NIGHTLY = ("wafers", "yields", "files", "sensor_faults", "alarms")


@dataclass(frozen=True)
class Out:
    """Where a fab delivers: folders as paths or URIs, and the database's URL.

    Raises ConfigError where the URL is wrong, before anything is delivered.
    """

    landing: str
    truth: str
    database: str

    def __post_init__(self) -> None:
        checked(self.database)

    @classmethod
    def below(cls, root: str, database: str | None = None) -> Self:
        """`landing`, `truth` and, unless a database is given, `fab.db` in one folder."""
        root = root.rstrip("/")
        if database is None and "://" in root:
            raise ConfigError(f"{root}: SQLite needs a disk; give the URL of a database")
        return cls(f"{root}/landing", f"{root}/truth", database or of_file(f"{root}/fab.db"))


@dataclass
class Summary:
    """What has been delivered."""

    lots: int = 0
    files: Counter[str] = field(default_factory=Counter)
    content_bytes: int = 0
    database: dict[str, int] = field(default_factory=dict)

    def rows(self) -> list[tuple[str, str]]:
        """All of it, named and counted, for people."""
        return [
            ("lots tested", f"{self.lots:,}"),
            ("MB of STDF, decompressed", f"{self.content_bytes / 1e6:,.1f}"),
            *((f"files: {name}", f"{count:,}") for name, count in sorted(self.files.items())),
            *((f"database rows: {name}", f"{count:,}") for name, count in self.database.items()),
        ]


def simulate(
    plan: Plan,
    out: Out,
    nights: range,
    each: Each,
    progress: Callable[[int, int, int], object] = lambda *_: None,
) -> Summary:
    """Deliver `nights`, numbered from 1; the nights before are those of another call.

    `progress` is told how many units of work are done, of how many, and the bytes of STDF so far.
    Nights delivered one by one or again are the same. Raises ConfigError where the truth would
    stand where the pipeline reads, the fab was begun with another plan or its database is another
    fab's, a night before them is missing, or there is none.
    """
    check(plan)
    if not nights or not 1 <= nights.start <= nights.stop - 1 <= MOST_NIGHTS:
        asked = f"nights {nights.start} to {nights.stop - 1}"
        raise ConfigError(f"{asked}: use at least 1, from 1 to {MOST_NIGHTS:,}")
    if (last := plan.calendar.night_on(nights.stop - 1)) > LAST_NIGHT:
        raise ConfigError(f"night {nights.stop - 1}: {last} is after {LAST_NIGHT}")
    if f"{out.truth}/".startswith(f"{out.landing}/"):
        raise ConfigError(f"truth {out.truth} is inside {out.landing}; choose a folder outside")
    known = _last_known(plan, out, nights)
    # Of a night that is delivered again, what is true by now is told, not what was then.
    built = Built.until(plan, known.stop - 1)
    begin(plan, out.truth)
    work = Work(built, out.landing, out.truth, nights)
    units = work.units()
    summary, rows = Summary(), dict[str, list[Row]]()
    for done, made in enumerate(each(work, units), start=1):
        _gather(summary, rows, made)
        progress(done, len(units), summary.content_bytes)
    _write_truth(work, rows, plan.calendar.ends(known.stop - 1))
    # The database is the last to know, so that no night is whole without its files.
    summary.database = deliver(built, out.database, Span.of(built, known))
    summary.lots = len({row["lot_id"] for row in rows.get("yields", [])})
    return summary


def _last_known(plan: Plan, out: Out, nights: range) -> range:
    """From the first of `nights` to the last that is known when they are delivered."""
    calendar, lots = plan.calendar, lots_in(out.database)
    told = [name.removesuffix(".parquet") for name in listed(f"{out.truth}/yields")]
    last = max((calendar.number(date.fromisoformat(one)) for one in told), default=0)
    if nights.start > last + 1:
        raise ConfigError(
            f"night {nights.start}: {out.truth} tells of {last} nights; deliver night {last + 1} "
            "first, or all of them at once"
        )
    if lots and not is_begun(out.truth):
        raise ConfigError(f"database {shown(out.database)}: it holds the lots of another fab")
    if not lots and nights.start > 1:
        raise ConfigError(f"database {shown(out.database)}: it lacks the nights that were before")
    return range(nights.start, max(last + 1, nights.stop))


def _gather(summary: Summary, rows: dict[str, list[Row]], made: Made) -> None:
    for name, found in made.rows.items():
        rows.setdefault(name, []).extend(found)
    summary.content_bytes += made.content_bytes
    stdf = made.rows.get("files", [])
    summary.files.update(row["change"] for row in stdf)
    summary.files.update(row["reason"] for row in stdf if row["reason"] != "on_time")
    summary.files["stdf"] += len(stdf)
    summary.files["tool files"] += made.files - len(stdf)


def _write_truth(work: Work, rows: dict[str, list[Row]], until: int) -> None:
    built, calendar = work.built, work.built.plan.calendar
    for night in work.nights:
        on = calendar.night_on(night)
        for name in NIGHTLY:
            mine = [row for row in rows.get(name, []) if row["night_on"] == on]
            _write(work, f"{name}/{on}", name, mine)
    _write(work, "excursions", "excursions", truth.excursion_rows(built))
    _write(work, "bystanders", "bystanders", truth.bystander_rows(built))
    _write(work, "tests", "tests", truth.test_rows(built))
    _write(work, "lots", "lots", truth.lot_rows(built, until))


def _write(work: Work, path: str, name: str, rows: list[Row]) -> None:
    write_bytes(f"{work.truth}/{path}.parquet", parquet(truth.table(name, rows)))
