"""Which of several files count: each content once, and the better files of each test session."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from fabyield.stdf.arrow.numpy_columns import numbers
from fabyield.stdf.compiled.buffers import Flags
from fabyield.stdf.spec.codes import ALL
from fabyield.stdf.tools.name_rules import NOWHERE, Naming, trimmed
from fabyield.stdf.tools.outline import Outline

SESSION = ("node_nam", "setup_t", "start_t", "lot_id", "sblot_id", "job_nam")
TOUCHDOWN = ["record_offset", "head_num", "site_num", "part_id", "part_flg", "hard_bin", "soft_bin"]
_RUN: dict[str, pa.DataType] = {
    **{"wafer_key": pa.int64(), "file_key": pa.int64(), "session_id": pa.string()},
    **{"sblot_id": pa.string(), "is_on_wafer": pa.bool_(), "started_at": pa.int64()},
    **{"finished_at": pa.int64(), "rtst_cod": pa.string(), "retest_bins": pa.list_(pa.int32())},
    **{"pcr_rtst_cnt": pa.int64(), "is_retest_file": pa.bool_(), "mode_cod": pa.string()},
    "touchdowns": pa.int64(),
}
RUNS = pa.schema(_RUN)
# MIR.RTST_COD: the lot was tested before, or how many times.
RETESTED = tuple("Y123456789")
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
    outlines: Sequence[Outline], naming: Naming, engineering_modes: Sequence[str]
) -> tuple[list[SessionFile], list[Skipped]]:
    """Separate the files that count from those that do not, as the nightly job does.

    A file with the content of an earlier one does not count, nor does one whose wafers are all in a
    better file of the same session and kind (a retest is no better version of the first test).
    Better than a cut file is a whole one or one with more content; better than a whole one is a
    whole one with more wafers or, with the same wafers, given later. A file of an engineering mode
    (MIR.MODE_COD) does not count if no run of it does; see `counting_runs`.
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
    runs = runs_of(left, naming)
    tested = set(runs.filter(pc.field("touchdowns") > 0)["file_key"].to_pylist())
    counting = runs.filter(pa.array(counting_runs(runs, engineering_modes)))["file_key"].to_pylist()
    left_out = tested.difference(counting)
    for source in [one for one in left if one.place in left_out]:
        left.remove(source)
        mode = mode_of(source.outline.header)
        reason = f"engineering run (MODE_COD {mode}) of what production tested"
        skipped.append(Skipped(source.outline.path, reason))
    return left, skipped


def counting_runs(runs: pa.Table, engineering_modes: Sequence[str]) -> Flags:
    """Return which runs with parts count: of engineering modes only where no other run tested."""
    wafer, tested = numbers(runs, "wafer_key"), numbers(runs, "touchdowns") > 0
    modes = runs["mode_cod"].to_pylist()
    is_engineering = np.array([mode in engineering_modes for mode in modes], np.bool_)
    return np.asarray(tested & ~(is_engineering & np.isin(wafer, wafer[tested & ~is_engineering])))


def mode_of(header: Mapping[str, Any]) -> str:
    """Return MIR.MODE_COD of a file, empty if it has none."""
    return trimmed(header["mode_cod"]).upper()


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
        header, tables = source.outline.header, source.outline.tables
        insertion = naming.insertion(header)
        file = {
            **{name: header[name] for name in ("sblot_id", "rtst_cod", "retest_bins")},
            "file_key": source.place,
            "session_id": source.session,
            "finished_at": header["finish_t"] or None,
            "pcr_rtst_cnt": counted_retests(tables.part_counts.to_pylist()),
            "is_retest_file": is_retest(header),
            "mode_cod": mode_of(header),
        }
        wafers = [*source.wafers[: tables.wafers.num_rows], (NOWHERE, None)]
        number = numbers(tables.parts, "wafer_num", tables.wafers.num_rows)
        touched = np.bincount(number, minlength=len(wafers)).tolist()
        for (wafer, start), touchdowns in zip(wafers, touched, strict=True):
            key = keys.setdefault((source.lot, wafer, insertion), len(keys))
            # A tester without a clock writes 0.
            started = start or header["start_t"] or None
            run = {"wafer_key": key, "is_on_wafer": wafer != NOWHERE, "started_at": started}
            run["touchdowns"] = touchdowns
            rows.append(file | run)
    return pa.Table.from_pylist(rows, RUNS)


def is_retest(header: Mapping[str, Any]) -> bool:
    """Return whether a file says that its parts were tested before, by RDR or MIR.RTST_COD."""
    code = trimmed(header["rtst_cod"]).upper()
    return header["retest_bins"] is not None or code in RETESTED


def counted_retests(part_counts: Iterable[Mapping[str, Any]]) -> int | None:
    """Return RTST_CNT of all sites, from the rows of PCR; None if the tester did not count."""
    rows = list(part_counts)
    totals = [row for row in rows if row["head_num"] == ALL]
    counts = [row["rtst_cnt"] for row in totals[:1] or rows]
    return None if not counts or None in counts else sum(counts)


def parts_of(sources: Sequence[SessionFile]) -> pa.Table:
    """Return the parts of all files in order of file and place, each with its `run`."""
    tables, first = [], 0
    for source in sources:
        parts, runs = source.outline.tables.parts, source.outline.tables.wafers.num_rows
        run = numbers(parts, "wafer_num", runs) + first
        tables.append(parts.append_column("run", pa.array(run)))
        first += runs + 1
    return pa.concat_tables(tables)
