"""From bytes to a chain of whole records, and what is refused."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import pyarrow as pa

from fabyield.errors import StdfError
from fabyield.stdf import kernels
from fabyield.stdf.kernels import Bytes, Longs, Words
from fabyield.stdf.records import NAMES, RECORDS, VENDOR_TYPES, name_of

FAR_SIZE = 6
VERSION = 4
USUAL_SIZE = 16
BIG_ENDIAN, LITTLE_ENDIAN, DEC = 1, 2, 0


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
class Chain:
    """All whole records of a file: where they start and the last one stops, and their codes."""

    data: Bytes
    big: bool
    starts: Longs
    codes: Words
    stop: int
    refused: list[Refused] = field(default_factory=list)

    def refuse(self, starts: Longs, name: str, reasons: Sequence[str]) -> None:
        """Note records of the chain that are not read further."""
        if starts.size:
            self.refused.append(Refused(starts, self.lengths(starts), name, reasons))

    def lengths(self, starts: Longs) -> Longs:
        """Count the bytes of the records at `starts`, header included."""
        high, low = (0, 1) if self.big else (1, 0)
        high_bytes, low_bytes = self.data[starts + high], self.data[starts + low]
        return (high_bytes.astype(np.int64) << 8 | low_bytes) + 4

    @cached_property
    def body_lengths(self) -> Longs:
        """Count the bytes of each record behind its header."""
        return np.diff(self.starts, append=self.stop) - 4

    def counts(self) -> dict[str, int]:
        """Count the records by name, in order of type and subtype."""
        seen = np.bincount(self.codes, minlength=1)
        return {str(name_of(int(code))): int(seen[code]) for code in np.flatnonzero(seen)}


def scan(data: Bytes, name: str) -> Chain:
    """Find the whole records in `data`; raises StdfError, naming `name`, if it is no STDF."""
    big = _is_big_endian(data, name)
    known = _known()
    room = data.size // USUAL_SIZE + 1
    starts, codes = np.empty(room, np.int64), np.empty(room, np.uint16)
    count, stop = kernels.chain(data, known, big, starts, codes)
    if count > room:
        starts, codes = np.empty(count, np.int64), np.empty(count, np.uint16)
        kernels.chain(data, known, big, starts, codes)
    found = Chain(data, big, starts[:count], codes[:count], stop)
    if stop < data.size:
        found.refused.append(_rest(data, big, stop))
    return found


def _known() -> Bytes:
    known = np.zeros(2**16, np.uint8)
    known[list(NAMES)] = 1
    # A second one begins another file: its parts are not of this lot.
    known[RECORDS["FAR"].code] = 0
    for vendor in VENDOR_TYPES:
        known[vendor << 8 : (vendor + 1) << 8] = 1
    return known


def _is_big_endian(data: Bytes, name: str) -> bool:
    if not data.size:
        raise StdfError(f"{name}: empty file")
    head = data[:FAR_SIZE].tolist()
    if len(head) < FAR_SIZE or sorted(head[:2]) != [0, 2] or head[2:4] != [0, 10]:
        begin = bytes(head).hex(" ")
        raise StdfError(f"{name}: first record is not FAR but begins with bytes {begin}")
    cpu_type, version, big = head[4], head[5], head[0] == 0
    if version != VERSION:
        raise StdfError(f"{name}: STDF version {version}; only version {VERSION} can be read")
    if cpu_type == DEC:
        raise StdfError(f"{name}: CPU_TYPE 0 (DEC): its floating-point numbers are not supported")
    if cpu_type not in (BIG_ENDIAN, LITTLE_ENDIAN):
        raise StdfError(f"{name}: CPU_TYPE {cpu_type} is neither 1 (big) nor 2 (little-endian)")
    if big != (cpu_type == BIG_ENDIAN):
        raise StdfError(f"{name}: CPU_TYPE {cpu_type} contradicts the byte order of FAR's length")
    return bool(big)


def _rest(data: Bytes, big: bool, stop: int) -> Refused:
    left = data.size - stop
    if left < 4:
        return Refused.one(stop, left, None, f"a record header takes 4 bytes, {left} are left")
    high, low, kind, subtype = (int(byte) for byte in data[stop : stop + 4])
    claimed = high << 8 | low if big else low << 8 | high
    name = name_of(kind << 8 | subtype)
    if name == "FAR":
        reason = "a second FAR: another file begins here, to be delivered as a file of its own"
    elif name is None:
        reason = f"no record has type {kind}, subtype {subtype}; nothing behind it was read"
    else:
        reason = f"{name} claims {claimed:,} bytes, {left - 4:,} are left"
    # A stretch, not a record: it is not among the counts.
    return Refused.one(stop, left, None, reason)


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
