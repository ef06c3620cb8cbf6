"""Which part each test record belongs to, and which wafer run each part belongs to."""

from collections.abc import Mapping

import numpy as np
import pyarrow as pa

from fabyield.stdf.arrow.list_columns import ArrowArray, take_numbers, to_arrow
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
    Wafer,
)
from fabyield.stdf.decode.chain import Chain
from fabyield.stdf.decode.rows import Rows
from fabyield.stdf.decode.wafer_names import WaferNames
from fabyield.stdf.spec.codes import NO_PART_VERDICT, PART_FAILED

# Instead of a part's number.
NEVER_CLOSED, WAITING = -1, -3
END = ("head_num", "site_num", "record_offset")
PLACE = ("wafer_num", "head_num", "site_num", "x_coord", "y_coord")


class Touchdowns:
    """The parts that tests belong to, from block to block: a row per PIR that is still needed.

    `part`: the number of the part, NEVER_CLOSED, or WAITING for its PRR; `_row`: the row of that
    part in `_closing`, the PRRs of this and earlier blocks.
    """

    def __init__(self) -> None:
        own_head = np.arange(HEADS, dtype=np.uint8)
        self._open = Open(
            part=np.full(PLACES, NOBODY, np.int32),
            part_at=np.full(PLACES, NOBODY, np.int64),
            part_run=np.full(PLACES, NOBODY, np.int32),
            part_seen=np.zeros(PLACES, np.int32),
            wafer=np.full(HEADS, NOBODY, np.int32),
            wafer_seen=np.zeros(HEADS, np.int32),
            counters=np.array([0, 0, 0, 0, part_ownership.NO_HEAD, 0, 0], np.int64),
            of_site=np.repeat(own_head, PLACES // HEADS),
            of_group=np.repeat(own_head, PLACES // HEADS),
            head=own_head,
            group=np.full(HEADS, NOBODY, np.int32),
            wafer_name=np.full(HEADS, NOBODY, np.int32),
            named=np.empty(0, np.int32),
            ended=np.full(PLACES, NOBODY, np.int32),
        )
        self._names = WaferNames()
        self._closed: Ints = np.empty(0, np.int32)
        # Of each record of the block that ends a part: the byte of its PIR, and its wafer run.
        self.opened: Longs = np.empty(0, np.int64)
        self.begun: Ints = np.empty(0, np.int32)
        self._parts = 0
        self.part: Longs = np.empty(0, np.int64)
        self._row: Longs = np.empty(0, np.int64)
        self._closing: list[pa.Table] = []
        self._closing_rows = 0
        # Whether a part was given up while others went on.
        self.gave_up = False

    @property
    def runs(self) -> int:
        """Number of wafer runs so far."""
        return int(self._open.counters[part_ownership.RUNS])

    @property
    def still_open(self) -> Longs:
        """The bytes of the PIRs whose parts are open."""
        at = self._open.part_at[self._open.part >= 0]
        return np.asarray(at[at >= 0])

    def assign_owners(self, chain: Chain, rows: Mapping[str, Rows]) -> tuple[Ints, Ints]:
        """Return the owner of each record of the next block, and the runs that others continue.

        `rows` has its WIR and WRR.
        """
        known, count = self.part.size, chain.starts.size
        self._open.counters[part_ownership.PIRS] = known
        self._open.counters[part_ownership.BASE] = chain.base
        closed = np.full(known + count, OPEN, np.int32)
        self.opened = np.full(count, NOBODY, np.int64)
        self.begun = np.full(count, NOBODY, np.int32)
        split = np.empty((count, 2), np.int32)
        out = Owned(np.empty(count, np.int32), self.opened, self.begun, closed, split)
        records = Records(chain.starts, chain.ends, chain.roles, chain.hidden)
        wafer = self._wafers_named(chain, rows)
        splits = part_ownership.assign_owners(chain.data, records, wafer, self._open, out)
        pirs = int(self._open.counters[part_ownership.PIRS])
        self._closed, more = closed[:pirs], pirs - known
        self.part = np.append(self.part, np.full(more, WAITING, np.int64))
        self._row = np.append(self._row, np.zeros(more, np.int64))
        return out.owner, out.split[:splits].copy()

    def _wafers_named(self, chain: Chain, rows: Mapping[str, Rows]) -> Wafer:
        found = Wafer(*self._names.of(chain, rows))
        named, more = self._open.named, len(self._names) - self._open.named.size
        if more:
            named = np.append(named, np.full(more, NOBODY, np.int32))
            self._open = self._open._replace(named=named)
        return found

    def parts(self, rows: Rows, owner: Ints) -> pa.Table:
        """Return a row per PRR of the block, and close the parts of these PRRs."""
        wafer = owner[rows.index].astype(np.int64)
        flags = rows.integers("part_flg")
        number = self._parts + np.arange(len(rows), dtype=np.int64)
        opened = self.opened[rows.index]
        table = pa.table(
            {
                "part_num": pa.array(number),
                "record_offset": pa.array(rows.starts + rows.chain.base),
                "pir_offset": to_arrow(opened, opened >= 0, pa.int64()),
                "wafer_num": to_arrow(wafer, wafer >= 0, pa.int32()),
                **rows.columns(name for name in rows.record.places if name != "part_fix"),
                "part_pass": pa.array(
                    flags & PART_FAILED == 0, pa.bool_(), mask=flags & NO_PART_VERDICT != 0
                ),
            }
        )
        self._close(rows, table)
        return table

    def _close(self, rows: Rows, parts: pa.Table) -> None:
        closed = np.flatnonzero(self._closed >= 0)
        row = np.searchsorted(rows.index, self._closed[closed])
        # A damaged PRR closes a part that is not in the table.
        whole = np.append(rows.index, -1)[row] == self._closed[closed]
        self.part[closed] = np.where(whole, self._parts + row, NEVER_CLOSED)
        self._row[closed] = self._closing_rows + row
        self._closing.append(parts.select((*PLACE, "record_offset")))
        self._closing_rows += len(rows)
        self._parts += len(rows)
        known = self._open.part_seen == self._open.counters[part_ownership.PARTS_LOST]
        self._open.part[~known] = NOBODY
        lost = self.part == WAITING
        lost[self._open.part[self._open.part >= 0]] = False
        self.part[lost] = NEVER_CLOSED

    def places(self, pir: Ints) -> dict[str, ArrowArray]:
        """Return wafer, head, site and coordinates of tests by their PIRs, which are closed."""
        return self._closing_columns(PLACE, pir)

    def _closing_columns(self, names: tuple[str, ...], pir: Ints) -> dict[str, ArrowArray]:
        closing = pa.concat_tables(self._closing)
        # Look up PIRs first: there are far fewer of them than tests.
        used: ArrowArray = pa.array(np.where(self.part >= 0, self._row, 0), mask=self.part < 0)
        places = {name: closing[name].combine_chunks().take(used) for name in names}
        return {name: take_numbers(column, pir) for name, column in places.items()}

    def ends(self, pir: Ints) -> tuple[Longs, Longs]:
        """Return a number for head and site of tests by their PIRs, and where their PRRs begin."""
        columns = self._closing_columns(END, pir)
        head, site, at = (np.asarray(columns[name].cast(pa.int64()).fill_null(0)) for name in END)
        return np.asarray(head << 8 | site), at

    def give_up(self, pir: int | None = None) -> None:
        """Mark the part of a PIR, or all open parts, as never closed."""
        self.gave_up = self.gave_up or pir is not None
        lost = self.part == WAITING if pir is None else np.arange(self.part.size) == pir
        self.part[lost] = NEVER_CLOSED
        still_open = self._open.part
        still_open[(still_open >= 0) if pir is None else still_open == pir] = NOBODY

    def forget(self, needed: Longs) -> Ints:
        """Drop all PIRs except the open ones and `needed`; return the new number of each."""
        kept = self.part == WAITING
        kept[needed] = True
        number = (np.cumsum(kept) - 1).astype(np.int32)
        self._open.part[:] = np.append(number, NOBODY)[self._open.part]
        self.part, row = self.part[kept], self._row[kept]
        closed = np.flatnonzero(self.part >= 0)
        self._closing = [pa.concat_tables(self._closing).combine_chunks().take(row[closed])]
        self._row = np.zeros(row.size, np.int64)
        self._row[closed] = np.arange(closed.size)
        self._closing_rows = closed.size
        return number
