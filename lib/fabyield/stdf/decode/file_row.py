"""The one row about a file as a whole."""

from collections.abc import Mapping
from functools import cache
from typing import Final

import pyarrow as pa

from fabyield.stdf.arrow.list_columns import ArrowArray
from fabyield.stdf.decode.damage import Refused
from fabyield.stdf.decode.rows import Rows, no_rows
from fabyield.stdf.decode.scan import Chain
from fabyield.stdf.spec.records import RECORDS


class Header:
    """The first FAR and MIR, the last MRR and every RDR, gathered block by block."""

    NAMES: Final = ("FAR", "MIR", "MRR", "RDR")

    def __init__(self) -> None:
        self._kept = {name: _fields(no_rows(name)) for name in self.NAMES[:3]}
        self._retest: list[int] | None = None
        self._whole = True
        self._ended = False

    def add(self, chain: Chain, rows: Mapping[str, Rows]) -> None:
        """Take those of a block."""
        for name in ("FAR", "MIR"):
            if len(rows[name]) and not self._kept[name].num_rows:
                self._kept[name] = _fields(rows[name]).slice(0, 1)
        if len(rows["MRR"]):
            self._kept["MRR"] = _fields(rows["MRR"]).slice(len(rows["MRR"]) - 1)
        if len(rows["RDR"]):
            self._retest = _retest_bins(rows["RDR"], self._retest)
        if chain.starts.size:
            self._ended = int(chain.codes[-1]) == RECORDS["MRR"].code

    def check(self, chain: Chain) -> None:
        """Note what a batch refused; in the last one, that there was no MIR."""
        if chain.is_last and not self._kept["MIR"].num_rows:
            chain.refused.append(Refused.one(0, 0, "MIR", "no MIR"))
        self._whole = self._whole and not chain.refused

    def table(self) -> pa.Table:
        """The row, null where a record is missing."""
        far, mir, mrr = (_one(self._kept[name]) for name in self.NAMES[:3])
        columns: dict[str, ArrowArray] = {name: far[name] for name in far.column_names}
        columns |= {name: mir[name] for name in mir.column_names}
        columns |= {n if n == "finish_t" else f"mrr_{n}": mrr[n] for n in mrr.column_names}
        return pa.table(
            {
                **columns,
                "is_complete": pa.array([self._ended and self._whole]),
                "retest_bins": pa.array([self._retest], pa.list_(pa.int32())),
            }
        )


def _fields(rows: Rows) -> pa.Table:
    return pa.table(rows.columns(field.name for field in rows.record.fields))


def _one(records: pa.Table) -> pa.Table:
    return records.take(pa.array([0 if records.num_rows else None], pa.int64()))


def _retest_bins(rows: Rows, before: list[int] | None) -> list[int]:
    """Bins that the file retests, empty if it retests all."""
    lists = [bins or [] for bins in rows.column("rtst_bin").to_pylist()]
    if before == [] or not all(lists):
        return []
    return [*(before or []), *(number for bins in lists for number in bins)]


@cache
def no_file() -> pa.Table:
    """Make the table of no file."""
    return Header().table().slice(0, 0)
