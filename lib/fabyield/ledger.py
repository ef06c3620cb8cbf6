"""What ran: one row of ops.runs for each attempt at a step of a batch."""

import logging
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from pyspark.sql import functions as F

from fabyield import __version__
from fabyield.purpose import Purpose
from fabyield.store import Store
from fabyield.tables import ALL, RUNS

log = logging.getLogger(__name__)
NIGHT, TEND = "nightly", "maintain"


class State(StrEnum):
    """How an attempt at a step stands."""

    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    STOPPED = "stopped"


@dataclass(frozen=True)
class TableRows:
    """Where the rows of one table's write came from and went."""

    table: str
    rows_in: int
    rows_out: int
    quarantined: int
    duplicates: int
    version: int


@dataclass
class Attempt:
    """One attempt at a step, as it is filled in while the step runs."""

    batch: int
    step: str
    started_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    tables: list[TableRows] = field(default_factory=list)

    @property
    def rows_out(self) -> int:
        """Rows published by this attempt, over all its tables."""
        return sum(rows.rows_out for rows in self.tables)


class Ledger:
    """Reads and appends what ops.runs has of one fab."""

    def __init__(self, store: Store, fab_id: str) -> None:
        self._store = store
        self._fab_id = fab_id
        begun = F.max(F.when(F.col("state") == State.RUNNING.value, F.col("message")))
        states = F.collect_set("state").alias("states")
        told = (
            states,
            begun.alias("purpose"),
            F.min("ended_at").alias("first"),
            F.max("ended_at").alias("last"),
        )
        every = store.read(RUNS).groupBy("fab_id", "batch", "step").agg(*told).collect()
        # Numbers are of the lake: every row says by its batch which run wrote it.
        self._newest = max((row["batch"] for row in every), default=0)
        rows = [row for row in every if row["fab_id"] == fab_id]
        self._states = {(row["batch"], row["step"]): set(row["states"]) for row in rows}
        # Whether it ended or not: it may have deleted what it had come to.
        tended = [utc(row["last"]) for row in every if row["step"] == TEND]
        self._tended_at = max(tended, default=None)
        self._begun_at: dict[int, datetime] = {}
        for row in rows:
            first = utc(row["first"])
            self._begun_at[row["batch"]] = min(self._begun_at.get(row["batch"], first), first)
        self._purposes = {row["batch"]: row["purpose"] for row in rows if row["step"] == NIGHT}
        self._versions = _versions(store, fab_id)

    def open_batch(self) -> int | None:
        """The fab's newest batch, if its run failed or was killed; None where it ended.

        A run stopped by data quality has ended: the next one reads everything anew, so that a
        corrected source can mend it, and takes its unfinished rows along.
        """
        newest = max((batch for batch, _ in self._states), default=0)
        alone = [states for (batch, _), states in self._states.items() if batch == newest]
        states = self._states.get((newest, NIGHT)) or set().union(*alone)
        return newest if states and not {State.DONE, State.STOPPED} & states else None

    def purpose(self, batch: int) -> Purpose:
        """What the night `batch` was begun for."""
        return Purpose.parse(self._purposes.get(batch) or str(Purpose()))

    def lone_step(self, batch: int) -> str | None:
        """The step that was run alone as `batch`; None where it is a night."""
        steps = [step for number, step in self._states if number == batch]
        return None if NIGHT in steps else next(iter(steps), None)

    def next_batch(self) -> int:
        """A batch number that no run has had."""
        return 1 + self._newest

    def is_done(self, batch: int, step: str) -> bool:
        """Whether `step` is finished for `batch`."""
        return State.DONE in self._states.get((batch, step), set())

    def done_until(self, step: str) -> int:
        """The newest batch for which `step` is finished; 0 where it never was."""
        done = [b for (b, s), states in self._states.items() if s == step and State.DONE in states]
        return max(done, default=0)

    def versions(self, batch: int, keep_days: int) -> dict[str, int]:
        """The version of each table that the newest of `batch` and those before it left.

        Without tables of which changes since, of more than `keep_days`, may have been deleted by
        the step that tends the lake, of whatever fab.
        """
        # A table that was made anew began again at 0: its newest version is not its greatest.
        newest = {
            table: (number, version)
            for (number, table), version in sorted(self._versions.items())
            # A write of nothing made none.
            if number <= batch and version >= 0
        }
        lost = [t for t, left in newest.items() if self._may_be_lost(t, *left, keep_days)]
        if lost:
            log.info("changes since long ago may be gone: all is taken of %s", ", ".join(lost))
        return {table: version for table, (_, version) in newest.items() if table not in lost}

    def _may_be_lost(self, table: str, batch: int, version: int, keep_days: int) -> bool:
        """Whether `table` has changed since `batch` left `version`, but perhaps not to be seen."""
        begun_at, tended_at = self._begun_at.get(batch), self._tended_at
        if not begun_at or not tended_at or begun_at + timedelta(days=keep_days) >= tended_at:
            return False
        return table not in ALL or self._store.version(ALL[table]) != version

    def record(self, attempt: Attempt, state: State, message: str = "") -> None:
        """Append how `attempt` stands."""
        ended_at = datetime.now(UTC)
        row = {
            "fab_id": self._fab_id,
            "batch": attempt.batch,
            "step": attempt.step,
            "state": state.value,
            "started_at": attempt.started_at,
            "ended_at": ended_at,
            "seconds": (ended_at - attempt.started_at).total_seconds(),
            **_totals(attempt.tables),
            "tables": [asdict(rows) for rows in attempt.tables],
            "code_version": __version__,
            "message": message,
        }
        self._store.log(RUNS, [row])
        self._states.setdefault((attempt.batch, attempt.step), set()).add(state.value)
        if attempt.step == TEND:
            self._tended_at = ended_at
        if state is State.DONE:
            left = {(attempt.batch, rows.table): rows.version for rows in attempt.tables}
            self._versions |= left


def utc(time: datetime) -> datetime:
    """A `time` that Spark has handed out: it is of the machine's zone, but does not say so."""
    return time.astimezone(UTC)


def _versions(store: Store, fab_id: str) -> dict[tuple[int, str], int]:
    is_done = (F.col("fab_id") == fab_id) & (F.col("state") == State.DONE.value)
    left = store.read(RUNS).where(is_done)
    left = left.select("batch", F.explode("tables").alias("left")).select("batch", "left.*")
    newest = left.groupBy("batch", "table").agg(F.max("version").alias("version"))
    return {(row["batch"], row["table"]): row["version"] for row in newest.collect()}


def _totals(tables: Iterable[TableRows]) -> dict[str, int]:
    tables = list(tables)
    return {
        "rows_in": sum(rows.rows_in for rows in tables),
        "rows_out": sum(rows.rows_out for rows in tables),
        "rows_quarantined": sum(rows.quarantined for rows in tables),
        "rows_duplicate": sum(rows.duplicates for rows in tables),
    }
