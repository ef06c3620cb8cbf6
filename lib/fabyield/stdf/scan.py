"""From blocks of bytes to chains of whole records, and what is refused."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache

import numpy as np
import pyarrow as pa

from fabyield.errors import StdfError
from fabyield.stdf import chains
from fabyield.stdf.chains import Links, Types
from fabyield.stdf.kernels import Bytes, Flags, Longs, Words, taken
from fabyield.stdf.records import NAMES, RECORDS, VENDOR_TYPES, name_of

FAR_SIZE = 6
VERSION = 4
BIG_ENDIAN, LITTLE_ENDIAN, DEC = 1, 2, 0
ROLES = {
    **{"FAR": chains.FAR, "PIR": chains.PIR, "PRR": chains.PRR, "WIR": chains.WIR},
    **{"WRR": chains.WRR, "STR": chains.SCAN},
    **dict.fromkeys(("PTR", "MPR", "FTR"), chains.TEST),
}
# Without so much, a header behind a damaged stretch is not taken for that of such a record.
LEAST = {
    **{"MIR": 15, "MRR": 4, "PCR": 6, "HBR": 8, "SBR": 8, "PMR": 4, "PGR": 3, "SDR": 3},
    **{"WIR": 6, "WRR": 6, "WCR": 4, "PIR": 2, "PRR": 7, "TSR": 7, "PTR": 8, "MPR": 8, "FTR": 7},
    **{"ATR": 5, "RDR": 2, "STR": 12, "DTR": 1, "GDR": 2, "PLR": 2},
}
# A damaged stretch so long may hide any record, a shorter one those whose code stands in it.
OPAQUE = 512


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
    """The whole records of a block: where they start and end, what they are, how many of each.

    `base` is the block's place in the content. `hidden` has a row per record and one for the end:
    whether a damaged stretch before it may hide the end of a part, the end of a wafer.
    """

    data: Bytes
    big: bool
    base: int
    starts: Longs
    ends: Longs
    codes: Words
    many: Longs
    hidden: Flags
    is_last: bool = True
    refused: list[Refused] = field(default_factory=list)

    def refuse(self, index: Longs, name: str, reasons: Sequence[str]) -> None:
        """Note records, by their place in the chain, that are not read further."""
        if index.size:
            offsets = self.starts[index] + self.base
            self.refused.append(Refused(offsets, self.lengths(index), name, reasons))

    def lengths(self, index: Longs) -> Longs:
        """Count the bytes of some of the records, header included."""
        lengths: Longs = taken(self.ends, index) - taken(self.starts, index)
        return lengths

    def roles(self) -> Bytes:
        """Tell what each record is to parts and wafers."""
        return types().role[self.codes]

    def counts(self) -> dict[str, int]:
        """Count the records by name, in order of type and subtype."""
        return {str(name_of(code)): int(self.many[code]) for code in self.present()}

    def present(self) -> list[int]:
        """List the codes that there are."""
        codes: list[int] = np.flatnonzero(self.many).tolist()
        return codes


def scan(blocks: Iterable[Bytes], name: str) -> Iterator[Chain]:
    """Follow the records through `blocks`; raises StdfError, naming `name`, if it is no STDF.

    What is damaged is refused, as far as the next place where records follow one another.
    """
    scanner, left = Scanner(name), np.empty(0, np.uint8)
    for block in blocks:
        # The one before is done with only when it is known not to be the last.
        if left.size >= FAR_SIZE:
            chain, left = scanner.chain(left, last=False)
            yield chain
        left = np.concatenate([left, block]) if left.size else block
    yield scanner.chain(left, last=True)[0]


class Scanner:
    """Where a scan stands between two blocks."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._base = 0
        self._big: bool | None = None
        self._lost = False
        self._over = False

    def chain(self, data: Bytes, *, last: bool) -> tuple[Chain, Bytes]:
        """Find the records of a block, and what is left of it for the next one."""
        first = self._big is None
        if self._big is None:
            self._big = is_big_endian(data, self._name)
        # Always read-only, or the loops would be compiled twice.
        data.flags.writeable = False
        links = _room(0 if self._over else data.size)
        count, gaps, stop, self._lost = (
            (0, 0, data.size, False)
            if self._over
            else chains.chain(data, self._big, (first, last, self._lost), types(), links)
        )
        chain = Chain(
            data,
            self._big,
            self._base,
            links.start[:count],
            links.end[:count],
            links.code[:count],
            links.many,
            _hidden(data, links.gap[:gaps], count),
            last,
        )
        for begin, end, _ in links.gap[:gaps].tolist():
            chain.refused.append(self._gap(data, begin, end))
        return chain, self._rest(chain, int(stop), last)

    def _rest(self, chain: Chain, stop: int, last: bool) -> Bytes:
        data = chain.data
        left = data.size - stop
        second = left >= 4 and not self._lost and bytes(data[stop + 2 : stop + 4]) == b"\x00\x0a"
        if left and (last or second):
            self._over = second
            chain.refused.append(_tail(self._base + stop, left, second))
            stop = data.size
        self._base += stop
        return data[stop:]

    def _gap(self, data: Bytes, begin: int, end: int) -> Refused:
        high, low, kind, subtype = (int(byte) for byte in data[begin : begin + 4])
        claimed = high << 8 | low if self._big else low << 8 | high
        name, left = name_of(kind << 8 | subtype), data.size - begin - 4
        reason = "no record begins here"
        if name is None:
            reason = f"no record has type {kind}, subtype {subtype}"
        elif claimed > left:
            reason = f"{name} claims {claimed:,} bytes, {left:,} are left"
        elif end < begin + 4 + claimed:
            reason = f"{name} claims {claimed:,} bytes, but other records begin among them"
        # A stretch, not a record: it is not among the counts.
        return Refused.one(self._base + begin, end - begin, None, reason)


@cache
def types() -> Types:
    """Tell what each code of a record is."""
    role = np.zeros(2**16, np.uint8)
    least = np.zeros(2**16, np.uint8)
    role[list(NAMES)] = chains.PLAIN
    for name, value in ROLES.items():
        role[RECORDS[name].code] = value
    for name, value in LEAST.items():
        least[RECORDS[name].code] = value
    for vendor in VENDOR_TYPES:
        role[vendor << 8 : (vendor + 1) << 8] = chains.VENDOR
    return Types(role, least)


def _room(size: int) -> Links:
    # Each has a header, and each gap stands before a record or the end.
    most = size // 4 + 1
    return Links(
        np.empty(most, np.int64),
        np.empty(most, np.int64),
        np.empty(most, np.uint16),
        np.zeros(2**16, np.int64),
        np.empty((most, 3), np.int64),
    )


def _hidden(data: Bytes, gaps: Longs, count: int) -> Flags:
    hidden = np.zeros((count + 1, 2), np.bool_)
    for begin, end, before in gaps.tolist():
        stretch = bytes(data[begin:end])
        opaque = len(stretch) >= OPAQUE
        hidden[before, 0] |= opaque or b"\x05\x0a" in stretch or b"\x05\x14" in stretch
        hidden[before, 1] |= opaque or b"\x02\x0a" in stretch or b"\x02\x14" in stretch
    return hidden


def _tail(offset: int, left: int, second: bool) -> Refused:
    reason = f"a record header takes 4 bytes, {left} are left"
    if second:
        reason = "a second FAR: another file begins here, to be delivered as a file of its own"
    return Refused.one(offset, left, None, reason)


def is_big_endian(data: Bytes, name: str) -> bool:
    """Tell the byte order by FAR; raises StdfError if the content cannot be read."""
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
