"""Records and damaged stretches of a file that cannot be read."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from fabyield.stdf.compiled.buffers import Longs
from fabyield.stdf.spec.records import name_of

# A damaged stretch this long may hide any record, a shorter one only those with their code in it.
OPAQUE = 512
# The codes of PIR and PRR, WIR and WRR, FAR and MIR.
PARTS, WAFERS = re.compile(rb"\x05[\x0a\x14]"), re.compile(rb"\x02[\x0a\x14]")
SESSIONS = re.compile(rb"[\x00\x01]\x0a")
_TYPES: dict[str, pa.DataType] = {
    **{"record_offset": pa.int64(), "record_length": pa.int64()},
    **{"record_name": pa.string(), "reason": pa.string()},
}
REFUSED = pa.schema(_TYPES)


def refused_rows(
    offsets: Longs | int, lengths: Longs | int, name: str | None, reasons: Sequence[str]
) -> pa.Table:
    """Return a row per refused record or stretch, all of one record name."""
    names = [name] * len(reasons)
    columns: list[Any] = [np.atleast_1d(offsets), np.atleast_1d(lengths), names, reasons]
    return pa.table(columns, schema=REFUSED)


def refused_table(refused: Iterable[pa.Table]) -> pa.Table:
    """Join the rows of all refusals in order of offset."""
    return pa.concat_tables([REFUSED.empty_table(), *refused]).sort_by("record_offset")


def cause(refused: pa.Table) -> pa.Table:
    """Return the row that explains others: of the whole file, else of a stretch, else of a record.

    Of rows of the whole file the last, as a broken stream has its row at the end. No row where
    nothing is refused.
    """
    stretches = refused.filter(refused["record_name"].is_null())
    of_file = stretches.filter(stretches["record_length"].to_numpy() == 0)
    if of_file.num_rows:
        return of_file.slice(of_file.num_rows - 1)
    return (stretches if stretches.num_rows else refused).slice(0, 1)


@dataclass(frozen=True)
class Gap:
    """A damaged stretch as far as it was seen: its start and end, its header, its last byte.

    `hides`: whether it may hide the end of a part, the end of a wafer, the start of a session;
    `blank`: it is all zeros.
    """

    start: int
    end: int = 0
    head: bytes = b""
    tail: bytes = b""
    hides: tuple[bool, bool, bool] = (False, False, False)
    blank: bool = True

    def with_more(self, end: int, stretch: bytes) -> "Gap":
        """Return the stretch continued in the next block."""
        seen = self.tail + stretch
        parts = self.hides[0] or bool(PARTS.search(seen))
        wafers = self.hides[1] or bool(WAFERS.search(seen))
        hides = parts, wafers, self.hides[2] or bool(SESSIONS.search(seen))
        blank = self.blank and not stretch.strip(b"\0")
        return Gap(self.start, end, (self.head + stretch)[:4], seen[-1:], hides, blank)

    def _claimed(self, big: bool) -> int:
        return int.from_bytes(self.head[:2], "big" if big else "little")

    def hidden(self, big: bool) -> tuple[bool, bool, bool]:
        """Return what it may hide, as `hides`."""
        opaque = self.end - self.start >= OPAQUE
        # Bytes may be lost unless its header leads to the next record.
        torn = len(self.head) < 4 or self.start + 4 + self._claimed(big) != self.end
        parts, wafers, sessions = self.hides
        return parts or opaque or torn, wafers or opaque, sessions or opaque

    def refused(self, big: bool, *, over: bool) -> pa.Table:
        """Return its row with the reason; `over` if it reaches to the end of the content."""
        reason, size, claimed = "no record begins here", self.end - self.start, self._claimed(big)
        if len(self.head) == 4:
            kind, subtype = self.head[2:]
            name = name_of(kind << 8 | subtype)
            if name is None:
                reason = f"no record has type {kind}, subtype {subtype}"
            elif claimed > size - 4:
                why = f"{size - 4:,} are left" if over else "but other records begin among them"
                reason = f"{name} claims {claimed:,} bytes, {why}"
        # A stretch has no record name, so that it is not counted as a record.
        return refused_rows(self.start, size, None, [reason])
