"""Who owns what: test records their part, parts their wafer."""

import numpy as np
import pyarrow as pa

from fabyield.stdf.arrow.list_columns import ArrowArray, arrow, arrow_taken
from fabyield.stdf.compiled import part_ownership
from fabyield.stdf.compiled.buffers import Ints, Longs
from fabyield.stdf.compiled.part_ownership import (
    HEADS,
    NOBODY,
    OPEN,
    PLACES,
    Open,
    Owned,
    Records,
)
from fabyield.stdf.decode.rows import Rows
from fabyield.stdf.decode.scan import Chain
from fabyield.stdf.spec.codes import NO_PART_VERDICT, PART_FAILED

# Instead of a part's number.
NEVER_CLOSED, WAITING = -1, -3
PLACE = ("wafer_num", "head_num", "site_num", "x_coord", "y_coord")


class Touchdowns:
    """The parts that tests belong to, from block to block: a row per PIR that is still needed.

    `part`: the number of the part, NEVER_CLOSED, or WAITING for its PRR; `row`: which of `closing`,
    the PRRs of this and earlier blocks, that is.
    """

    def __init__(self) -> None:
        told = np.array([0, 0, 0, 0, part_ownership.NO_HEAD, 0], np.int64)
        own_head = np.arange(HEADS, dtype=np.uint8)
        self._open = Open(
            np.full(PLACES, NOBODY, np.int32),
            np.zeros(PLACES, np.int32),
            np.full(HEADS, NOBODY, np.int32),
            np.zeros(HEADS, np.int32),
            told,
            np.repeat(own_head, PLACES // HEADS),
            np.repeat(own_head, PLACES // HEADS),
            own_head.copy(),
            np.full(HEADS, NOBODY, np.int32),
        )
        self._closed: Ints = np.empty(0, np.int32)
        self._parts = 0
        self.part: Longs = np.empty(0, np.int64)
        self._row: Longs = np.empty(0, np.int64)
        self._closing: list[pa.Table] = []
        self._closing_rows = 0

    @property
    def runs(self) -> int:
        """Number of wafer runs so far."""
        return int(self._open.told[part_ownership.RUNS])

    def follow(self, chain: Chain) -> tuple[Ints, Ints]:
        """Give each record of the next block its owner; also list the runs that go on as others."""
        known, count = self.part.size, chain.starts.size
        self._open.told[part_ownership.PIRS] = known
        closed = np.full(known + count, OPEN, np.int32)
        out = Owned(np.empty(count, np.int32), closed, np.empty((count, 2), np.int32))
        records = Records(chain.starts, chain.ends, chain.roles, chain.hidden)
        splits = part_ownership.own(chain.data, records, self._open, out)
        pirs = int(self._open.told[part_ownership.PIRS])
        self._closed, more = closed[:pirs], pirs - known
        self.part = np.append(self.part, np.full(more, WAITING, np.int64))
        self._row = np.append(self._row, np.zeros(more, np.int64))
        return out.owner, out.split[:splits].copy()

    def parts(self, rows: Rows, owner: Ints) -> pa.Table:
        """One row per PRR of the block, which closes a part."""
        wafer = owner[rows.index].astype(np.int64)
        flags = rows.integers("part_flg")
        known = flags & NO_PART_VERDICT == 0
        fields = [field.name for field in rows.record.fields if field.name != "part_fix"]
        number = self._parts + np.arange(len(rows), dtype=np.int64)
        table = pa.table(
            {
                "part_num": pa.array(number),
                "record_offset": pa.array(rows.starts + rows.chain.base),
                "wafer_num": arrow(wafer, wafer >= 0, pa.int32()),
                **rows.columns(fields),
                "part_pass": pa.array(flags & PART_FAILED == 0, pa.bool_(), mask=~known),
            }
        )
        self._close(rows, table)
        return table

    def _close(self, rows: Rows, parts: pa.Table) -> None:
        closed = np.flatnonzero(self._closed >= 0)
        row = np.searchsorted(rows.index, self._closed[closed])
        # A PRR that is damaged closes a part that nobody knows.
        whole = np.append(rows.index, -1)[row] == self._closed[closed]
        self.part[closed] = np.where(whole, self._parts + row, NEVER_CLOSED)
        self._row[closed] = self._closing_rows + row
        self._closing.append(parts.select(PLACE))
        self._closing_rows += len(rows)
        self._parts += len(rows)
        known = self._open.part_told == self._open.told[part_ownership.PARTS_LOST]
        self._open.part[~known] = NOBODY
        lost = self.part == WAITING
        lost[self._open.part[self._open.part >= 0]] = False
        self.part[lost] = NEVER_CLOSED

    def places(self, pir: Ints) -> dict[str, ArrowArray]:
        """Tell wafer, head, site and coordinates of tests by their PIR, which is closed."""
        closing = pa.concat_tables(self._closing).combine_chunks()
        # By PIR first: there are far fewer of them than tests.
        used: ArrowArray = pa.array(np.where(self.part >= 0, self._row, 0), mask=self.part < 0)
        return {name: arrow_taken(closing[name].combine_chunks().take(used), pir) for name in PLACE}

    def give_up(self, pir: int | None = None) -> None:
        """Take the part of a PIR, or all that are still open, for never closed."""
        lost = self.part == WAITING if pir is None else np.arange(self.part.size) == pir
        self.part[lost] = NEVER_CLOSED
        held = self._open.part
        held[(held >= 0) if pir is None else held == pir] = NOBODY

    def forget(self, needed: Longs) -> Ints:
        """Drop all PIRs but those open and `needed`; return the new number of each."""
        kept = np.zeros(self.part.size, np.bool_)
        kept[needed] = True
        kept[self.part == WAITING] = True
        number = (np.cumsum(kept) - 1).astype(np.int32)
        self._open.part[:] = np.append(number, NOBODY)[self._open.part]
        self.part, row = self.part[kept], self._row[kept]
        still = self.part >= 0
        closed: ArrowArray = pa.array(row[still])
        closing = pa.concat_tables(self._closing).combine_chunks().take(closed)
        self._row = np.zeros(row.size, np.int64)
        self._row[still] = np.arange(int(still.sum()))
        self._closing, self._closing_rows = [closing], int(still.sum())
        return number
