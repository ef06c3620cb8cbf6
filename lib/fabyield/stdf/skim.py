"""A file without its test records: what is known of it long before all of it is read."""

import io
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
from numba import njit
from numpy.typing import NDArray

from fabyield.errors import StdfError
from fabyield.stdf.columns import Longs
from fabyield.stdf.content import Content
from fabyield.stdf.reader import StdfTables, read
from fabyield.stdf.records import NAMES, RECORDS, VENDOR_TYPES, name_of

Bytes = NDArray[np.uint8]
FAR_SIZE = 6
KEPT = (
    *("FAR", "MIR", "MRR", "RDR", "WCR", "SDR", "WIR", "WRR", "PIR", "PRR"),
    *("HBR", "SBR", "PCR", "TSR"),
)
UNKNOWN, SKIPPED, TAKEN = 0, 1, 2


@dataclass(frozen=True)
class Skim:
    """What a file holds besides test results; those are counted but not looked into.

    `tables` has the records of KEPT only, their offsets are not those of the file; those of
    `refused` are. `counts` has all records by name.
    """

    path: str
    tables: StdfTables = field(repr=False)
    counts: dict[str, int]
    refused: pa.Table = field(repr=False)
    stored_bytes: int
    content_bytes: int
    sha256: str
    is_complete: bool


def skim(path: str | Path) -> Skim:
    """Skim a file, gzip or plain, in bounded memory.

    Raises StdfError as `read` does, and where the file cannot be opened or its gzip is damaged.
    """
    try:
        with Path(path).open("rb") as file:
            found = _Records()
            content = Content(file, str(path))
            for chunk in content:
                found.add(chunk, str(path))
            return _skimmed(found, content, str(path))
    except OSError as error:
        raise StdfError(f"{path}: cannot be read: {error.strerror or error}") from error


def _skimmed(found: "_Records", content: Content, path: str) -> Skim:
    tables = read(_Named(bytes(found.kept) or found.left, path))
    refused = [_moved(tables.refused, found), *found.rest(content.size)]
    if content.broken:
        refused.append(_stretch(content.size, 0, content.broken))
    table = pa.concat_tables(refused)
    ends = found.last == RECORDS["MRR"].code
    counts = {str(name_of(int(n))): int(found.counts[n]) for n in np.flatnonzero(found.counts)}
    return Skim(
        path=path,
        tables=tables,
        counts=counts,
        refused=table,
        stored_bytes=content.stored,
        content_bytes=content.size,
        sha256=content.hash.hexdigest(),
        is_complete=ends and not table.num_rows,
    )


class _Named(io.BytesIO):
    """Bytes that errors call by the name of their file."""

    def __init__(self, content: bytes, name: str) -> None:
        super().__init__(content)
        self.name = name


