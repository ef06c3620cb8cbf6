"""Frames of a small simulated fab with one bad chamber, for the model's tests."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random

from pyspark.sql import SparkSession

from fabyield.models.low_yield.dataset import ModelFrames
from fabyield.settings.settings import Settings
from tests.frames import of_tuples

SETTINGS = replace(Settings.load("dev").model, sort_started_column=None)

WAFERS = (
    "fab_id string, wafer_key bigint, lot_id string, wafer_id string, product_id string, "
    "gross_die int, started_at timestamp"
)
HISTORY = (
    "fab_id string, wafer_key bigint, step_seq int, process_step string, equipment_id string, "
    "chamber_id string, recipe_id string, started_at timestamp, ended_at timestamp"
)
PCM = (
    "fab_id string, wafer_key bigint, pcm_test string, pcm_value double, unit string, "
    "measured_at timestamp"
)
YIELD = "fab_id string, wafer_key bigint, insertion string, tested_die int, final_yield_pct double"

STEPS = ["litho_gate", "etch_gate", "implant_sd", "cmp_ild", "metal_1"]
BAD = ("etch_gate", "T2", "B")
BAD_FROM_LOT, SORTED_LOTS, LOTS, WAFERS_PER_LOT = 2, 12, 13, 25
START = datetime(2026, 1, 1, tzinfo=UTC)


def line(spark: SparkSession, seed: int) -> ModelFrames:
    """13 lots of 25 wafers; the last lot is not yet sorted. BAD costs 12 points of yield."""
    random, rows = Random(seed), {"wafers": [], "history": [], "pcm": [], "yields": []}
    for key in range(LOTS * WAFERS_PER_LOT):
        lot, slot = divmod(key, WAFERS_PER_LOT)
        lot_start = START + timedelta(days=lot)
        rows["wafers"].append(("F1", key, f"L{lot:02}", f"{slot:02}", "M16G", 520, lot_start))
        chambers = [(step, random.choice(["T1", "T2"]), random.choice("AB")) for step in STEPS]
        rows["history"] += _steps(key, lot_start, chambers, random)
        bad = BAD in chambers and lot >= BAD_FROM_LOT
        measured_at = lot_start + timedelta(days=2)
        vth = 0.45 + random.gauss(0, 0.01) + (0.005 if bad else 0)
        rows["pcm"].append(("F1", key, "vth_n", vth, "V", measured_at))
        rows["pcm"].append(("F1", key, "rs.m1", random.gauss(10, 1), "ohm", measured_at))
        if lot < SORTED_LOTS:
            rows["yields"].append(("F1", key, "CP1", 520, random.gauss(80 if bad else 92, 1.3)))
    frames = zip(rows.values(), [WAFERS, HISTORY, PCM, YIELD], strict=True)
    wafers, history, pcm, yields = (of_tuples(spark, *frame) for frame in frames)
    return ModelFrames(wafers, history, pcm, yields)


def _steps(key, lot_start, chambers, random):
    for seq, (step, tool, chamber) in enumerate(chambers, start=1):
        start = lot_start + timedelta(hours=8 * seq + random.random())
        yield "F1", key, seq, step, tool, chamber, "R1", start, start + timedelta(hours=1)
