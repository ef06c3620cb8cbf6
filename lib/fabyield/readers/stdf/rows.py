"""The rows of the bronze tables from one decoded STDF file."""

import hmac
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from fabyield.stdf import StdfTables
from fabyield.stdf.decode.damage import cause
from fabyield.stdf.tools.contradictions import contradictions
from fabyield.stdf.tools.name_rules import Naming
from fabyield.stdf.tools.outline import Outline
from fabyield.stdf.tools.retest import PartRules
from fabyield.stdf.tools.sessions import SESSION, counted_retests, session_of

NO_WAFER = -1
# Of what contradicts a file's parts, so many are kept.
MOST_CONTRADICTIONS = 20
COMPLETE = "complete"
SUMMARISED = ("parts", "bins", "part_counts")
KEPT = (
    *SESSION,
    *("part_typ", "tstr_typ", "job_rev", "flow_id", "test_cod", "tst_temp", "user_txt"),
    *("stat_num", "finish_t", "retest_bins", "mode_cod", "rtst_cod"),
)


def _fields(kind: pa.DataType, *names: str) -> dict[str, pa.DataType]:
    return dict.fromkeys(names, kind)


FILE = pa.schema(
    {
        **_fields(pa.string(), "status", "reason", "sha256", "session_id", "operator_hash"),
        **_fields(pa.string(), "lot_id", "sblot_id", "part_typ", "node_nam", "tstr_typ"),
        **_fields(pa.string(), "job_nam", "job_rev", "flow_id", "test_cod", "tst_temp", "user_txt"),
        **_fields(pa.string(), "mode_cod", "rtst_cod"),
        **_fields(pa.int64(), "pcr_rtst_cnt"),
        **_fields(pa.int64(), "file_key", "content_bytes", "stat_num", "setup_t", "start_t"),
        **_fields(pa.int64(), "finish_t", "refused_records", "refused_bytes"),
        "retest_bins": pa.list_(pa.int32()),
        "wafer_ids": pa.list_(pa.string()),
        "contradictions": pa.list_(pa.string()),
        "record_counts": pa.map_(pa.string(), pa.int64()),
    }
)
REFUSED = pa.schema(
    {
        **_fields(pa.int64(), "file_key", "record_offset", "record_length"),
        **_fields(pa.string(), "record_name", "reason"),
    }
)


@dataclass(frozen=True)
class FileRules:
    """The settings of a fab that a file's row in the manifest depends on."""

    operator_key: str = field(default="", repr=False)
    naming: Naming = field(default_factory=Naming)
    parts: PartRules = field(default_factory=PartRules)


