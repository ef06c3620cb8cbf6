"""Records that lack the other one of their pair, and parts that lie in two wafers."""

from collections.abc import Mapping

import numpy as np
import pyarrow as pa

from fabyield.stdf.compiled.buffers import Ints, Longs
from fabyield.stdf.decode.chain import Chain
from fabyield.stdf.decode.damage import refused_rows
from fabyield.stdf.decode.parts import Touchdowns
from fabyield.stdf.decode.rows import Rows

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
        self._wafers: dict[int, str | None] = {}
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
        names = ((self._wafers.get(int(run[n])) or "-" for run in (begun, ended)) for n in two)
        prr.chain.refuse(prr.index[two], "PRR", [reason.format(*pair) for pair in names])
        return prr.some(np.delete(np.arange(len(prr)), two))

    def _differ(self, one: int, other: int) -> bool:
        name = self._wafers.get(one)
        return name is None or name != self._wafers.get(other)

    def add(self, chain: Chain, rows: Mapping[str, Rows], parts: Touchdowns, owner: Ints) -> None:
        """Add the records of a block, once their owners are known."""
        lost = any(
            table["record_length"].filter(table["record_name"].is_null()).to_numpy().any()
            for table in chain.refused
        )
        self._is_damaged = self._is_damaged or lost or parts.gave_up
        wir = rows["WIR"]
        names = wir.column("wafer_id").to_pylist()
        self._wafers |= zip(owner[wir.index].tolist(), names, strict=True)
        at = rows["PRR"].starts + chain.base
        self._note("PRR", at[parts.opened[rows["PRR"].index] < 0])
        self._note("outside", at[owner[rows["PRR"].index] < 0])
        self._add_pirs(rows["PIR"].starts + chain.base, parts)
        wrr = rows["WRR"]
        runs, names = owner[wrr.index].tolist(), wrr.column("wafer_id").to_pylist()
        for run, name, start in zip(runs, names, wrr.starts.tolist(), strict=True):
            if name is not None and run not in self._wafers:
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
