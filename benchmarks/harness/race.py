"""Contenders that take turns, and no time of one whose result is not that of ours."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from benchmarks.harness.process import NotRunError, Row

Say = Callable[[str], None]
EXPECTED = ""


def unlike(found: object, expected: object) -> str:
    """Say how a result differs; nothing where it is the same."""
    return "" if found == expected else f"{found} where {expected} is expected"


@dataclass(frozen=True)
class Race:
    """Who runs how often. `run` gives what was measured, and as `told` what came out.

    Where telling costs time, `tell` gives it beforehand. `unlike` says how a result differs from
    that of the first name, which is ours. `floors` do less work than asked, and are not compared.
    """

    title: str
    names: Sequence[str]
    run: Callable[[str], Row]
    repeats: int
    unlike: Callable[[Any, Any], str] = unlike
    tell: Callable[[str], Any] | None = None
    floors: Collection[str] = ()


@dataclass
class _Card:
    """How the contenders of a race stand."""

    race: Race
    say: Say
    told: dict[str, Any] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    runs: dict[str, list[Row]] = field(default_factory=dict)

    def standing(self) -> list[str]:
        """Names that have not failed."""
        return [name for name in self.race.names if name not in self.failed]

    def attempt(self, name: str, work: Callable[[str], None]) -> None:
        """Let a contender do its work, or stand as failed."""
        try:
            work(name)
        except NotRunError as error:
            self.failed[name] = f"not run: {error}"
        last = self.runs.get(name, [{}])[-1].get("seconds")
        took = "told" if last is None else f"{last:.3f} s"
        self.say(f"{self.race.title} {name}: {self.failed.get(name, took)}")

    def tell(self, name: str) -> None:
        """Take down what a contender finds, untimed."""
        assert self.race.tell is not None, "a race without telling"
        self.hold(name, self.race.tell(name))

    def run(self, name: str) -> None:
        """Take down what a run took, and what it found."""
        row = dict(self.race.run(name))
        if "told" in row:
            self.hold(name, row.pop("told"))
        self.runs.setdefault(name, []).append(row)

    def hold(self, name: str, told: object) -> None:
        """Hold a result against that of ours; the first one there is, where ours has failed."""
        if name not in self.race.floors:
            expected = self.told.setdefault(EXPECTED, told)
            if difference := self.race.unlike(told, expected):
                self.failed[name] = f"differs: {difference}"
        self.told[name] = told


def raced(race: Race, say: Say) -> list[Row]:
    """Give a row per contender; one that fails, or finds something else, has a reason, no times."""
    card = _Card(race, say)
    if race.tell is not None:
        for name in race.names:
            card.attempt(name, card.tell)
    for turn in range(race.repeats):
        for name in in_turn(card.standing(), turn):
            card.attempt(name, card.run)
    rows = [_row(name, card) for name in card.standing()]
    compare(rows, "times_ours", race.names[0])
    return rows + [{"name": name, "failed": reason} for name, reason in card.failed.items()]


def in_turn(names: Sequence[str], turn: int) -> list[str]:
    """All names; whoever is first this time is last the next."""
    first = turn % max(len(names), 1)
    return [*names[first:], *names[:first]]


def compare(rows: Sequence[Row], key: str, ours: str, by: str = "seconds") -> None:
    """Add how many times as much as `ours` each takes of `by`, in its best run."""
    taken = {row["name"]: row[by] for row in rows if by in row}
    for row in rows:
        known = by in row and taken.get(ours, 0) > 0
        row[key] = row[by] / taken[ours] if known else None


def _row(name: str, card: _Card) -> Row:
    runs = card.runs[name]
    best = min(runs, key=lambda run: run["seconds"])
    return {
        "name": name,
        "is_floor": name in card.race.floors,
        **best,
        "median_seconds": median(run["seconds"] for run in runs),
        "peak_mib": max(run["peak_mib"] for run in runs),
        "runs": [run["seconds"] for run in runs],
        "told": card.told.get(name),
    }
