"""Suspects in fabs whose truth is known, many seeds of them, without files and without Spark."""

from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pytest

import fabsim
from fabsim.factory.rows import recipes
from fabsim.line.history import LineRun
from fabsim.line.schedule import booking
from fabsim.testers.die_flow import carriers
from fabsim.wafer.defects import causes, damage
from fabyield.transforms.shared.suspect_arms import SuspectRules
from fabyield.transforms.shared.suspects import commonality_of_group

KEYS = ["fab_id", "product_id", "insertion"]
ETCH02_B = ("chamber", "etch_gate", "ETCH02/B")
SOAK = pytest.mark.soak
SEEDS = [*(1, 2), *(pytest.param(seed, marks=SOAK) for seed in range(3, 11))]


class Fab(NamedTuple):
    """The commonality of a fab's wafers at CP1, and what its first excursion did."""

    rows: list[dict]
    lots: list[str]
    loss_pct: float

    @property
    def suspects(self):
        found = [row for row in self.rows if row["verdict"] == "suspect"]
        found.sort(key=lambda row: row["suspect_rank"])
        return {place_of(row): row for row in found}


def place_of(row):
    return row["factor_kind"], row["process_step"], row["level"]


def fab_of(scenario, nights, seed):
    plan = fabsim.load_plan(None, scenario).changed(seed, 3, None)
    line = LineRun.until(plan, nights)
    visits, losses, hit = [], [], {}
    for lot in line.lots:
        place = booking(plan, lot, 0)
        if place is None or place.night > nights:
            continue
        for carrier in carriers(line, lot, 0):
            pct = 100 * float(carrier.touches.passed.sum()) / len(carrier.parts.die)
            slot = carrier.turn + 1
            visits += wafer_visits(line, lot, slot, place.node_nam, pct)
            if plan.excursions and line.hits[lot.index][0, carrier.turn] > 0:
                harm = damage(line, lot, slot)
                cause = 1 + causes(plan).index(plan.excursions[0].name)
                losses.append(100 * float(((harm.cause == cause) & (harm.caught_at == 0)).mean()))
                at = etched_at(line, lot, slot)
                hit[lot.lot_id] = min(at, hit.get(lot.lot_id, at))
    table = pa.Table.from_pylist(visits)
    at = table.schema.get_field_index("at")
    table = table.set_column(at, "at", table["at"].cast(pa.timestamp("us", "UTC")))
    rows = commonality_of_group(table, KEYS, SuspectRules()).to_pylist()
    return Fab(rows, sorted(hit, key=hit.get), float(np.mean(losses)) if losses else 0.0)


def etched_at(line, lot, slot):
    step = [one.process_step for one in line.plan.route].index("etch_gate")
    return int(lot.started[step, slot - 1])


def wafer_visits(line, lot, slot, node_nam, pct):
    wafer = {"fab_id": "F", "product_id": "P", "insertion": "CP1", "lot_id": lot.lot_id}
    wafer |= {"wafer_key": 100 * lot.index + slot, "final_yield_pct": pct}
    places = [("tester", "CP1", node_nam, 0)]
    for number, step in enumerate(line.plan.route):
        chamber = line.tools.chambers[int(lot.chamber[number, slot - 1])]
        at = int(lot.started[number, slot - 1]) * 1_000_000
        name = f"{chamber.equipment_id}/{chamber.chamber_id}"
        places += [
            ("chamber", step.process_step, name, at),
            ("equipment", step.process_step, chamber.equipment_id, at),
            ("recipe", step.process_step, recipes(line, lot, number)[slot - 1], at),
        ]
    names = ("factor_kind", "process_step", "level", "at")
    return [wafer | dict(zip(names, place, strict=True)) for place in places]


@pytest.mark.parametrize("seed", SEEDS)
def test_guilty_chamber_is_found_with_its_loss_and_start_and_the_bystander_is_named(seed):
    fab = fab_of("bad_chamber", 4, seed)

    assert list(fab.suspects) == [ETCH02_B]
    found = fab.suspects[ETCH02_B]
    assert found["q_value"] < 0.01
    assert found["effect_points"] == pytest.approx(-fab.loss_pct, abs=1)
    assert found["since_lot"] in fab.lots[:2]
    verdicts = {place_of(row): row["verdict"] for row in fab.rows}
    assert verdicts["chamber", "cmp_ild", "CMP03/A"] == "bystander"


@pytest.mark.parametrize("seed", SEEDS)
def test_no_place_is_suspected_of_random_losses(seed):
    assert fab_of("quiet", 4, seed).suspects == {}


@pytest.mark.parametrize("seed", [2, *(pytest.param(n, marks=SOAK) for n in (5, 11, 15, 17))])
def test_chamber_is_found_once_and_in_its_time_beside_other_causes(seed):
    fab = fab_of("dirty_night", 14, seed)

    found = fab.suspects[ETCH02_B]
    assert next(iter(fab.suspects.values()))["suspect_rank"] == 1
    assert found["since_lot"] in fab.lots[:2]
    assert found["lots_after"] <= 1
    assert found["effect_points"] == pytest.approx(-fab.loss_pct, abs=1)


@SOAK
@pytest.mark.parametrize("seed", range(1, 4))
def test_fab_with_few_defects_has_no_suspect(seed):
    assert fab_of("few_defects", 4, seed).suspects == {}
