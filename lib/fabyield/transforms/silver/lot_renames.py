"""Lots are split, merged and renamed, so one wafer has several names: find its first."""

from collections.abc import Mapping
from typing import Any

import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql.pandas.types import from_arrow_schema

from fabyield.transforms.shared.name_rules import NameRules, canonical_lot, canonical_wafer

# A chain of more names counts as a ring.
LONGEST_CHAIN = 32
COLUMNS: dict[str, pa.DataType] = {
    "fab_id": pa.string(),
    "lot_id": pa.string(),
    "wafer_id": pa.string(),
    "origin_lot_id": pa.string(),
    "event": pa.string(),
    "renamed_at": pa.int64(),
    "is_ambiguous": pa.bool_(),
}
FIRST_NAMES = pa.schema(COLUMNS)


def renamings(fab_lot_history: DataFrame, rules: NameRules) -> DataFrame:
    """Return every move of a wafer from `from_lot_id` to `lot_id`, in canonical spelling.

    Columns fab_id, lot_id, wafer_id, from_lot_id, event, renamed_at. Either lot may be the prefix
    of the wafer ID. An event without a time counts as the first.
    """
    # Column by column: in one expression the lot rules would be repeated hundreds of times.
    ends = {"from_lot_id": "from_lot_id", "lot_id": "to_lot_id"}
    named = {name: canonical_lot(F.col(end), rules) for name, end in ends.items()}
    rows = fab_lot_history.withColumns(named)
    # The name of a child lot starts with its mother's, so try the longer prefix first.
    is_longer = F.length("from_lot_id") > F.length("lot_id")
    longer = F.when(is_longer, F.col("from_lot_id")).otherwise(F.col("lot_id"))
    shorter = F.when(is_longer, F.col("lot_id")).otherwise(F.col("from_lot_id"))
    rows = rows.withColumns({"_longer": longer, "_shorter": shorter})
    for lot in ("_longer", "_shorter"):
        wafer = canonical_wafer(F.col("wafer_id"), F.col(lot), rules)
        rows = rows.withColumn("wafer_id", wafer)
    at = F.coalesce("happened_at", F.timestamp_seconds(F.lit(0))).alias("renamed_at")
    rows = rows.select("fab_id", "lot_id", "wafer_id", "from_lot_id", "event", at)
    return rows.where("lot_id != from_lot_id")


def first_names(renamings: DataFrame) -> DataFrame:
    """Return the first lot of each renamed wafer, and the event that made the name.

    Columns fab_id, lot_id, wafer_id, origin_lot_id, event, renamed_at, is_ambiguous. A name that a
    wafer left before any wafer got it is a first name. A name that was given to wafers of two
    origins is ambiguous, is its own origin, and makes the names that come from it ambiguous.
    """
    moves = renamings.withColumn("renamed_at", F.unix_micros("renamed_at"))
    by_wafer = moves.groupBy("fab_id", "wafer_id")
    found = by_wafer.applyInArrow(_first_names, from_arrow_schema(FIRST_NAMES))
    return found.withColumn("renamed_at", F.timestamp_micros("renamed_at"))


def _first_names(moves: pa.Table) -> pa.Table:
    rows = moves.to_pylist()
    # Of moves at the same time, always the same one is first.
    rows.sort(key=lambda row: (row["renamed_at"], row["from_lot_id"], row["event"] or ""))
    given: dict[str, dict[str, Any]] = {}
    left_at: dict[str, int] = {}
    for row in rows:
        given.setdefault(row["lot_id"], row)
        left_at.setdefault(row["from_lot_id"], row["renamed_at"])
    # The lots whose name was given to a wafer before any wafer left it.
    parents = {
        lot: row["from_lot_id"]
        for lot, row in given.items()
        if row["renamed_at"] <= left_at.get(lot, row["renamed_at"])
    }
    born, ambiguous = set(parents), set[str]()
    # A name that comes from an ambiguous one has another origin then, which may clash again.
    while True:
        origins = {lot: set() if lot in born else {lot} for lot in given}
        for row in rows:
            origins[row["lot_id"]].add(_origin(row["from_lot_id"], parents))
        clashing = {lot for lot, found in origins.items() if len(found) > 1} - ambiguous
        if not clashing:
            break
        ambiguous |= clashing
        parents = {lot: parent for lot, parent in parents.items() if lot not in ambiguous}
    names = []
    for lot, row in given.items():
        origin = _origin(lot, parents)
        in_ring = origin in parents
        is_ambiguous = in_ring or not ambiguous.isdisjoint((lot, origin))
        name = {"origin_lot_id": lot if in_ring else origin, "is_ambiguous": is_ambiguous}
        if lot not in born:
            name |= {"event": None, "renamed_at": None}
        if lot in born or is_ambiguous:
            names.append(row | name)
    return pa.Table.from_pylist(names, FIRST_NAMES)


def _origin(lot: str, parents: Mapping[str, str]) -> str:
    for _ in range(LONGEST_CHAIN):
        if lot not in parents:
            break
        lot = parents[lot]
    return lot
