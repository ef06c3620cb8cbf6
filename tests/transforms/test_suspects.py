"""Suspects among wafers of made-up lots."""

import numpy as np
import pyarrow as pa
import pytest

from fabyield.transforms.shared.suspect_arms import SuspectRules
from fabyield.transforms.shared.suspects import commonality_of_group

KEYS = ["fab_id", "product_id", "insertion"]
HOUR = 3_600_000_000


def visit(wafer_key, pct, *place):
    """The visit of a wafer of lot K0 to K19, an hour apart, to a place: kind, step and level."""
    lot = wafer_key // 100
    names = {"fab_id": "F", "product_id": "P", "insertion": "CP1", "lot_id": f"K{lot}"}
    where = dict(zip(("factor_kind", "process_step", "level"), place, strict=True))
    return {**names, "wafer_key": wafer_key, "final_yield_pct": pct, **where, "at": lot * HOUR}


def fab(low, lots=8, wafers=12, others=()):
    """Lots whose wafers take turns in chambers A to C of each step; `low` says who yields low."""
    rng = np.random.default_rng(1)
    for lot in range(lots):
        turns = {step: rng.permutation(wafers) % 3 for step in ("etch", *others)}
        for slot in range(wafers):
            key, noise = 100 * lot + slot, rng.normal(0, 0.5)
            chamber = "ABC"[turns["etch"][slot]]
            pct = (85 if low(lot, chamber, slot) else 96) + noise
            yield visit(key, pct, "chamber", "etch", f"E1/{chamber}")
            for step, turn in turns.items():
                if step != "etch":
                    yield visit(key, pct, "chamber", step, f"X1/{'ABC'[turn[slot]]}")


def found(visits, **rules):
    rows = pa.Table.from_pylist(list(visits))
    at = rows.schema.get_field_index("at")
    rows = rows.set_column(at, "at", rows["at"].cast(pa.timestamp("us", "UTC")))
    table = commonality_of_group(rows, KEYS, SuspectRules(**rules))
    return {(row["process_step"], row["level"]): row for row in table.to_pylist()}


def verdicts(rows):
    return {place: row["verdict"] for place, row in rows.items() if row["verdict"] != "none"}


def test_chamber_of_the_low_wafers_is_the_suspect_since_its_first_low_lot():
    rows = found(fab(lambda lot, chamber, _: chamber == "B" and lot >= 3))

    assert verdicts(rows) == {("etch", "E1/B"): "suspect"}
    suspect = rows["etch", "E1/B"]
    assert (suspect["since_lot"], suspect["until_lot"], suspect["lots_after"]) == ("K3", "K7", 0)
    assert suspect["since_at"].timestamp() == 3 * 3600
    assert (suspect["affected_wafers"], suspect["affected_lots"]) == (20, 5)
    assert suspect["effect_points"] == pytest.approx(-11, abs=0.5)
    assert (suspect["wafers"], suspect["low_wafers"], suspect["suspect_rank"]) == (32, 20, 1)


def test_lots_after_the_last_low_one_are_counted():
    rows = found(fab(lambda lot, chamber, _: chamber == "B" and 2 <= lot <= 4))

    suspect = rows["etch", "E1/B"]
    assert (suspect["since_lot"], suspect["until_lot"], suspect["lots_after"]) == ("K2", "K4", 3)


def test_place_that_shares_most_wafers_with_the_suspect_is_a_bystander():
    visits = list(fab(lambda lot, chamber, _: chamber == "B" and lot >= 2))
    bystanders = [one | {"process_step": "cmp", "level": beside(one)} for one in visits]

    rows = found(visits + bystanders)

    assert verdicts(rows) == {("etch", "E1/B"): "suspect", ("cmp", "C1/A"): "bystander"}
    assert rows["cmp", "C1/A"]["explained_by"] == "chamber etch E1/B"


def beside(one):
    """C1/A for most wafers of the bad chamber, and for a few others."""
    is_there = one["level"] == "E1/B"
    return "C1/A" if is_there != (one["wafer_key"] % 9 == 0) else "C1/B"


def test_places_with_the_same_wafers_cannot_be_told_apart():
    visits = list(fab(lambda lot, chamber, _: chamber == "B" and lot >= 2))
    same = [one | {"process_step": "strip", "level": f"S{one['level']}"} for one in visits]

    rows = found(visits + same)

    assert verdicts(rows) == {("etch", "E1/B"): "suspect", ("strip", "SE1/B"): "alike"}


def test_second_cause_is_found_behind_the_first():
    def low(lot, chamber, slot):
        return (chamber == "B" and lot >= 2) or (slot % 4 == 1 and lot >= 4)

    visits = list(fab(low, lots=12))
    other = {"factor_kind": "recipe", "process_step": "anneal"}
    slots = [one | other | {"level": f"R{one['wafer_key'] % 4}"} for one in visits]

    rows = found(visits + slots)

    assert verdicts(rows) == {("etch", "E1/B"): "suspect", ("anneal", "R1"): "suspect"}
    assert rows["anneal", "R1"]["suspect_rank"] == 2
    assert rows["anneal", "R1"]["since_lot"] == "K4"


def test_low_wafers_of_two_lots_are_inconclusive():
    rows = found(fab(lambda lot, chamber, _: chamber == "B" and lot in {3, 4}, lots=20))

    assert verdicts(rows) == {("etch", "E1/B"): "inconclusive"}


def test_loss_below_the_least_points_is_no_suspect():
    rows = found(fab(lambda lot, chamber, _: chamber == "B" and lot >= 3), min_points=12.0)

    assert verdicts(rows) == {("etch", "E1/B"): "inconclusive"}


def test_low_lots_that_share_a_tool_by_chance_are_no_suspect():
    """Three wholly low lots of twenty: as lots, not as wafers, they prove nothing."""
    visits = []
    for lot in range(20):
        for slot in range(25):
            pct = (80 if lot in {2, 7, 11} else 96) + slot % 5 / 10
            tool = "T1" if lot in {2, 7, 11, 3, 5, 8, 13, 17} else "T2"
            visits.append(visit(100 * lot + slot, pct, "equipment", "litho", tool))

    assert verdicts(found(visits)) == {}


def test_fab_without_low_wafers_has_no_suspect():
    assert verdicts(found(fab(lambda *_: False, others=("litho", "cmp")))) == {}


def test_product_whose_wafers_all_went_one_way_has_no_commonality():
    assert found(fab(lambda *_: False, lots=1, wafers=1)) == {}


def test_place_that_costs_yield_without_the_suspects_wafers_is_no_bystander():
    visits = []
    for one in fab(lambda lot, chamber, _: chamber == "B" and lot >= 2, lots=12):
        slot = one["wafer_key"] % 100
        there = slot % 2 == 0 if one["level"] == "E1/B" else slot % 6 == 0
        pct = one["final_yield_pct"] - (1.3 if there else 0)
        beside = {"process_step": "cmp", "level": "C1/A" if there else "C1/B"}
        visits += [one | {"final_yield_pct": pct}, one | beside | {"final_yield_pct": pct}]

    rows = found(visits)

    assert rows["etch", "E1/B"]["verdict"] == "suspect"
    assert rows["cmp", "C1/A"]["verdict"] in {"suspect", "inconclusive"}