class FileSummary:
    """Counts over the batches of a file, for the rows that are known only at its end."""

    def __init__(self, file_key: int) -> None:
        self._key = file_key
        self._touchdowns: Counter[int] = Counter()
        self._placed: Counter[int] = Counter()
        self._counts: Counter[str] = Counter()
        self._refused, self._refused_bytes = 0, 0
        self._cause: list[pa.Table] = []
        self._summaries: dict[str, list[pa.Table]] = {name: [] for name in SUMMARISED}

    def add(self, batch: StdfTables) -> dict[str, pa.Table]:
        """Count a batch, and return its rows by kind, tagged with the file's key."""
        self._last = batch
        parts = _in_wafer(batch.parts)
        self._counts.update(batch.counts)
        for name, tables in self._summaries.items():
            tables.append(getattr(batch, name))
        placed = pc.and_(parts["x_coord"].is_valid(), parts["y_coord"].is_valid())
        runs = parts.append_column("placed", placed).group_by("wafer_num")
        touched = runs.aggregate([([], "count_all"), ("placed", "sum")])
        for run in touched.to_pylist():
            self._touchdowns[run["wafer_num"]] += run["count_all"]
            self._placed[run["wafer_num"]] += run["placed_sum"]
        if batch.refused.num_rows:
            self._cause = [cause(pa.concat_tables([*self._cause, batch.refused]))]
            self._refused += batch.refused.num_rows
            self._refused_bytes += pc.sum(batch.refused["record_length"]).as_py()
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

    def wafers(self) -> pa.Table:
        """Return the wafer runs with their touchdowns, and one run for parts outside any wafer."""
        runs = self._last.wafers
        if self._touchdowns[NO_WAFER]:
            outside = {"wafer_num": NO_WAFER, "has_wrr": False}
            runs = pa.concat_tables([runs, pa.Table.from_pylist([outside], runs.schema)])
        for name, counts in {"touchdowns": self._touchdowns, "placed": self._placed}.items():
            found = [counts[run["wafer_num"]] for run in runs.to_pylist()]
            runs = runs.append_column(name, pa.array(found, pa.int64()))
        return _tagged(runs, self._key)

    def manifest_row(self, rules: FileRules) -> pa.RecordBatch:
        """Return the manifest row (FILE) of the file; without a key no operator_hash."""
        whole: Any = {name: pa.concat_tables(found) for name, found in self._summaries.items()}
        last = replace(self._last, **whole)
        found: dict[str, Any] = last.file.to_pylist()[0]
        file = {name: found[name] for name in KEPT}
        status, reason = self._status(found["is_complete"])
        # Operator names are personal data: only their hash shows that two files share one.
        name = str(found["oper_nam"] or "").encode()
        key = rules.operator_key.encode()
        secret = hmac.new(key, name, "sha256") if key and name else None
        wafers = last.wafers["wafer_id"].drop_null().to_pylist()
        row = file | {
            "file_key": self._key,
            "status": status,
            "reason": reason,
            "pcr_rtst_cnt": counted_retests(last.part_counts.to_pylist()),
            "sha256": last.sha256,
            "content_bytes": last.content_bytes,
            "session_id": session_of(file, str(last.sha256)),
            "operator_hash": secret and secret.hexdigest(),
            "wafer_ids": sorted({str(wafer) for wafer in wafers}),
            "contradictions": _contradictions(last, rules) if status == COMPLETE else None,
            "record_counts": list(self._counts.items()),
            "refused_records": self._refused,
            "refused_bytes": self._refused_bytes,
        }
        return pa.RecordBatch.from_pylist([row], FILE)

    def _status(self, is_complete: bool) -> tuple[str, str | None]:
        reason = self._cause[0]["reason"][0].as_py() if self._cause else None
        if not self._touchdowns.total():
            return "empty", "; ".join(filter(None, ["no part was tested", reason]))
        if is_complete:
            return COMPLETE, None
        return "incomplete", reason or "no MRR: still being written, or cut off"


def _contradictions(tables: StdfTables, rules: FileRules) -> list[str] | None:
    """Return the first counts that contradict the parts; a damaged file lacks parts to count."""
    found = contradictions(Outline("", 0, tables), rules.naming, rules.parts)
    return [str(one) for one in found[:MOST_CONTRADICTIONS]] or None


def refused_file(
    file_key: int, status: str, size: int, reason: str
) -> tuple[pa.RecordBatch, pa.Table]:
    """Return the manifest row and the REFUSED row of an unreadable file of `size` bytes."""
    file = {"file_key": file_key, "status": status, "reason": reason, "wafer_ids": []}
    counts = {"record_counts": [], "refused_records": 1, "refused_bytes": size}
    stretch = {"file_key": file_key, "record_offset": 0, "record_length": size, "reason": reason}
    row = pa.RecordBatch.from_pylist([file | counts], FILE)
    return row, pa.Table.from_pylist([stretch], REFUSED)


def _in_wafer(rows: pa.Table) -> pa.Table:
    place = rows.schema.get_field_index("wafer_num")
    number = pc.fill_null(rows["wafer_num"], pa.scalar(NO_WAFER, rows.schema.field(place).type))
    return rows.set_column(place, "wafer_num", number)


def _tagged(rows: pa.Table, file_key: int) -> pa.Table:
    keys = pa.repeat(pa.scalar(file_key, pa.int64()), rows.num_rows)
    return rows.add_column(0, "file_key", keys)
