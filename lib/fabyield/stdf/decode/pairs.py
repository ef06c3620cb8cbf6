"""Records that lack the other one of their pair, and parts that lie in two wafers."""

from collections.abc import Mapping

import numpy as np
import pyarrow as pa

from fabyield.stdf.compiled.buffers import Ints, Longs
from fabyield.stdf.decode.chain import Chain
from fabyield.stdf.decode.damage import refused_rows
from fabyield.stdf.decode.parts import Touchdowns
from fabyield.stdf.decode.rows import Rows
from fabyield.stdf.spec.codes import ALL
from fabyield.stdf.tools.name_rules import trimmed

REMARKS = {
    "moved": "parts that begin on one wafer and end on another ({:,}): they are refused",
    "WRR": "WRR without WIR ({:,}): which parts are of its wafer is not known",
    "outside": "parts outside WIR..WRR ({:,}): which wafer they are of is not known",
    "PRR": "PRR without PIR ({:,}): their parts count, but which results are theirs is not known",
    "PIR": "PIR without PRR ({:,}): their parts never ended, and do not count",
}


class Pairs:
    """Counts the records without their pair, block by block.

    Damage may hide the other record, so that nothing is said of a file that has some.
    """

    def __init__(self) -> None:
        # By REMARKS: how many, and the byte of the first.
        self._found: dict[str, tuple[int, int]] = {}
        self._lone_wrr: dict[str, int] = {}
        # By run: the name that WIR gives; without a name the first of the runs that it continues.
        self._wafers: dict[int, str | int] = {}
        # By head: the wafer of a WIR without a name, until a WRR or another WIR comes.
        self._nameless: dict[int, str | int] = {}
        self._has_pir = False
        self._open: Longs = np.empty(0, np.int64)
        self._is_damaged = False

    def in_one_wafer(self, rows: Mapping[str, Rows], parts: Touchdowns, owner: Ints) -> Rows:
        """Return the PRRs of a block, without those whose PIR is in another wafer: refused."""
        prr = rows["PRR"]
        begun, ended = parts.begun[prr.index], owner[prr.index]
        moved = np.flatnonzero((begun >= 0) & (ended >= 0) & (begun != ended))
        two = [n for n in moved.tolist() if self._differ(int(begun[n]), int(ended[n]))]
        if not two:
            return prr
        self._note("moved", prr.starts[two] + prr.chain.base)
        reason = "the part begins on wafer {} and ends on wafer {}: a WIR stands between"
        names = ((self._name(int(run[n])) for run in (begun, ended)) for n in two)
        prr.chain.refuse(prr.index[two], "PRR", [reason.format(*pair) for pair in names])
        return prr.some(np.delete(np.arange(len(prr)), two))

    def _differ(self, one: int, other: int) -> bool:
        wafer = self._wafers.get(one)
        return wafer is None or wafer != self._wafers.get(other)

    def _name(self, run: int) -> str:
        wafer = self._wafers.get(run)
        return wafer if isinstance(wafer, str) else "-"

    def _add_wafers(self, wir: Rows, wrr: Rows, owner: Ints) -> None:
        """Name the wafer of each WIR; those without a name that follow each other are of one."""
        heads = wir.integers("head_num").tolist()
        begins = zip(wir.index.tolist(), heads, _names(wir), strict=True)
        ends: list[tuple[int, int, str | None]] = [(at, ALL, None) for at in wrr.index.tolist()]
        for index, head, name in sorted([*begins, *ends]):
            run = int(owner[index])
            if name:
                self._wafers[run] = name
                self._nameless.pop(head, None)
            elif name is not None:
                self._wafers[run] = self._nameless.setdefault(head, run)
            else:
                self._end(self._wafers.get(run))

    def _end(self, wafer: str | int | None) -> None:
        for head in [head for head, open_one in self._nameless.items() if open_one == wafer]:
            del self._nameless[head]

    def add(self, chain: Chain, rows: Mapping[str, Rows], parts: Touchdowns, owner: Ints) -> None:
        """Add the records of a block, once their owners are known."""
        lost = any(
            table["record_length"].filter(table["record_name"].is_null()).to_numpy().any()
            for table in chain.refused
        )
        self._is_damaged = self._is_damaged or lost or parts.gave_up
        self._add_wafers(rows["WIR"], rows["WRR"], owner)
        at = rows["PRR"].starts + chain.base
        self._note("PRR", at[parts.opened[rows["PRR"].index] < 0])
        self._note("outside", at[owner[rows["PRR"].index] < 0])
        self._add_pirs(rows["PIR"].starts + chain.base, parts)
        wrr = rows["WRR"]
        runs = owner[wrr.index].tolist()
        for run, name, start in zip(runs, _names(wrr), wrr.starts.tolist(), strict=True):
            if name and run not in self._wafers:
                self._lone_wrr.setdefault(name, chain.base + start)

    def _add_pirs(self, begun: Longs, parts: Touchdowns) -> None:
        self._has_pir = self._has_pir or begun.size > 0
        opened, still_open = parts.opened[parts.opened >= 0], parts.still_open
        if self._open.size + begun.size > opened.size + still_open.size:
            ended = np.concatenate([opened, still_open])
            self._note("PIR", np.setdiff1d(np.concatenate([self._open, begun]), ended))
        self._open = still_open

    def _note(self, what: str, at: Longs) -> None:
        if at.size:
            count, first = self._found.get(what, (0, int(at.min())))
            self._found[what] = count + at.size, min(first, int(at.min()))

    def remarks(self, *, is_cut: bool) -> list[pa.Table]:
        """Return a refusal of no bytes, if there are records without their pair."""
        if self._is_damaged:
            return []
        self._note("PIR", self._open)
        named = set(self._wafers.values())
        self._note("WRR", np.array([at for n, at in self._lone_wrr.items() if n not in named]))
        is_told = {
            "outside": bool(self._wafers) and "WRR" not in self._found,
            "PRR": self._has_pir,
            "PIR": not is_cut,
        }
        told = [w for w in REMARKS if w in self._found and is_told.get(w, True)]
        if not told:
            return []
        # One row, as several may have the same first record.
        reason = "; ".join(REMARKS[what].format(self._found[what][0]) for what in told)
        return [refused_rows(min(self._found[w][1] for w in told), 0, None, [reason])]


def _names(rows: Rows) -> list[str]:
    return [trimmed(raw) for raw in rows.column("wafer_id").to_pylist()]
