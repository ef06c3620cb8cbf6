"""Which of several files count: each content once, and the better files of each test session."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from fabyield.stdf.arrow.numpy_columns import numbers
from fabyield.stdf.tools.name_rules import NOWHERE, Naming, trimmed
from fabyield.stdf.tools.outline import Outline

SESSION = ("node_nam", "setup_t", "start_t", "lot_id", "sblot_id", "job_nam")
TOUCHDOWN = ["record_offset", "head_num", "site_num", "part_id", "part_flg", "hard_bin", "soft_bin"]
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
    """A file with its place among those given, its session, its lot and its wafer runs."""

    place: int
    outline: Outline
    session: str
    lot: str
    wafers: list[Wafer]

    @classmethod
    def of(cls, place: int, outline: Outline, naming: Naming) -> "SessionFile":
        """Name the lot and the wafers of a file by the fab's rules."""
        header, wafers = outline.header, outline.tables.wafers
        session = session_of(header, str(outline.tables.sha256))
        raw_lot = header["lot_id"] if trimmed(header["lot_id"]) else f"{NOWHERE}{session[:8]}"
        lot = naming.lot(raw_lot)
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
    def is_identified(self) -> bool:
        """Whether the names and starts of its wafers say what the file contains."""
        # A cut file may end before the name of its last wafer.
        cut = not self.outline.is_complete
        return all((at or 0) > 0 and (name != NOWHERE or cut) for name, at in self.wafers)

    def contains(self, other: "SessionFile") -> bool:
        """Return whether all wafers of `other` are in this file too."""
        nameless = {at for name, at in other.wafers if name == NOWHERE}
        return other.named <= self.named and nameless <= {at for _, at in self.wafers}


def session_of(names: Mapping[str, Any], sha256: str) -> str:
    """Return the key of a file's test session, from its MIR (SESSION); see docs/adr/0008."""
    known = [names[name] for name in SESSION]
    # Without times, sessions cannot be told apart: the file is a session of its own.
    text = repr(known) if names["setup_t"] or names["start_t"] else sha256
    return hashlib.sha256(text.encode()).hexdigest()


def files_that_count(
    outlines: Sequence[Outline], naming: Naming
) -> tuple[list[SessionFile], list[Skipped]]:
    """Separate the files that count from those that do not, as the nightly job does.

    A file with the content of an earlier one does not count, nor does one whose wafers are all in a
    better file of the same session and kind (a retest is no better version of the first test).
    Better than a cut file is a whole one or one with more content; better than a whole one is a
    whole one with more wafers or, with the same wafers, given later.
    """
    first: dict[str, SessionFile] = {}
    left, skipped = [], []
    for place, outline in enumerate(outlines):
        source = SessionFile.of(place, outline, naming)
        same = first.setdefault(str(outline.tables.sha256), source)
        if same is not source:
            skipped.append(Skipped(outline.path, f"same content as {same.outline.path}"))
    for source in first.values():
        better = next((other for other in first.values() if is_superseded(source, other)), None)
        if better is None:
            left.append(source)
        else:
            reason = f"{better.outline.path} is a more complete file of the same session"
            skipped.append(Skipped(source.outline.path, reason))
    return left, skipped


def is_superseded(mine: SessionFile, other: SessionFile) -> bool:
    """Return whether `other` is a better file of the same session and contains all of `mine`."""
    same = mine.place != other.place and _kind(mine) == _kind(other)
    tested = mine.outline.tables.parts.num_rows and other.outline.tables.parts.num_rows
    better = mine.is_identified and other.contains(mine) and _is_better(mine, other)
    return bool(same and tested and (better or _is_start_of(mine, other)))


def _kind(source: SessionFile) -> tuple[str, list[int] | None]:
    return source.session, source.outline.header["retest_bins"]


def _is_start_of(mine: SessionFile, other: SessionFile) -> bool:
    """Return whether `mine` was cut off, and `other` goes on after the same touch-downs."""
    cut, longer = mine.outline.tables, other.outline.tables
    if mine.outline.is_complete or cut.content_bytes >= longer.content_bytes:
        return False
    parts = cut.parts.select(TOUCHDOWN)
    return bool(longer.parts.select(TOUCHDOWN).slice(0, parts.num_rows).equals(parts))


def _is_better(mine: SessionFile, other: SessionFile) -> bool:
    later = other.place > mine.place
    if mine.outline.is_complete:
        return other.outline.is_complete and (len(other.named) > len(mine.named) or later)
    content = other.outline.tables.content_bytes - mine.outline.tables.content_bytes
    return other.outline.is_complete or content > 0 or (content == 0 and not later)


def runs_of(sources: Sequence[SessionFile], naming: Naming) -> pa.Table:
    """Return one row per wafer run of all files, as `retest.touchdowns` takes them.

    The last row of each file is for its parts outside any wafer.
    """
    keys: dict[tuple[str, str, str], int] = {}
    rows = []
    for source in sources:
        header = source.outline.header
        insertion = naming.insertion(header)
        runs = source.outline.tables.wafers.num_rows
        for wafer, start in [*source.wafers[:runs], (NOWHERE, None)]:
            key = keys.setdefault((source.lot, wafer, insertion), len(keys))
            # A tester without a clock writes 0.
            started = start or header["start_t"] or None
            rows.append((key, header["sblot_id"], started, header["retest_bins"] is not None))
    return pa.Table.from_pylist([dict(zip(RUNS.names, row, strict=True)) for row in rows], RUNS)


def parts_of(sources: Sequence[SessionFile]) -> pa.Table:
    """Return the parts of all files in order of file and place, each with its `run`."""
    tables, first = [], 0
    for source in sources:
        parts, runs = source.outline.tables.parts, source.outline.tables.wafers.num_rows
        run = numbers(parts, "wafer_num", runs) + first
        tables.append(parts.append_column("run", pa.array(run)))
        first += runs + 1
    return pa.concat_tables(tables)
