"""What is true of the simulated wafers, for tests to compare with; never shown to the pipeline."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from fabyield.simulate.plan import Bad, Innocent, Plan
from fabyield.simulate.route import Lot, Wafer, went_bad_at
from fabyield.simulate.wafer_sort import Touches

WAFERS: dict[str, pa.DataType] = {
    "lot_id": pa.string(),
    "wafer_id": pa.string(),
    "bad_chamber": pa.bool_(),
    "random_low": pa.bool_(),
    "first_pass_die": pa.int32(),
    "good_die": pa.int32(),
    "tested_die": pa.int32(),
    "recovered_die": pa.int32(),
}
CAUSES: dict[str, pa.DataType] = {
    "process_step": pa.string(),
    "equipment_id": pa.string(),
    "chamber_id": pa.string(),
    "from": pa.timestamp("us", tz="UTC"),
    "effect_pct": pa.float64(),
    "kind": pa.string(),
}


def wafer_truth(lot: Lot, wafer: Wafer, touches: Touches | None) -> dict[str, Any]:
    """Give one row of wafers.parquet; the counts of die are null for a wafer not yet sorted."""
    row = {
        "lot_id": lot.lot_id,
        "wafer_id": wafer.wafer_id,
        "bad_chamber": wafer.is_bad,
        "random_low": wafer.is_random_low,
    }
    return row | (_counts(touches) if touches is not None else {})


def write_truth(plan: Plan, lots: list[Lot], wafers: list[dict[str, Any]], folder: Path) -> None:
    """Write wafers.parquet and causes.parquet into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    causes = [_cause(plan.bad, "bad"), _cause(plan.innocent, "innocent")]
    causes[0] |= {"from": went_bad_at(plan, lots), "effect_pct": plan.bad.effect_pct}
    pq.write_table(pa.Table.from_pylist(wafers, pa.schema(WAFERS)), folder / "wafers.parquet")
    pq.write_table(pa.Table.from_pylist(causes, pa.schema(CAUSES)), folder / "causes.parquet")


def _counts(touches: Touches) -> dict[str, int]:
    first, passed = ~touches.is_retest, touches.passed
    return {
        "first_pass_die": int((first & passed).sum()),
        "good_die": int(passed.sum()),
        "tested_die": int(first.sum()),
        "recovered_die": int((~first & passed).sum()),
    }


def _cause(chamber: Bad | Innocent, kind: str) -> dict[str, Any]:
    return {
        "process_step": chamber.process_step,
        "equipment_id": chamber.equipment_id,
        "chamber_id": chamber.chamber_id,
        "effect_pct": 0.0,
        "kind": kind,
    }
