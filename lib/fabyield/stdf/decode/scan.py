"""From blocks of bytes to chains of whole records, with refusals for the rest."""

from collections.abc import Iterable, Iterator

import numpy as np

from fabyield.errors import StdfError
from fabyield.stdf.compiled import headers, record_chain
from fabyield.stdf.compiled.buffers import Bytes
from fabyield.stdf.compiled.record_chain import Links
from fabyield.stdf.decode.chain import Chain
from fabyield.stdf.decode.damage import Gap, refused_rows
from fabyield.stdf.decode.record_types import types
from fabyield.stdf.spec.records import RECORDS

FAR_SIZE, PIR_SIZE = 4 + headers.FAR_BODY, 4 + headers.PIR_BODY
BIG_ENDIAN, LITTLE_ENDIAN, DEC = 1, 2, 0


SECOND_FAR = "a second FAR: another file begins here, to be delivered as a file of its own"


def scan(blocks: Iterable[Bytes], name: str) -> Iterator[Chain]:
    """Follow the records through `blocks`; raise StdfError, naming `name`, if this is no STDF.

    Damage is refused up to the next place where a run of records begins. Each chain is valid until
    the next one is read: they share their memory.
    """
    scanner, left = Scanner(name), np.empty(0, np.uint8)
    for block in blocks:
        # A block is scanned when the next one has come: only then is it known not to be the last.
        if left.size >= FAR_SIZE:
            chain, left = scanner.chain(left, last=False)
            yield chain
        # A copy, because the block is valid only until the next one is read.
        left = np.concatenate([left, block])
    yield scanner.chain(left, last=True)[0]


