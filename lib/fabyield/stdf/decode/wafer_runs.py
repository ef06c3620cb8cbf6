"""The wafer runs of a file: from a WIR to its WRR."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from fabyield.errors import StdfError
from fabyield.stdf.arrow.list_columns import ArrowArray, arrow
from fabyield.stdf.compiled.buffers import Ints, Longs
from fabyield.stdf.decode.rows import Rows, no_rows

RUN = ("head_num", "site_grp")
COUNTS = ("part_cnt", "rtst_cnt", "abrt_cnt", "good_cnt", "func_cnt")
IDS = ("fabwf_id", "frame_id", "mask_id")
MOST_RUNS = 1_000_000


class Wafers:
    """WIR, WRR and the first WCR of a file, gathered block by block."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._records: dict[str, list[pa.Table]] = {
            name: [_numbered(no_rows(name), np.empty(0, np.int32))] for name in ("WIR", "WRR")
        }
        self._splits: list[Ints] = []
        self._wcr = no_rows("WCR")

    def add(self, rows: dict[str, Rows], owner: Ints, splits: Ints) -> None:
        """Take those of a block."""
        for name, tables in self._records.items():
            if len(rows[name]):
                tables.append(_numbered(rows[name], owner))
        if not len(self._wcr):
            self._wcr = rows["WCR"]
        if splits.size:
            self._splits.append(splits)

    def table(self, runs: int) -> pa.Table:
        """One row per run, with the first WCR's fields beside each.

        Raises StdfError where there are too many to be true.
        """
        if runs > MOST_RUNS:
            raise StdfError(f"{self._name}: {runs:,} wafers; {MOST_RUNS:,} are the most")
        wir, wrr = (pa.concat_tables(tables).combine_chunks() for tables in self._records.values())
        start, end = _rows_of(wir, runs), _rows_of(wrr, runs)
        self._go_on(start, end, wir["wafer_id"], wrr["wafer_id"])
        begun, ended = arrow(start, start >= 0, pa.int64()), arrow(end, end >= 0, pa.int64())
        wcr = pa.array([0 if len(self._wcr) else None] * runs, pa.int64())
        opening, closing = wir.take(begun), wrr.take(ended)
        columns: dict[str, ArrowArray] = {
            "wafer_num": pa.array(range(runs), pa.int32()),
            **{name: pc.coalesce(opening[name], closing[name]) for name in RUN},
            "start_t": opening["start_t"],
            "finish_t": closing["finish_t"],
            "wafer_id": pc.coalesce(closing["wafer_id"], opening["wafer_id"]),
            **{name: closing[name] for name in (*COUNTS, *IDS)},
            "has_wrr": ended.is_valid(),
            **{f.name: self._wcr.column(f.name).take(wcr) for f in self._wcr.record.fields},
        }
        return pa.table(columns)

    def _go_on(self, start: Longs, end: Longs, wir_id: ArrowArray, wrr_id: ArrowArray) -> None:
        """Give a run behind a damaged stretch the WIR before it, if its WRR has the same name."""
        for old, new in (pair for splits in self._splits for pair in splits.tolist()):
            if start[old] >= 0 and end[new] >= 0:
                name = wrr_id[end[new]].as_py()
                if name is not None and name == wir_id[start[old]].as_py():
                    start[new] = start[old]


def _numbered(rows: Rows, owner: Ints) -> pa.Table:
    fields = [field.name for field in rows.record.fields]
    return pa.table({"run": pa.array(owner[rows.index]), **rows.columns(fields)})


def _rows_of(records: pa.Table, runs: int) -> Longs:
    """Tell which of the rows stands for each run, -1 for none."""
    found = np.full(runs, -1, np.int64)
    found[records["run"].to_numpy()] = np.arange(records.num_rows)
    return found
