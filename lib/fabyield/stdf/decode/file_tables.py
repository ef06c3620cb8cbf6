"""The tables that are known only at the end of a file: the file as a whole, and its wafer runs."""

from collections.abc import Mapping
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from fabyield.errors import StdfError
from fabyield.stdf.arrow.list_columns import ArrowArray, to_arrow
from fabyield.stdf.compiled.buffers import Ints, Longs
from fabyield.stdf.decode.chain import Chain
from fabyield.stdf.decode.damage import refused_rows
from fabyield.stdf.decode.first_session import is_of_part
from fabyield.stdf.decode.rows import Rows, no_rows
from fabyield.stdf.tools.name_rules import trimmed

RUN = ("head_num", "site_grp")
COUNTS = ("part_cnt", "rtst_cnt", "abrt_cnt", "good_cnt", "func_cnt")
IDS = ("fabwf_id", "frame_id", "mask_id")
MOST_RUNS = 1_000_000


class Header:
    """The first FAR and MIR, the last MRR and every RDR of a file, gathered block by block."""

    NAMES: Final = ("FAR", "MIR", "MRR", "RDR")

    def __init__(self) -> None:
        self._kept = {name: pa.table(no_rows(name).columns()) for name in self.NAMES[:3]}
        self._retest: list[int] | None = None
        self._whole = True
        # Whether an MRR came, and no part since.
        self.has_ended = False

    def add(self, chain: Chain, rows: Mapping[str, Rows]) -> None:
        """Add the records of a block."""
        for name in ("FAR", "MIR"):
            if len(rows[name]) and not self._kept[name].num_rows:
                self._kept[name] = pa.table(rows[name].columns()).slice(0, 1)
        if len(rows["MRR"]):
            self._kept["MRR"] = pa.table(rows["MRR"].columns()).slice(len(rows["MRR"]) - 1)
        for bins in rows["RDR"].column("rtst_bin").to_pylist() if len(rows["RDR"]) else ():
            # A record without bins says that the file retests all of them.
            is_all = not bins or self._retest == []
            self._retest = [] if is_all else [*(self._retest or []), *bins]
        if len(rows["MRR"]) or self.has_ended:
            last = int(rows["MRR"].index[-1]) + 1 if len(rows["MRR"]) else 0
            self.has_ended = not is_of_part(chain.roles[last:]).any()

    def check(self, chain: Chain) -> None:
        """Note whether a block had refusals; after the last block, refuse a missing MIR."""
        if chain.is_last and not self._kept["MIR"].num_rows:
            chain.refused.append(refused_rows(0, 0, "MIR", ["no MIR"]))
        self._whole = self._whole and not chain.refused

    def table(self) -> pa.Table:
        """Return the one row about the file, null where a record is missing."""
        columns: dict[str, ArrowArray] = {}
        for record in self.NAMES[:3]:
            rows = self._kept[record]
            row = rows.take(pa.array([0 if rows.num_rows else None], pa.int64()))
            for name in row.column_names:
                is_own = record == "MRR" and name != "finish_t"
                columns[f"mrr_{name}" if is_own else name] = row[name]
        columns["is_complete"] = pa.array([self.has_ended and self._whole])
        columns["retest_bins"] = pa.array([self._retest], pa.list_(pa.int32()))
        return pa.table(columns)


class Wafers:
    """WIR, WRR and the first WCR of a file, gathered block by block."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._records: dict[str, list[pa.Table]] = {
            name: [_with_run(no_rows(name), np.empty(0, np.int32))] for name in ("WIR", "WRR")
        }
        self._splits: list[list[int]] = []
        self._wcr = no_rows("WCR")

    def add(self, rows: Mapping[str, Rows], owner: Ints, splits: Ints) -> None:
        """Add the records of a block."""
        for name, tables in self._records.items():
            if len(rows[name]):
                tables.append(_with_run(rows[name], owner))
        if not len(self._wcr):
            self._wcr = rows["WCR"]
        self._splits += splits.tolist()

    def table(self, runs: int) -> pa.Table:
        """Return a row per run, each with the first WCR; raise StdfError if there are too many."""
        if runs > MOST_RUNS:
            raise StdfError(f"{self._name}: {runs:,} wafers; {MOST_RUNS:,} are the most")
        wir, wrr = (pa.concat_tables(tables).combine_chunks() for tables in self._records.values())
        start, end = _rows_of(wir, runs), _rows_of(wrr, runs)
        self._continue_runs(start, end, wir["wafer_id"], wrr["wafer_id"])
        started, ended = (to_arrow(rows, rows >= 0, pa.int64()) for rows in (start, end))
        wcr = pa.array([0 if len(self._wcr) else None] * runs, pa.int64())
        opening, closing = wir.take(started), wrr.take(ended)
        columns: dict[str, ArrowArray] = {
            "wafer_num": pa.array(range(runs), pa.int32()),
            **{name: pc.coalesce(opening[name], closing[name]) for name in RUN},
            "start_t": opening["start_t"],
            "finish_t": closing["finish_t"],
            "wafer_id": pc.coalesce(closing["wafer_id"], opening["wafer_id"]),
            **{name: closing[name] for name in (*COUNTS, *IDS)},
            "has_wrr": ended.is_valid(),
            **{name: column.take(wcr) for name, column in self._wcr.columns().items()},
        }
        return pa.table(columns)

    def _continue_runs(
        self, start: Longs, end: Longs, wir_id: ArrowArray, wrr_id: ArrowArray
    ) -> None:
        """Give a run after a damaged stretch the WIR before it, if its WRR has the same name."""
        for old, new in self._splits:
            if start[old] >= 0 and end[new] >= 0:
                name = wrr_id[end[new]].as_py()
                if name is not None and trimmed(name) == trimmed(wir_id[start[old]].as_py()):
                    start[new] = start[old]


def _with_run(rows: Rows, owner: Ints) -> pa.Table:
    return pa.table({"run": pa.array(owner[rows.index]), **rows.columns()})


def _rows_of(records: pa.Table, runs: int) -> Longs:
    """Return the row of each run, -1 for none."""
    found = np.full(runs, -1, np.int64)
    found[records["run"].to_numpy()] = np.arange(records.num_rows)
    return found