class _Records:
    """The records kept so far, where each began, and how many there were of each kind."""

    def __init__(self) -> None:
        self.kept = bytearray()
        self.counts = np.zeros(2**16, np.int64)
        self.last = -1
        self.stop: int | None = None
        self.reason = ""
        self.left, self._read = b"", 0
        self._places: list[Longs] = []
        self._starts: list[Longs] = []
        self._known = _known()

    def add(self, chunk: bytes, path: str) -> None:
        """Take the whole records of `chunk`; what is behind a broken one is not looked at."""
        if self.stop is not None:
            return
        content = self.left + chunk
        if not self.kept:
            if len(content) < FAR_SIZE:
                self.left = content
                return
            content = self._begin(content, path)
        data = np.frombuffer(content, np.uint8)
        out, starts = np.empty(data.size, np.uint8), np.empty(data.size // 4 + 1, np.int64)
        at, size, count, last = _skim(data, self._big, self._known, (out, starts, self.counts))
        starts = starts[:count]
        self._note(data, starts)
        self.kept += out[:size].tobytes()
        self.last = int(last) if last >= 0 else self.last
        self.left, self._read = content[int(at) :], self._read + int(at)
        self._check_next()

    def _begin(self, content: bytes, path: str) -> bytes:
        far = content[:FAR_SIZE]
        # Says what is wrong with a file that does not begin as STDF V4 does.
        read(_Named(far, path))
        self._big = far[0] == 0
        self._note(np.frombuffer(far, np.uint8), np.zeros(1, np.int64))
        self.kept += far
        self.counts[RECORDS["FAR"].code] += 1
        self._read = FAR_SIZE
        return content[FAR_SIZE:]

    def _note(self, data: Bytes, starts: Longs) -> None:
        high, low = (0, 1) if self._big else (1, 0)
        lengths = (data[starts + high].astype(np.int64) << 8 | data[starts + low]) + 4
        self._places.append(len(self.kept) + np.cumsum(lengths) - lengths)
        self._starts.append(starts + self._read)

    def _check_next(self) -> None:
        if len(self.left) < 4:
            return
        kind, subtype = self.left[2], self.left[3]
        if self._known[kind << 8 | subtype] == UNKNOWN:
            name = name_of(kind << 8 | subtype)
            second = "a second FAR: another file begins here, to be delivered as a file of its own"
            none = f"no record has type {kind}, subtype {subtype}; nothing behind it was read"
            self.stop, self.reason = self._read, second if name else none

    def rest(self, size: int) -> list[pa.Table]:
        """Tell what was left behind the last whole record."""
        if self.stop is not None:
            return [_stretch(self.stop, size - self.stop, self.reason)]
        if not self.left:
            return []
        return [_stretch(self._read, len(self.left), self._cut())]

    def _cut(self) -> str:
        left = self.left
        if len(left) < 4:
            return f"a record header takes 4 bytes, {len(left)} are left"
        claimed = int.from_bytes(left[:2], "big" if self._big else "little")
        name = name_of(left[2] << 8 | left[3])
        return f"{name} claims {claimed:,} bytes, {len(left) - 4:,} are left"

    def origin(self, places: Longs) -> Longs:
        """Tell where in the file the records began that are kept at `places`."""
        kept, starts = np.concatenate(self._places), np.concatenate(self._starts)
        found: Longs = starts[np.searchsorted(kept, places, "right") - 1]
        return found


def _moved(refused: pa.Table, found: _Records) -> pa.Table:
    if not refused.num_rows:
        return refused
    origin = pa.array(found.origin(refused["record_offset"].to_numpy()))
    return refused.set_column(0, "record_offset", origin)


def _stretch(offset: int, length: int, reason: str) -> pa.Table:
    row = {"record_offset": [offset], "record_length": [length]}
    return pa.table(row | {"record_name": pa.array([None], pa.string()), "reason": [reason]})


def _known() -> Bytes:
    known = np.full(2**16, UNKNOWN, np.uint8)
    known[list(NAMES)] = SKIPPED
    for vendor in VENDOR_TYPES:
        known[vendor << 8 : (vendor + 1) << 8] = SKIPPED
    known[[RECORDS[name].code for name in KEPT]] = TAKEN
    # A second one begins another file.
    known[RECORDS["FAR"].code] = UNKNOWN
    return known


@njit(cache=True, nogil=True)
def _skim(
    data: Bytes, big: bool, known: Bytes, found: tuple[Bytes, Longs, Longs]
) -> tuple[np.int64, int, int, np.int64]:
    """Copy the records taken; give where the next begins, bytes and number copied, last code."""
    out, starts, counts = found
    high, low = (0, 1) if big else (1, 0)
    at, to, taken, last = np.int64(0), 0, 0, np.int64(-1)
    while at + 4 <= data.size:
        code = np.int64(data[at + 2]) << 8 | np.int64(data[at + 3])
        end = at + 4 + (np.int64(data[at + high]) << 8 | np.int64(data[at + low]))
        if known[code] == UNKNOWN or end > data.size:
            break
        counts[code] += 1
        last = code
        if known[code] == TAKEN:
            starts[taken] = at
            taken += 1
            for source in range(at, end):
                out[to] = data[source]
                to += 1
        at = end
    return at, to, taken, last
