"""What of a file cannot be read: single records, and damaged stretches."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from fabyield.stdf.compiled.buffers import Longs
from fabyield.stdf.spec.records import name_of

# A damaged stretch so long may hide any record, a shorter one those whose code stands in it.
OPAQUE = 512
PARTS, WAFERS = re.compile(rb"\x05[\x0a\x14]"), re.compile(rb"\x02[\x0a\x14]")


@dataclass(frozen=True)
class Refused:
    """Records of one name that were not read, with the reason of each."""

    offsets: Longs
    lengths: Longs
    name: str | None
    reasons: Sequence[str]

    @classmethod
    def one(cls, offset: int, length: int, name: str | None, reason: str) -> "Refused":
        """Refuse a single stretch of bytes."""
        return cls(np.array([offset]), np.array([length]), name, [reason])


@dataclass(frozen=True)
class Gap:
    """A damaged stretch as far as it was seen: where it begins, its header, its last byte.

    `hides`: whether it may hide the end of a part, the end of a wafer; `blank`: it is all zeros.
    """

    begin: int
    end: int = 0
    head: bytes = b""
    tail: bytes = b""
    hides: tuple[bool, bool] = (False, False)
    blank: bool = True

    def with_more(self, end: int, stretch: bytes) -> "Gap":
        """Go on with it in the next block."""
        seen = self.tail + stretch
        parts = self.hides[0] or bool(PARTS.search(seen))
        wafers = self.hides[1] or bool(WAFERS.search(seen))
        blank = self.blank and not stretch.strip(b"\0")
        return Gap(self.begin, end, (self.head + stretch)[:4], seen[-1:], (parts, wafers), blank)

    def claimed(self, big: bool) -> int:
        """Where its header says that a record ends."""
        size = int.from_bytes(self.head[:2], "big" if big else "little")
        return self.begin + 4 + size

    def hidden(self, big: bool) -> tuple[bool, bool]:
        """Tell what it may hide: anything if long; the end of a part if bytes may be lost."""
        opaque = self.end - self.begin >= OPAQUE
        # Unless its header leads to where records go on.
        torn = len(self.head) < 4 or self.claimed(big) != self.end
        return self.hides[0] or opaque or torn, self.hides[1] or opaque

    def refused(self, big: bool, *, over: bool) -> Refused:
        """Say why it is not read; `over` if it reaches to the end of the content."""
        # A stretch, not a record: it is not among the counts.
        return Refused.one(self.begin, self.end - self.begin, None, self._reason(big, over))

    def _reason(self, big: bool, over: bool) -> str:
        if len(self.head) < 4:
            return "no record begins here"
        kind, subtype = self.head[2:]
        name, left = name_of(kind << 8 | subtype), self.end - self.begin - 4
        claimed = self.claimed(big) - self.begin - 4
        if name is None:
            return f"no record has type {kind}, subtype {subtype}"
        if claimed <= left:
            return "no record begins here"
        why = f"{left:,} are left" if over else "but other records begin among them"
        return f"{name} claims {claimed:,} bytes, {why}"


def refused_table(refused: Iterable[Refused]) -> pa.Table:
    """Gather all refusals in one table, in order of offset."""
    parts = list(refused)
    empty = [np.empty(0, np.int64)]
    table = pa.table(
        {
            "record_offset": pa.array(np.concatenate([p.offsets for p in parts] or empty)),
            "record_length": pa.array(np.concatenate([p.lengths for p in parts] or empty)),
            "record_name": pa.array([p.name for p in parts for _ in p.offsets], pa.string()),
            "reason": pa.array([reason for p in parts for reason in p.reasons], pa.string()),
        }
    )
    return table.sort_by("record_offset")
