"""Record what ran: one row of ops.runs for each attempt at a step of a batch."""

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
NIGHT, REPORT, MAINTAIN = "nightly", "report", "maintain"
ENDED = ("done", "unchanged")
COLUMNS = (
    *("fab_id", "batch", "step", "state", "ended_at", "message"),
    *("seen", "conf_hash", "sources_hash", "is_full"),
)


class State(StrEnum):
    """The state of an attempt at a step; unchanged means that nothing it reads was new.

    A night is incomplete if it ended, but steps failed that no other step needs.
    """

    RUNNING = "running"
    DONE = "done"
    UNCHANGED = "unchanged"
    FAILED = "failed"
    STOPPED = "stopped"
    INCOMPLETE = "incomplete"


CLOSED = {State.DONE, State.STOPPED, State.INCOMPLETE}


@dataclass(frozen=True)
class Fingerprint:
    """Hashes of the settings and of the code that a step's rows depend on."""

    conf: str = ""
    sources: str = ""


@dataclass
class Attempt:
    """One attempt at a step, filled in while the step runs.

    `seen` has the Delta versions of the tables that it reads, at its start, and of those that it
    writes, at its end; -1 for a missing table. `is_full` means that it takes all rows. `errors` has
    those of the steps that failed without ending their night.
    """

    batch: int
    step: str
    started_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    tables: list[TableRows] = field(default_factory=list)
    seen: dict[str, int] = field(default_factory=dict)
    fingerprint: Fingerprint = field(default_factory=Fingerprint)
    is_full: bool = False
    errors: list[Exception] = field(default_factory=list)


@dataclass(frozen=True)
class Done:
    """The last time that a step was done or found unchanged, and the versions it saw then."""

    batch: int
    at: datetime
    seen: Mapping[str, int]
    fingerprint: Fingerprint


class RunHistory:
    """Reads and extends the history of one fab in ops.runs; refuses a lake with another layout."""

    def __init__(self, store: Store, fab_id: str) -> None:
        mark_layout(store.root)
        self._store = store
        self._fab_id = fab_id
        rows = store.rows(RUNS, COLUMNS)
        # All fabs of a lake share the batch numbers: a row's batch says which run wrote it.
        self._newest = max((row["batch"] for row in rows), default=0)
        # Also an attempt that did not end may have deleted files.
        maintained = [row["ended_at"] for row in rows if row["step"] == MAINTAIN]
        self._maintained_at = max(maintained, default=None)
        self._states: dict[tuple[int, str], set[str]] = {}
        self._modes: dict[int, str] = {}
        self._last: dict[str, Done] = {}
        self._full: dict[str, Fingerprint] = {}
        for row in sorted(rows, key=lambda row: (row["batch"], row["ended_at"])):
            if row["fab_id"] == fab_id:
                self._add(row)

    def _add(self, row: Mapping[str, Any]) -> None:
        batch, step, state = row["batch"], row["step"], row["state"]
        self._states.setdefault((batch, step), set()).add(state)
        if step == NIGHT and state == State.RUNNING:
            self._modes[batch] = row["message"]
        if state in ENDED:
            seen = {table["table"]: table["version"] for table in row["seen"] or ()}
            fingerprint = Fingerprint(row["conf_hash"] or "", row["sources_hash"] or "")
            self._last[step] = Done(batch, row["ended_at"], seen, fingerprint)
            if row["is_full"]:
                self._full[step] = fingerprint

    def open_batch(self) -> int | None:
        """Return the fab's newest batch if its run failed or was killed; None if it ended."""
        # A run stopped by data quality has ended: the next one reads the corrected sources. So has
        # an incomplete one: each step goes on from where it was last done.
        newest = max((batch for batch, _ in self._states), default=0)
        alone = [states for (batch, _), states in self._states.items() if batch == newest]
        states = self._states.get((newest, NIGHT)) or set().union(*alone)
        return newest if states and not CLOSED & states else None

    def mode(self, batch: int) -> NightMode:
        """Return the mode in which the night `batch` was started."""
        return NightMode.parse(self._modes.get(batch) or str(NightMode()))

    def lone_step(self, batch: int) -> str | None:
        """Return the step that was run alone as `batch`; None if it was a night."""
        steps = [step for number, step in self._states if number == batch]
        return None if NIGHT in steps else next(iter(steps), None)

    def next_batch(self) -> int:
        """Return a batch number that no run has had."""
        return 1 + self._newest

    def is_done(self, batch: int, step: str) -> bool:
        """Return whether `step` is finished for `batch`."""
        return not self._states.get((batch, step), set()).isdisjoint(ENDED)

    def last_batch(self, step: str) -> int:
        """Return the newest batch for which `step` is finished; 0 if there is none."""
        return self._last[step].batch if step in self._last else 0

    def last(self, step: str) -> Done | None:
        """Return how `step` was last done; None if it never was."""
        return self._last.get(step)

    def full_run_fingerprint(self, step: str) -> Fingerprint | None:
        """Return what the last run of `step` over all rows used; None if that is unknown."""
        return self._full.get(step)

    def versions(self, step: str, keep_days: int) -> dict[str, int]:
        """Return the table versions that `step` last saw, if their changes can still be read."""
        last, maintained_at = self._last.get(step), self._maintained_at
        if last is None:
            return {}
        if maintained_at is None or last.at + timedelta(days=keep_days) >= maintained_at:
            return dict(last.seen)
        kept = {
            name: version
            for name, version in last.seen.items()
            if name in ALL and self._store.version(ALL[name]) == version
        }
        if lost := [name for name in last.seen if name not in kept]:
            log.info(
                "the change feed of %s no longer reaches back to the last run of %s at %s: "
                "rereading the whole table",
                ", ".join(lost),
                step,
                last.at,
            )
        return kept

    def record(self, attempt: Attempt, state: State, message: str = "") -> None:
        """Append the state of `attempt`."""
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
            "conf_hash": attempt.fingerprint.conf,
            "sources_hash": attempt.fingerprint.sources,
            "is_full": attempt.is_full,
        }
        self._store.log(RUNS, [row])
        self._add(row)
        if attempt.step == MAINTAIN:
            self._maintained_at = ended_at
