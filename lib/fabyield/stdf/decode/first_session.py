"""The records of the first test session in a file: its one MIR holds for one lot."""

from collections.abc import Iterable, Iterator
from dataclasses import replace

import numpy as np

from fabyield.stdf.compiled import headers
from fabyield.stdf.compiled.buffers import Bytes, Flags
from fabyield.stdf.decode.chain import Chain
from fabyield.stdf.decode.damage import refused_rows
from fabyield.stdf.decode.rows import Rows
from fabyield.stdf.spec.records import RECORDS

MIR, MRR = RECORDS["MIR"].code, headers.MRR
SPLIT = "one file holds one session; split it there, and deliver both, each with a FAR"
HIDDEN = "parts behind MRR and a damaged stretch, which may hide the FAR and MIR of another session"
BEHIND = "parts behind MRR without a MIR of their own: they count for the lot before it"
OF_PART = np.zeros(256, np.bool_)
OF_PART[[headers.PIR, headers.PRR, headers.TEST, headers.WIR]] = True
# The column of `Chain.hidden`.
SESSION = 2
Found = tuple[int, str]


def first_session(chains: Iterable[Chain]) -> Iterator[Chain]:
    """Yield the records of a file up to those of another session, which it refuses as one stretch.

    Each chain is valid until the next one is read.
    """
    session, begin, reason = Session(), -1, ""
    for block in chains:
        index = 0
        if begin < 0 and (found := session.other(block)):
            index, reason = found
            begin = block.base + int(block.starts[index])
        if block.is_last and begin < 0 and session.behind is not None:
            block.refused.append(refused_rows(session.behind, 0, None, [BEHIND]))
        yield block if begin < 0 else _until(block, index, begin, reason)


def _until(block: Chain, index: int, begin: int, reason: str) -> Chain:
    """Return the records of a block before one of them; the last block refuses the others."""
    kept = [rows for rows in block.refused if rows["record_offset"][0].as_py() < begin]
    if block.is_last:
        size = block.base + block.data.size - begin
        kept.append(refused_rows(begin, size, None, [reason]))
    return replace(block.before(index), refused=kept)


def is_of_part(roles: Bytes) -> Flags:
    """Return which records begin or end a part, are in one, or begin a wafer."""
    return np.asarray(OF_PART[roles])


class Session:
    """What is known of the first session of a file, from block to block.

    A MIR with the bytes of the first one says nothing new and is let pass.
    """

    def __init__(self) -> None:
        # The byte of the first part behind MRR that counts for the lot before it.
        self.behind: int | None = None
        self._mir: bytes | None = None
        self._has_parts = False
        # Whether an MRR came and no part since, and whether damage since may hide a MIR.
        self._has_ended = False
        self._may_be_other = False

    def other(self, chain: Chain) -> Found | None:
        """Return the first record of a block that is of another session, and why."""
        other = self._other_mir(chain) if chain.many[MIR] else None
        behind = self._behind_mrr(chain) if chain.many[MRR] or self._has_ended else None
        self._has_parts = self._has_parts or bool(is_of_part(chain.roles).any())
        return min((found for found in (other, behind) if found), default=None)

    def _other_mir(self, chain: Chain) -> Found | None:
        for index in chain.index("MIR").tolist():
            start, end = int(chain.starts[index]), int(chain.ends[index])
            body = chain.data[start + 4 : end].tobytes()
            if self._mir is None:
                if self._has_parts or is_of_part(chain.roles[:index]).any():
                    return index, f"MIR{_place(chain, index)} behind parts of no known lot: {SPLIT}"
                self._mir = body
            elif body != self._mir:
                return index, f"a second MIR{_place(chain, index)}: {SPLIT}"
        return None

    def _behind_mrr(self, chain: Chain) -> Found | None:
        parts, known = np.flatnonzero(is_of_part(chain.roles)), -1
        for end in [-1] * self._has_ended + chain.index("MRR").tolist():
            first = int(next(iter(parts[np.searchsorted(parts, end) :]), chain.codes.size))
            if first == known:
                continue
            known = first
            hidden = chain.hidden[end + 1 : first + 1, SESSION]
            self._may_be_other = self._may_be_other or bool(hidden.any())
            self._has_ended = first == chain.codes.size
            if self._may_be_other and not self._has_ended:
                return first, HIDDEN
            if not self._has_ended and self.behind is None:
                self.behind = chain.base + int(chain.starts[first])
        return None


def _place(chain: Chain, index: int) -> str:
    rows = Rows(chain, "MIR", ("lot_id",), least=None, index=np.array([index]))
    lot = rows.column("lot_id")[0].as_py()
    return f" at byte {chain.base + int(chain.starts[index]):,} (lot {lot or '-'})"
