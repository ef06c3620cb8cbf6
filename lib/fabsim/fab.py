"""A simulated fab delivers its nights: files, factory database, and what is true of them."""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import date
from typing import Self

from fabsim import truth
from fabsim.factory.rows import delivery_span
from fabsim.factory.write_database import checked_url, count_lots, deliver, redacted, sqlite_url
from fabsim.line.history import LineRun
from fabsim.plan.bounds import MOST_NIGHTS
from fabsim.plan.plan import Plan
from fabsim.plan_check import check
from fabsim.plan_record import has_plan, record_plan
from fabsim.truth import Row
from fabsim.work import Runner, UnitResult, Work, write_parquet
from fabyield.errors import ConfigError
from fabyield.lake.storage import listed

# STDF counts seconds since 1970 in 32 bits.
LAST_NIGHT = date(2105, 12, 31)
# Truths with a file per night; the others are written again by every call.
NIGHTLY = ("wafers", "yields", "files", "sensor_faults", "alarms")


@dataclass(frozen=True)
class Destination:
    """Where a fab delivers: folders as paths or URIs, and a database URL.

    Raises ConfigError if the URL is wrong.
    """

    landing: str
    truth: str
    database: str

    def __post_init__(self) -> None:
        checked_url(self.database)

    @classmethod
    def in_folder(cls, root: str, database: str | None = None) -> Self:
        """Return `landing`, `truth` and, unless a database is given, `fab.db` in one folder."""
        root = root.rstrip("/")
        if database is None and "://" in root:
            raise ConfigError(f"{root}: SQLite needs a disk; give the URL of a database")
        return cls(f"{root}/landing", f"{root}/truth", database or sqlite_url(f"{root}/fab.db"))


@dataclass
class Summary:
    """Counts of what has been delivered."""

    lots: int = 0
    files: Counter[str] = field(default_factory=Counter)
    content_bytes: int = 0
    database: dict[str, int] = field(default_factory=dict)

    def rows(self) -> list[tuple[str, str]]:
        """Return the name and the number of each count, to print."""
        return [
            ("lots tested", f"{self.lots:,}"),
            ("MB of STDF, decompressed", f"{self.content_bytes / 1e6:,.1f}"),
            *((f"files: {name}", f"{count:,}") for name, count in sorted(self.files.items())),
            *((f"database rows: {name}", f"{count:,}") for name, count in self.database.items()),
        ]


def simulate(
    plan: Plan,
    out: Destination,
    nights: range,
    run_units: Runner,
    progress: Callable[[int, int, int], object] = lambda *_: None,
) -> Summary:
    """Deliver `nights`, numbered from 1, the same whether one by one, at once or again.

    Calls `progress` with the units done, all units, and the bytes of STDF so far. Raises
    ConfigError if there are no nights, an earlier night is missing, the truth would be inside the
    landing zone, or the folder or the database belongs to another plan.
    """
    check(plan)
    if not nights or not 1 <= nights.start <= nights.stop - 1 <= MOST_NIGHTS:
        given = f"nights {nights.start} to {nights.stop - 1}"
        raise ConfigError(f"{given}: use at least 1, from 1 to {MOST_NIGHTS:,}")
    if (last := plan.calendar.night_on(nights.stop - 1)) > LAST_NIGHT:
        raise ConfigError(f"night {nights.stop - 1}: {last} is after {LAST_NIGHT}")
    if f"{out.truth}/".startswith(f"{out.landing}/"):
        raise ConfigError(f"truth {out.truth} is inside {out.landing}; choose a folder outside")
    # A night that is delivered again has the truth of now, not that of its first delivery.
    until = max(_last_delivered(plan, out, nights), nights.stop - 1)
    line = LineRun.until(plan, until)
    record_plan(plan, out.truth)
    work = Work(line, out.landing, out.truth, nights)
    units = work.units()
    summary, rows = Summary(), dict[str, list[Row]]()
    for done, result in enumerate(run_units(work, units), start=1):
        _add(summary, rows, result)
        progress(done, len(units), summary.content_bytes)
    _write_truth(work, rows, plan.calendar.ends(until))
    # The database comes last, so that a night in the database always has its files.
    span = delivery_span(line, range(nights.start, until + 1))
    summary.database = deliver(line, out.database, span)
    summary.lots = len({row["lot_id"] for row in rows.get("yields", [])})
    return summary


def _last_delivered(plan: Plan, out: Destination, nights: range) -> int:
    """Return the last night of the fab so far; ConfigError if `nights` cannot follow it."""
    lots, shown = count_lots(out.database), redacted(out.database)
    dates = [name.removesuffix(".parquet") for name in listed(f"{out.truth}/yields")]
    last = max((plan.calendar.number(date.fromisoformat(one)) for one in dates), default=0)
    if nights.start > last + 1:
        raise ConfigError(
            f"night {nights.start}: {out.truth} has {last} nights; deliver night {last + 1} "
            "first, or all of them at once"
        )
    if lots and not has_plan(out.truth):
        raise ConfigError(f"database {shown}: it has the lots of another fab")
    if not lots and nights.start > 1:
        raise ConfigError(f"database {shown}: the earlier nights are missing")
    return last


def _add(summary: Summary, rows: dict[str, list[Row]], result: UnitResult) -> None:
    for name, found in result.rows.items():
        rows.setdefault(name, []).extend(found)
    summary.content_bytes += result.content_bytes
    stdf = result.rows.get("files", [])
    summary.files.update(row["change"] for row in stdf)
    summary.files.update(row["reason"] for row in stdf if row["reason"] != "on_time")
    summary.files["stdf"] += len(stdf)
    summary.files["tool files"] += result.files - len(stdf)


def _write_truth(work: Work, rows: dict[str, list[Row]], until: int) -> None:
    for on in (work.line.plan.calendar.night_on(night) for night in work.nights):
        for name in NIGHTLY:
            nightly = [row for row in rows.get(name, []) if row["night_on"] == on]
            write_parquet(f"{work.truth}/{name}/{on}.parquet", truth.table(name, nightly))
    whole: dict[str, Iterable[Row]] = {
        "excursions": truth.excursion_rows(work.line),
        "bystanders": truth.bystander_rows(work.line),
        "tests": truth.test_rows(work.line),
        "lots": truth.lot_rows(work.line, until),
    }
    for name, found in whole.items():
        write_parquet(f"{work.truth}/{name}.parquet", truth.table(name, found))
