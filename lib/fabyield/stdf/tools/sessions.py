"""Which of several files count: each content once, and of a session's files the better ones."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from fabyield.stdf.arrow.numpy_columns import numbers
from fabyield.stdf.tools.name_rules import NOWHERE, Naming, trimmed
from fabyield.stdf.tools.outline import Outline

SESSION = ("node_nam", "setup_t", "start_t", "lot_id", "sblot_id", "job_nam")
TOUCHDOWN = ["record_offset", "head_num", "site_num", "part_id", "part_flg", "hard_bin", "soft_bin"]
NO_RETEST = (-1,)
_RUN: dict[str, pa.DataType] = {
    **{"wafer_key": pa.int64(), "sblot_id": pa.string()},
    **{"started_at": pa.int64(), "is_retest_file": pa.bool_()},
}
RUNS = pa.schema(_RUN)
Wafer = tuple[str, int | None]


@dataclass(frozen=True)
class Skipped:
    """A file that does not count, and why."""

    path: str
    reason: str


@dataclass(frozen=True)
class SessionFile:
    """A file in its place among those given: its session, its lot and its wafer runs."""

    place: int
    outline: Outline
    session: str
    lot: str
    wafers: list[Wafer]

    @classmethod
    def of(cls, place: int, outline: Outline, naming: Naming) -> "SessionFile":
        """Name the lot and the wafers of a file as the fab does."""
        names = file_names(outline)
        session = session_of(names, outline.sha256)
        lot = naming.lot(names["lot_id"] if trimmed(names["lot_id"]) else f"{NOWHERE}{session[:8]}")
        wafers = outline.tables.wafers
        ids, starts = wafers["wafer_id"].to_pylist(), wafers["start_t"].to_pylist()
        found = [(naming.wafer(raw, lot), at) for raw, at in zip(ids, starts, strict=True)]
        if outline.tables.parts["wafer_num"].null_count:
            found.append((NOWHERE, None))
        return cls(place, outline, session, lot, found)

    @property
    def named(self) -> set[Wafer]:
        """Wafers with a name, each with its start."""
        return {wafer for wafer in self.wafers if wafer[0] != NOWHERE}

    @property
    def told(self) -> bool:
        """Whether the names and starts of its wafers tell what the file holds."""
        # A cut file may not have come to the name of its last wafer.
        cut = not self.outline.is_complete
        return all((at or 0) > 0 and (name != NOWHERE or cut) for name, at in self.wafers)

    def holds(self, other: "SessionFile") -> bool:
        """Whether all wafers of `other` are in this file too."""
        nameless = {at for name, at in other.wafers if name == NOWHERE}
        return other.named <= self.named and nameless <= {at for _, at in self.wafers}


def session_of(names: Mapping[str, Any], sha256: str) -> str:
    """Name the test session of a file by what its MIR says (SESSION); see docs/adr/0008."""
    known = [names[name] for name in SESSION]
    # Without times nothing tells one session from another, so the file is one of its own.
    text = repr(known) if names["setup_t"] or names["start_t"] else sha256
    return hashlib.sha256(text.encode()).hexdigest()


def file_names(outline: Outline) -> dict[str, Any]:
    """The one row about the file as a whole: its MIR, MRR and whether it is a retest."""
    row: dict[str, Any] = outline.tables.file.to_pylist()[0]
    return row


def counted(outlines: Sequence[Outline], naming: Naming) -> tuple[list[SessionFile], list[Skipped]]:
    """Part the files that count from those that do not, as the nightly job does.

    A file with the content of an earlier one does not count, nor one whose wafers are all in a
    better file of its session and kind (a retest is no better version of the first test). Better
    than a cut file is a whole one or one with more content; better than a whole one is a whole
    one with more wafers or, of the same, given later.
    """
    sources, skipped = _once(
        [SessionFile.of(n, outline, naming) for n, outline in enumerate(outlines)]
    )
    left = []
    for source in sources:
        better = next((other for other in sources if is_beaten(source, other)), None)
        if better is None:
            left.append(source)
            continue
        reason = f"{better.outline.path} is a more complete file of the same session"
        skipped.append(Skipped(source.outline.path, reason))
    return left, skipped


def _once(sources: Iterable[SessionFile]) -> tuple[list[SessionFile], list[Skipped]]:
    first: dict[str, SessionFile] = {}
    skipped = []
    for source in sources:
        same = first.setdefault(source.outline.sha256, source)
        if same is not source:
            skipped.append(Skipped(source.outline.path, f"same content as {same.outline.path}"))
    return list(first.values()), skipped


def is_beaten(mine: SessionFile, other: SessionFile) -> bool:
    """Whether `other` is a better file of the session of `mine` and holds all that it holds."""
    same = mine.place != other.place and (mine.session, _kind(mine)) == (
        other.session,
        _kind(other),
    )
    tested = mine.outline.tables.parts.num_rows and other.outline.tables.parts.num_rows
    told = mine.told and other.holds(mine) and _is_better(mine, other)
    return bool(same and tested and (told or _begins(mine, other)))


def _begins(mine: SessionFile, other: SessionFile) -> bool:
    """Whether `mine` was cut off, and `other` is longer and has all its touch-downs in place."""
    if mine.outline.is_complete or mine.outline.content_bytes >= other.outline.content_bytes:
        return False
    parts = mine.outline.tables.parts.select(TOUCHDOWN)
    return bool(other.outline.tables.parts.select(TOUCHDOWN).slice(0, parts.num_rows).equals(parts))


def _kind(source: SessionFile) -> tuple[int, ...]:
    bins = source.outline.tables.file["retest_bins"][0].as_py()
    return NO_RETEST if bins is None else tuple(bins)


def _is_better(mine: SessionFile, other: SessionFile) -> bool:
    later = other.place > mine.place
    if mine.outline.is_complete:
        return other.outline.is_complete and (len(other.named) > len(mine.named) or later)
    content = other.outline.content_bytes - mine.outline.content_bytes
    return other.outline.is_complete or content > 0 or (content == 0 and not later)


def runs_of(sources: Sequence[SessionFile], naming: Naming) -> pa.Table:
    """One row per wafer run of all files, as `retest.touchdowns` takes them.

    The last row of each file stands for its parts outside any wafer.
    """
    keys: dict[tuple[str, str, str], int] = {}
    rows = []
    for source in sources:
        names = file_names(source.outline)
        insertion = naming.insertion(names)
        runs = source.outline.tables.wafers.num_rows
        for wafer, start in [*source.wafers[:runs], (NOWHERE, None)]:
            key = keys.setdefault((source.lot, wafer, insertion), len(keys))
            # A tester that keeps no time writes 0.
            started = start or names["start_t"] or None
            rows.append((key, names["sblot_id"], started, names["retest_bins"] is not None))
    return pa.Table.from_pylist([dict(zip(RUNS.names, row, strict=True)) for row in rows], RUNS)


def parts_of(sources: Sequence[SessionFile]) -> pa.Table:
    """The parts of all files in order of file and place, each with its `run`."""
    tables, first = [], 0
    for source in sources:
        parts, runs = source.outline.tables.parts, source.outline.tables.wafers.num_rows
        run = numbers(parts, "wafer_num", runs) + first
        tables.append(parts.append_column("run", pa.array(run)))
        first += runs + 1
    return pa.concat_tables(tables)
