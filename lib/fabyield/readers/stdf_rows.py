"""One decoded STDF file as the rows that the bronze tables take."""

import hashlib
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from fabyield.stdf import StdfTables

NO_WAFER = -1
KINDS = (
    "stdf_wafers",
    "parts",
    "tests",
    "test_values",
    "functional_values",
    "multi_values",
    "bin_counts",
    "refused",
)
SESSION = ("node_nam", "setup_t", "start_t", "lot_id", "sblot_id", "job_nam")
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


def stage_rows(tables: StdfTables, file_key: int) -> dict[str, pa.Table]:
    """The rows of every kind in KINDS, tagged with `file_key`."""
    rows = {
        "stdf_wafers": _wafers(tables),
        "parts": _in_wafer(tables.parts),
        "tests": tables.tests,
        "test_values": _in_wafer(tables.test_values),
        "functional_values": _in_wafer(tables.functional),
        "multi_values": _in_wafer(tables.multi_values),
        "bin_counts": tables.bins,
        "refused": tables.refused,
    }
    return {kind: _tagged(table, file_key) for kind, table in rows.items()}


def file_row(tables: StdfTables, file_key: int, operator_hash: str | None) -> pa.RecordBatch:
    """The manifest row (FILE) of a file that was read."""
    file = {name: tables.file[name][0].as_py() for name in KEPT}
    status, reason = _status(tables)
    wafers = tables.wafers["wafer_id"].drop_null().to_pylist()
    lengths = pc.sum(tables.refused["record_length"]).as_py()
    row = file | {
        "file_key": file_key,
        "status": status,
        "reason": reason,
        "sha256": tables.sha256,
        "content_bytes": tables.content_bytes,
        "session_id": _session(file, tables.sha256),
        "operator_hash": operator_hash,
        "wafer_ids": sorted({str(wafer) for wafer in wafers}),
        "record_counts": list(tables.counts.items()),
        "refused_records": tables.refused.num_rows,
        "refused_bytes": lengths or 0,
    }
    return pa.RecordBatch.from_pylist([row], FILE)


def refused_file(file_key: int, status: str, size: int, reason: str) -> RefusedFile:
    """The rows of a file, `size` bytes long, of which nothing could be read."""
    file = {"file_key": file_key, "status": status, "reason": reason, "wafer_ids": []}
    counts = {"record_counts": [], "refused_records": 1, "refused_bytes": size}
    stretch = {"file_key": file_key, "record_offset": 0, "record_length": size, "reason": reason}
    return RefusedFile(
        pa.RecordBatch.from_pylist([file | counts], FILE), pa.Table.from_pylist([stretch], REFUSED)
    )


def _status(tables: StdfTables) -> tuple[str, str | None]:
    refused = [str(reason) for reason in tables.refused["reason"].slice(0, 1).to_pylist()]
    if not tables.parts.num_rows:
        return "empty", "; ".join(["no part was tested", *refused])
    if tables.file["is_complete"][0].as_py():
        return "complete", None
    return "incomplete", "; ".join(refused) or "no MRR: still being written, or cut off"


def _session(file: dict[str, Any], sha256: str | None) -> str:
    known = [file[name] for name in SESSION]
    # Without times nothing tells one session from another, so the file is one of its own.
    text = repr(known) if file["setup_t"] or file["start_t"] else str(sha256)
    return hashlib.sha256(text.encode()).hexdigest()


def _wafers(tables: StdfTables) -> pa.Table:
    """The wafer runs, with one more for parts outside any, and the touch-downs of each."""
    runs = tables.wafers
    if tables.parts["wafer_num"].null_count:
        outside = {"wafer_num": NO_WAFER, "has_wrr": False}
        runs = pa.concat_tables([runs, pa.Table.from_pylist([outside], runs.schema)])
    touched = _in_wafer(tables.parts).group_by("wafer_num").aggregate([([], "count_all")])
    counts = dict(
        zip(*(touched[name].to_pylist() for name in ("wafer_num", "count_all")), strict=True)
    )
    touchdowns = [counts.get(number, 0) for number in runs["wafer_num"].to_pylist()]
    return runs.append_column("touchdowns", pa.array(touchdowns, pa.int64()))


def _in_wafer(rows: pa.Table) -> pa.Table:
    place = rows.schema.get_field_index("wafer_num")
    number = pc.fill_null(rows["wafer_num"], pa.scalar(NO_WAFER, rows.schema.field(place).type))
    return rows.set_column(place, "wafer_num", number)


def _tagged(rows: pa.Table, file_key: int) -> pa.Table:
    keys = pa.repeat(pa.scalar(file_key, pa.int64()), rows.num_rows)
    return rows.add_column(0, "file_key", keys)