class Scanner:
    """The state of a scan between two blocks."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._base = 0
        self._big: bool | None = None
        self._lost = False
        # The byte of a second FAR, which ends what is read.
        self._second: int | None = None
        # Whether the last record so far is MRR: zeros after it are padding.
        self._has_ended = False
        self._gap: Gap | None = None
        self._room = _room(0)

    def chain(self, data: Bytes, *, last: bool) -> tuple[Chain, Bytes]:
        """Return the records of a block, and the bytes left for the next one."""
        first = self._big is None
        if self._big is None:
            self._big = is_big_endian(data, self._name)
        # Always read-only, so that the loops are compiled only once.
        data.flags.writeable = False
        links, (count, gaps, stop, lost) = self._follow(data, first, last)
        # More PIRs than were read: some are in damaged stretches, or inside other records.
        if headers.count_pirs(data[:stop], self._big) > _pirs(links, count):
            links, (count, gaps, stop, lost) = self._follow(data, first, last, careful=True)
        self._lost = lost
        chain = Chain(
            data,
            self._big,
            self._base,
            links.start[:count],
            links.end[:count],
            links.code[:count],
            links.role[:count],
            links.many,
            np.zeros((count + 1, 3), np.bool_),
            last,
        )
        if count:
            self._has_ended = int(links.code[count - 1]) == headers.MRR
        found = links.gap[:gaps].tolist()
        if last and self._lost:
            # Too little is left for another header.
            found.append([int(stop), data.size, count])
            stop, self._lost = np.int64(data.size), False
        self._refuse_gaps(chain, found)
        return chain, self._rest(chain, int(stop), last)

    def _follow(
        self, data: Bytes, first: bool, last: bool, *, careful: bool = False
    ) -> tuple[Links, tuple[int, int, int | np.int64, bool]]:
        # Each record has a header, and each gap is in front of a record or the end.
        most = data.size // 4 + 1
        if self._room.start.size < most:
            self._room = _room(most)
        links = self._room._replace(many=np.zeros_like(self._room.many))
        if self._second is not None:
            return links, (0, 0, data.size, False)
        flags = (first, last, self._lost, careful)
        return links, record_chain.follow_headers(data, bool(self._big), flags, types(), links)

    def _refuse_gaps(self, chain: Chain, gaps: list[list[int]]) -> None:
        """Refuse the stretches that end in this block, and note what they may hide."""
        goes_on = gaps[0][0] == 0 if gaps else self._lost and not chain.starts.size
        if not goes_on:
            self._close_gap(chain, 0)
        for n, (begin, end, before) in enumerate(gaps, 1):
            gap = self._gap or Gap(self._base + begin)
            self._gap = gap.with_more(self._base + end, bytes(chain.data[begin:end]))
            if n < len(gaps) or not self._lost:
                self._close_gap(chain, before, over=chain.is_last and end == chain.data.size)

    def _close_gap(self, chain: Chain, before: int, *, over: bool = False) -> None:
        gap, self._gap = self._gap, None
        is_padding = over and gap and gap.blank and self._has_ended
        if gap and not is_padding:
            chain.hidden[before] |= gap.hidden(chain.big)
            chain.refused.append(gap.refused(chain.big, over=over))

    def _rest(self, chain: Chain, stop: int, last: bool) -> Bytes:
        data = chain.data
        left = data.size - stop
        goes_on = not self._lost and self._second is None
        if goes_on and headers.is_far(data, chain.big, np.int64(stop)):
            self._second = self._base + stop
        if self._second is not None:
            stop = data.size
            if last:
                size = self._base + data.size - self._second
                chain.refused.append(refused_rows(self._second, size, None, [SECOND_FAR]))
        elif left and last:
            if not self._has_ended or data[stop:].any():
                reason = f"a record header takes 4 bytes, {left} are left"
                chain.refused.append(refused_rows(self._base + stop, left, None, [reason]))
            stop = data.size
        self._base += stop
        return data[stop:]


def _room(most: int) -> Links:
    return Links(
        np.empty(most, np.int64),
        np.empty(most, np.int64),
        np.empty(most, np.uint16),
        np.empty(most, np.uint8),
        np.zeros(2**16, np.int64),
        np.empty((most, 3), np.int64),
    )


def _pirs(links: Links, count: int) -> int:
    found = np.flatnonzero(links.code[:count] == RECORDS["PIR"].code)
    return int(np.count_nonzero(links.end[found] - links.start[found] == PIR_SIZE))


TEXT_MODE = "; an FTP transfer in text mode did this: send the file again in binary mode"
HINTS = {
    b"\x02\x00\x00\r\n": TEXT_MODE,
    b"\x00\x02\x00\r\n": TEXT_MODE,
    b"PK\x03\x04": "; this is a zip archive: unpack it, or compress the file with gzip",
}


def is_big_endian(data: Bytes, name: str) -> bool:
    """Return the byte order that FAR gives; raise StdfError if the content cannot be read."""
    if not data.size:
        raise StdfError(f"{name}: empty file")
    head = data[:FAR_SIZE].tolist()
    if len(head) < FAR_SIZE or sorted(head[:2]) != [0, 2] or head[2:4] != [0, 10]:
        begin = bytes(head)
        hint = next((hint for start, hint in HINTS.items() if begin.startswith(start)), "")
        what = f"first record is not FAR but begins with bytes {begin.hex(' ')}"
        raise StdfError(f"{name}: {what}{hint}")
    cpu_type, version, big = head[4], head[5], head[0] == 0
    if version != headers.VERSION:
        only = f"only version {headers.VERSION} can be read"
        raise StdfError(f"{name}: STDF version {version}; {only}")
    if cpu_type == DEC:
        raise StdfError(f"{name}: CPU_TYPE 0 (DEC): its floating-point numbers are not supported")
    if cpu_type not in (BIG_ENDIAN, LITTLE_ENDIAN):
        raise StdfError(f"{name}: CPU_TYPE {cpu_type} is neither 1 (big) nor 2 (little-endian)")
    if big != (cpu_type == BIG_ENDIAN):
        raise StdfError(f"{name}: CPU_TYPE {cpu_type} contradicts the byte order of FAR's length")
    return bool(big)
