"""Facts about a file, without reading its test results."""

from typing import Any

import pyarrow as pa

from fabyield.stdf.arrow.numpy_columns import flags, is_text, tuples
from fabyield.stdf.tools.name_rules import Naming
from fabyield.stdf.tools.outline import Outline
from fabyield.stdf.tools.retest import NO_VERDICT, PartRules, touchdowns
from fabyield.stdf.tools.sessions import SessionFile, parts_of, runs_of

BYTE_ORDERS = {1: "big-endian", 2: "little-endian"}
SHOWN = (
    *("lot_id", "sblot_id", "part_typ", "job_nam", "job_rev", "node_nam", "tstr_typ"),
    *("flow_id", "test_cod", "setup_t", "start_t", "finish_t", "retest_bins"),
)
YIELDS = ("first", "final")
WAFER = ("wafer_id", "start_t", "finish_t", "part_cnt")


def info(outline: Outline, naming: Naming, rules: PartRules) -> dict[str, Any]:
    """Return facts about one file, ready for JSON; times as stored, yields in percent of die.

    The first and the final verdict are those within this file alone.
    """
    header, tables = outline.header, outline.tables
    return {
        "file": outline.path,
        "stored_bytes": outline.stored_bytes,
        "content_bytes": tables.content_bytes,
        "sha256": tables.sha256,
        "byte_order": BYTE_ORDERS[header["cpu_type"]],
        "stdf_ver": header["stdf_ver"],
        "is_complete": outline.is_complete,
        **{name: header[name] for name in SHOWN},
        **_yields(*decide(outline, naming, rules)),
        "wafers": _wafers(outline),
        "records": tables.counts,
        "refused": tables.refused.to_pylist(),
    }


def decide(outline: Outline, naming: Naming, rules: PartRules) -> tuple[pa.Table, pa.Table]:
    """Return the parts of a file, and which of them decide within the file."""
    source = [SessionFile.of(0, outline, naming)]
    parts = parts_of(source)
    return parts, touchdowns(parts, runs_of(source, naming), rules)


def _yields(parts: pa.Table, turns: pa.Table) -> dict[str, int | float | None]:
    passed, final = flags(parts, "part_pass"), flags(turns, "is_final")
    die = int(final.sum())
    good = {name: int((passed & flags(turns, f"is_{name}")).sum()) for name in YIELDS}
    unknown = final & is_text(turns, "decided_by", NO_VERDICT)
    return {
        "touchdowns": parts.num_rows,
        "tested_die": die,
        "unknown_touchdowns": parts["part_pass"].null_count,
        "unknown_die": int(unknown.sum()),
        **{f"{n}_yield_pct": round(100 * good[n] / die, 2) if die else None for n in YIELDS},
    }


def _wafers(outline: Outline) -> list[dict[str, Any]]:
    touched = outline.tables.parts.group_by("wafer_num").aggregate([([], "count_all")])
    counts = dict(tuples(touched, *touched.column_names))
    rows = outline.tables.wafers.select(["wafer_num", *WAFER]).to_pylist()
    found = [{"touchdowns": counts.get(row.pop("wafer_num"), 0)} | row for row in rows]
    outside = {"touchdowns": counts.get(None, 0)} | dict.fromkeys(WAFER)
    return [*found, outside] if None in counts else found
