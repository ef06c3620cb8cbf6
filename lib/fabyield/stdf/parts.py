"""Who owns what: test records their part, parts their wafer."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from fabyield.stdf import kernels
from fabyield.stdf.kernels import PIR, PRR, TEST, WIR, WRR, Longs
from fabyield.stdf.rows import ArrowArray, Rows, arrow
from fabyield.stdf.scan import Chain

ROLES = {"PIR": PIR, "PRR": PRR, "WIR": WIR, "WRR": WRR, "PTR": TEST, "FTR": TEST, "MPR": TEST}
LEAST = {"PIR": 2, "PRR": 3, "WIR": 1, "WRR": 1, "HBR": 3, "SBR": 3}
FAILED, UNKNOWN = 8, 16
RUN = ("head_num", "site_grp")
COUNTS = ("part_cnt", "rtst_cnt", "abrt_cnt", "good_cnt", "func_cnt")
IDS = ("fabwf_id", "frame_id", "mask_id")


@dataclass(frozen=True)
class Owners:
    """Owner of each record of the chain, the PRR that closes each PIR (-1: none), wafer runs."""

    owner: Longs
    closed: Longs
    runs: int

    @classmethod
    def of(cls, chain: Chain, rows: dict[str, Rows]) -> "Owners":
        """Follow parts and wafers through the file; `rows` are those of ROLES."""
        size = chain.starts.size
        what = np.zeros(size, np.int16)
        for name, role in ROLES.items():
            what[rows[name].index] = role
        closed = np.full(len(rows["PIR"]), -1, np.int64)
        owner, runs = kernels.own(chain.data, chain.starts, what, closed)
        return cls(owner, closed, runs)

    def part_of(self, tests: Rows) -> Longs:
        """Tell the number of the PRR of each test record; -1: never closed, -2: in no part."""
        opened = self.owner[tests.index]
        if not self.closed.size:
            return np.full(len(tests), -2, np.int64)
        return np.where(opened >= 0, self.closed[opened], -2)


def parts(rows: Rows, owners: Owners) -> pa.Table:
    """One row per PRR."""
    wafer = owners.owner[rows.index]
    flags = rows.integers("part_flg")
    known = rows.has("part_flg") & (flags & UNKNOWN == 0)
    fields = [field.name for field in rows.record.fields if field.name != "part_fix"]
    return pa.table(
        {
            "part_num": pa.array(np.arange(len(rows), dtype=np.int64)),
            "record_offset": pa.array(rows.starts),
            "wafer_num": arrow(wafer, wafer >= 0, pa.int32()),
            **rows.columns(fields),
            "part_pass": pa.array(flags & FAILED == 0, pa.bool_(), mask=~known),
        }
    )


def wafers(rows: dict[str, Rows], owners: Owners) -> pa.Table:
    """One row per WIR..WRR run, with the first WCR's fields beside each."""
    wir, wrr, wcr = rows["WIR"], rows["WRR"], rows["WCR"]
    begin, end = _run_rows(wir, owners), _run_rows(wrr, owners)
    first_wcr = pa.array([0 if len(wcr) else None] * owners.runs, pa.int64())
    return pa.table(
        {
            "wafer_num": pa.array(range(owners.runs), pa.int32()),
            **{name: _either(wir.column(name), begin, wrr.column(name), end) for name in RUN},
            "start_t": wir.column("start_t").take(begin),
            "finish_t": wrr.column("finish_t").take(end),
            "wafer_id": _either(wrr.column("wafer_id"), end, wir.column("wafer_id"), begin),
            **{name: wrr.column(name).take(end) for name in (*COUNTS, *IDS)},
            "has_wrr": end.is_valid(),
            **{f.name: wcr.column(f.name).take(first_wcr) for f in wcr.record.fields},
        }
    )


def _run_rows(rows: Rows, owners: Owners) -> ArrowArray:
    """Tell which of the rows stands for each run, null for none."""
    found = np.full(owners.runs, -1, np.int64)
    found[owners.owner[rows.index]] = np.arange(len(rows))
    return arrow(found, found >= 0, pa.int64())


def _either(
    first: ArrowArray, first_at: ArrowArray, other: ArrowArray, other_at: ArrowArray
) -> ArrowArray:
    return pc.coalesce(first.take(first_at), other.take(other_at))
