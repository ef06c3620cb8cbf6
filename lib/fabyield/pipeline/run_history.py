"""What ran: one row of ops.runs for each attempt at a step of a batch."""

import logging
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from fabyield import __version__
from fabyield.lake.catalog import ALL, RUNS
from fabyield.lake.layout import mark_layout
from fabyield.lake.store import Store
from fabyield.pipeline.night_modes import NightMode
from fabyield.quality.row_counts import TableRows, totals

log = logging.getLogger(__name__)
NIGHT, TEND = "nightly", "maintain"
ENDED = ("done", "unchanged")
COLUMNS = (
    *("fab_id", "batch", "step", "state", "ended_at", "message"),
    *("seen", "conf_hash", "sources_hash", "is_full"),
)


class State(StrEnum):
    """How an attempt at a step stands; unchanged: nothing that it reads was new."""

    RUNNING = "running"
    DONE = "done"
    UNCHANGED = "unchanged"
    FAILED = "failed"
    STOPPED = "stopped"


@dataclass(frozen=True)
class Made:
    """What the rows of a step are made by: hashes of the settings and of the code that it uses."""

    conf: str = ""
    sources: str = ""


@dataclass
class Attempt:
    """One attempt at a step, as it is filled in while the step runs.

    `seen` are the Delta versions of the tables that it reads, as it began, and of those that it
    writes, as it ended; -1 for a table that is not there. `is_full`: it takes all rows.
    """

    batch: int
    step: str
    started_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    tables: list[TableRows] = field(default_factory=list)
    seen: dict[str, int] = field(default_factory=dict)
    made: Made = field(default_factory=Made)
    is_full: bool = False

    @property
    def rows_out(self) -> int:
        """Rows published by this attempt, over all its tables."""
        return sum(rows.rows_out for rows in self.tables)


@dataclass(frozen=True)
class Done:
    """A step as it was last done, or found unchanged: its batch, when, and what it saw then."""

    batch: int
    at: datetime
    seen: Mapping[str, int]
    made: Made


class Ledger:
    """Reads and appends what ops.runs has of one fab.

    Raises ConfigError for a lake of another layout.
    """

    def __init__(self, store: Store, fab_id: str) -> None:
        mark_layout(store.root)
        self._store = store
        self._fab_id = fab_id
        every = store.rows(RUNS, COLUMNS)
        # Numbers are of the lake: every row says by its batch which run wrote it.
        self._newest = max((row["batch"] for row in every), default=0)
        # Whether it ended or not: it may have deleted what it had come to.
        tended = [row["ended_at"] for row in every if row["step"] == TEND]
        self._tended_at = max(tended, default=None)
        self._states: dict[tuple[int, str], set[str]] = {}
        self._modes: dict[int, str] = {}
        self._last: dict[str, Done] = {}
        self._full: dict[str, Made] = {}
        for row in sorted(every, key=lambda row: (row["batch"], row["ended_at"])):
            if row["fab_id"] == fab_id:
                self._take_note(row)

    def _take_note(self, row: Mapping[str, Any]) -> None:
        batch, step, state = row["batch"], row["step"], row["state"]
        self._states.setdefault((batch, step), set()).add(state)
        if step == NIGHT and state == State.RUNNING:
            self._modes[batch] = row["message"]
        if state in ENDED:
            seen = {table["table"]: table["version"] for table in row["seen"] or ()}
            made = Made(row["conf_hash"] or "", row["sources_hash"] or "")
            self._last[step] = Done(batch, row["ended_at"], seen, made)
            if row["is_full"]:
                self._full[step] = made

    def open_batch(self) -> int | None:
        """The fab's newest batch, if its run failed or was killed; None where it ended.

        A run stopped by data quality has ended: the next one reads everything anew, so that a
        corrected source can mend it, and takes its unfinished rows along.
        """
        newest = max((batch for batch, _ in self._states), default=0)
        alone = [states for (batch, _), states in self._states.items() if batch == newest]
        states = self._states.get((newest, NIGHT)) or set().union(*alone)
        return newest if states and not {State.DONE, State.STOPPED} & states else None

    def mode(self, batch: int) -> NightMode:
        """What the night `batch` was begun for."""
        return NightMode.parse(self._modes.get(batch) or str(NightMode()))

    def lone_step(self, batch: int) -> str | None:
        """The step that was run alone as `batch`; None where it is a night."""
        steps = [step for number, step in self._states if number == batch]
        return None if NIGHT in steps else next(iter(steps), None)

    def next_batch(self) -> int:
        """A batch number that no run has had."""
        return 1 + self._newest

    def is_done(self, batch: int, step: str) -> bool:
        """Whether `step` is finished for `batch`."""
        return not self._states.get((batch, step), set()).isdisjoint(ENDED)

    def done_until(self, step: str) -> int:
        """The newest batch for which `step` is finished; 0 where it never was."""
        return self._last[step].batch if step in self._last else 0

    def last(self, step: str) -> Done | None:
        """How `step` was last done; None where it never was."""
        return self._last.get(step)

    def made(self, step: str) -> Made | None:
        """What all rows of `step` were made by, when they last were; None where that is unknown."""
        return self._full.get(step)

    def versions(self, step: str, keep_days: int) -> dict[str, int]:
        """The version of each table that `step` saw when it was last done.

        Without tables of which changes since, of more than `keep_days`, may have been deleted by
        the step that tends the lake, of whatever fab.
        """
        last = self._last.get(step)
        if last is None:
            return {}
        lost = [n for n, v in last.seen.items() if self._may_be_lost(n, v, last.at, keep_days)]
        if lost:
            log.info(
                "the changes of %s no longer reach back to %s, when they were last read: they are "
                "read whole",
                ", ".join(lost),
                last.at,
            )
        return {table: version for table, version in last.seen.items() if table not in lost}

    def _may_be_lost(self, table: str, version: int, at: datetime, keep_days: int) -> bool:
        """Whether `table` has changed since it was seen `at`, but perhaps not to be read."""
        tended_at = self._tended_at
        if tended_at is None or at + timedelta(days=keep_days) >= tended_at:
            return False
        return table not in ALL or self._store.version(ALL[table]) != version

    def record(self, attempt: Attempt, state: State, message: str = "") -> None:
        """Append how `attempt` stands."""
        ended_at = datetime.now(UTC)
        seen = [{"table": table, "version": version} for table, version in attempt.seen.items()]
        row = {
            "fab_id": self._fab_id,
            "batch": attempt.batch,
            "step": attempt.step,
            "state": state.value,
            "started_at": attempt.started_at,
            "ended_at": ended_at,
            "seconds": (ended_at - attempt.started_at).total_seconds(),
            **totals(attempt.tables),
            "tables": [asdict(rows) for rows in attempt.tables],
            "code_version": __version__,
            "message": message,
            "seen": seen,
            "conf_hash": attempt.made.conf,
            "sources_hash": attempt.made.sources,
            "is_full": attempt.is_full,
        }
        self._store.log(RUNS, [row])
        self._take_note(row)
        if attempt.step == TEND:
            self._tended_at = ended_at
