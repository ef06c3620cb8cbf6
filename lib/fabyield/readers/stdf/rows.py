"""One decoded STDF file as the rows that the bronze tables take."""

from collections import Counter
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from fabyield.stdf import StdfTables
from fabyield.stdf.tools.sessions import SESSION, session_of

NO_WAFER = -1
KEPT = (
    *SESSION,
    *("part_typ", "tstr_typ", "job_rev", "flow_id", "test_cod", "tst_temp", "user_txt"),
    *("stat_num", "finish_t", "retest_bins"),
)
TEXTS = (
    *("status", "reason", "sha256", "session_id", "operator_hash"),
    *("lot_id", "sblot_id", "part_typ", "node_nam", "tstr_typ", "job_nam", "job_rev"),
    *("flow_id", "test_cod", "tst_temp", "user_txt"),
)
COUNTS = (
    *("file_key", "content_bytes", "stat_num", "setup_t", "start_t", "finish_t"),
    *("refused_records", "refused_bytes"),
)
NESTED: dict[str, pa.DataType] = {
    "retest_bins": pa.list_(pa.int32()),
    "wafer_ids": pa.list_(pa.string()),
    "record_counts": pa.map_(pa.string(), pa.int64()),
}
_STRINGS: dict[str, pa.DataType] = dict.fromkeys(TEXTS, pa.string())
_NUMBERS: dict[str, pa.DataType] = dict.fromkeys(COUNTS, pa.int64())
FILE = pa.schema(_STRINGS | _NUMBERS | NESTED)
_PLACE: dict[str, pa.DataType] = dict.fromkeys(
    ("file_key", "record_offset", "record_length"), pa.int64()
)
REFUSED = pa.schema(_PLACE | {"record_name": pa.string(), "reason": pa.string()})


@dataclass(frozen=True)
class RefusedFile:
    """A file of which nothing could be read: its manifest row, and the one stretch refused."""

    file: pa.RecordBatch
    refused: pa.Table


class FileSummary:
    """What a file's batches add up to: the rows that are known only at its end."""

    def __init__(self, file_key: int) -> None:
        self._key = file_key
        self._touchdowns: Counter[int] = Counter()
        self._placed: Counter[int] = Counter()
        self._counts: Counter[str] = Counter()
        self._refused, self._refused_bytes = 0, 0
        self._reason: str | None = None

    def rows(self, batch: StdfTables) -> dict[str, pa.Table]:
        """The rows of a batch by kind, tagged with the file's key."""
        self._last = batch
        parts = _in_wafer(batch.parts)
        self._add(batch, parts)
        rows = {
            "parts": parts,
            "tests": batch.tests,
            "test_values": _in_wafer(batch.test_values),
            "functional_values": _in_wafer(batch.functional),
            "multi_values": _in_wafer(batch.multi_values),
            "bin_counts": batch.bins,
            "refused": batch.refused,
        }
        return {kind: _tagged(table, self._key) for kind, table in rows.items()}

    def rows_at_end(self) -> dict[str, pa.Table]:
        """The rows that take the whole file: its wafer runs."""
        return {"stdf_wafers": _tagged(self._wafers(), self._key)}

    @property
    def file(self) -> dict[str, Any]:
        """The file as its records describe it."""
        row: dict[str, Any] = self._last.file.to_pylist()[0]
        return row

    def row(self, operator_hash: str | None) -> pa.RecordBatch:
        """The manifest row (FILE) of the file."""
        last, told = self._last, self.file
        file = {name: told[name] for name in KEPT}
        status, reason = self._status(told["is_complete"])
        wafers = last.wafers["wafer_id"].drop_null().to_pylist()
        row = file | {
            "file_key": self._key,
            "status": status,
            "reason": reason,
            "sha256": last.sha256,
            "content_bytes": last.content_bytes,
            "session_id": session_of(file, str(last.sha256)),
            "operator_hash": operator_hash,
            "wafer_ids": sorted({str(wafer) for wafer in wafers}),
            "record_counts": list(self._counts.items()),
            "refused_records": self._refused,
            "refused_bytes": self._refused_bytes,
        }
        return pa.RecordBatch.from_pylist([row], FILE)

    def _add(self, batch: StdfTables, parts: pa.Table) -> None:
        self._counts.update(batch.counts)
        touched = parts.group_by("wafer_num").aggregate([([], "count_all"), ("x_coord", "count")])
        for run in touched.to_pylist():
            self._touchdowns[run["wafer_num"]] += run["count_all"]
            self._placed[run["wafer_num"]] += run["x_coord_count"]
        if batch.refused.num_rows:
            self._reason = self._reason or batch.refused["reason"][0].as_py()
            self._refused += batch.refused.num_rows
            self._refused_bytes += pc.sum(batch.refused["record_length"]).as_py()

    def _status(self, is_complete: bool) -> tuple[str, str | None]:
        if not self._touchdowns.total():
            return "empty", "; ".join(filter(None, ["no part was tested", self._reason]))
        if is_complete:
            return "complete", None
        return "incomplete", self._reason or "no MRR: still being written, or cut off"

    def _wafers(self) -> pa.Table:
        """The wafer runs, with one more for parts outside any, and the touch-downs of each."""
        runs = self._last.wafers
        if self._touchdowns[NO_WAFER]:
            outside = {"wafer_num": NO_WAFER, "has_wrr": False}
            runs = pa.concat_tables([runs, pa.Table.from_pylist([outside], runs.schema)])
        for name, counts in {"touchdowns": self._touchdowns, "placed": self._placed}.items():
            found = [counts[run["wafer_num"]] for run in runs.to_pylist()]
            runs = runs.append_column(name, pa.array(found, pa.int64()))
        return runs


def refused_file(file_key: int, status: str, size: int, reason: str) -> RefusedFile:
    """The rows of a file, `size` bytes long, of which nothing could be read."""
    file = {"file_key": file_key, "status": status, "reason": reason, "wafer_ids": []}
    counts = {"record_counts": [], "refused_records": 1, "refused_bytes": size}
    stretch = {"file_key": file_key, "record_offset": 0, "record_length": size, "reason": reason}
    return RefusedFile(
        pa.RecordBatch.from_pylist([file | counts], FILE), pa.Table.from_pylist([stretch], REFUSED)
    )


def _in_wafer(rows: pa.Table) -> pa.Table:
    place = rows.schema.get_field_index("wafer_num")
    number = pc.fill_null(rows["wafer_num"], pa.scalar(NO_WAFER, rows.schema.field(place).type))
    return rows.set_column(place, "wafer_num", number)


def _tagged(rows: pa.Table, file_key: int) -> pa.Table:
    keys = pa.repeat(pa.scalar(file_key, pa.int64()), rows.num_rows)
    return rows.add_column(0, "file_key", keys)
