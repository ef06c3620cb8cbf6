from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from fabsim.calendar import DAY
from fabsim.equipment.visits import all_tools, area_of
from fabsim.line.excursion_hits import window
from fabsim.line.history import LineRun
from fabsim.line.lots import wafer_id
from fabsim.plan.excursions import Effect, Excursion, Kind, Shape
from fabsim.scenarios import load_plan
from tests.fabsim.logs import NIGHTS, is_in, log_of, visits

HARMLESS = Effect(0.0, 0.0, Shape.RANDOM, "timing")
ETCH = {"process_step": "etch_gate", "equipment_id": "ETCH02", "chamber_id": "B"}
BAD = Excursion("bad_etch", Kind.BAD_CHAMBER, ETCH, 2, 0, 0.6, HARMLESS)
CVD = {"process_step": "cvd_ild", "equipment_id": "CVD02", "chamber_id": "A"}
DRIFT = Excursion(
    name="ild_sensor",
    kind=Kind.DRIFTING_SENSOR,
    at=CVD | {"sensor": "heater_temp"},
    from_night=11,
    until_night=15,
    share=0.5,
    effect=HARMLESS,
    drift=1.5,
)


@pytest.fixture(scope="module")
def built():
    small = load_plan().changed(lots_per_night=1, wafers_per_lot=3)
    often = replace(small.tools, alarms_per_1000_wafers=100.0)
    return LineRun.until(replace(small, excursions=(DRIFT,), tools=often), NIGHTS[-1])


def test_alarms_by_chance_come_at_the_plans_rate(built):
    rows = [row for tool in all_tools(built) for row in log_of(built, tool)[1]]
    by_chance = [row for row in rows if row["cause"] is None]
    wafers = sum(
        is_in(built, lot.ended[step, wafer])
        for tool in all_tools(built)
        for lot, step, wafer in visits(built, tool)
    )

    # Three standard deviations of a binomial.
    assert abs(len(by_chance) - 0.1 * wafers) < 3 * np.sqrt(0.1 * 0.9 * wafers)
    assert len({row["code"] for row in by_chance}) == 6


def at_night(built, at):
    calendar = built.plan.calendar
    return calendar.night_on(calendar.night_of(int(at.timestamp())))


def test_the_truth_has_one_row_for_each_alarm_in_the_log(built):
    for tool in all_tools(built):
        lines, rows = log_of(built, tool)
        found = Counter(
            (line["at"], line["tool"], line["chamber"], line["said"].split()[0])
            for line in lines
            if line["event"] == "ALARM"
        )
        places = [(row["equipment_id"], row["chamber_id"], f"code={row['code']}") for row in rows]
        times = [f"{row['at']:%Y-%m-%dT%H:%M:%SZ}" for row in rows]
        assert found == Counter((at, *place) for at, place in zip(times, places, strict=True))
        assert all(at_night(built, row["at"]) == row["night_on"] for row in rows)


def test_wafers_with_an_alarm_are_in_the_chamber(built):
    for tool in (one for one in all_tools(built) if not area_of(built, one).is_batch):
        inside = {}
        for line in log_of(built, tool)[0]:
            wafer = " ".join((line["said"] or "").split()[:2])
            if line["event"].startswith("WAFER"):
                inside[line["chamber"]] = wafer if line["event"] == "WAFER_START" else None
            if line["event"] == "ALARM" and line["chamber"] in inside:
                assert inside[line["chamber"]] in line["said"]


def test_one_in_ten_wafers_that_a_bad_chamber_hits_has_its_alarm():
    plan = load_plan().changed(lots_per_night=3, wafers_per_lot=25)
    built = LineRun.until(replace(plan, excursions=(BAD,)), NIGHTS[-1])
    lines, rows = log_of(built, "ETCH02")
    caused = {(f"{row['at']:%H:%M:%S}", row["code"]) for row in rows if row["cause"] == "bad_etch"}
    said = [
        line["said"].split()
        for line in lines
        if line["event"] == "ALARM" and (line["at"][11:19], line["said"].split()[0][5:]) in caused
    ]
    step = built.tools.step("etch_gate")
    hit = {
        (f"lot={lot.lot_id}", f"wafer={wafer_id(wafer + 1)}"): is_in(built, lot.ended[step, wafer])
        for lot in built.lots
        for wafer in np.flatnonzero(built.hits[lot.index][0]).tolist()
    }
    done = sum(hit.values())

    assert {code for _, code in caused} == {"A310"}
    assert {(lot, wafer) for _, lot, wafer, *_ in said} <= hit.keys()
    # Three standard deviations of a binomial.
    assert abs(len(caused) - 0.1 * done) < 3 * np.sqrt(0.1 * 0.9 * done)


def test_a_sensor_more_than_three_sigma_off_is_warned_of(built):
    built = LineRun.until(built.plan.changed(lots_per_night=3, wafers_per_lot=8), NIGHTS[-1])
    lines, rows = log_of(built, "CVD02")
    place = built.tools.step("cvd_ild"), built.tools.number("CVD02", "A")
    when = window(built.plan, built.tools, built.lots, DRIFT)
    days = {
        f"lot={lot.lot_id} wafer={wafer_id(wafer + 1)}": (lot.started[step, wafer] - begins) / DAY
        for begins in [when.begins]
        for lot, step, wafer in visits(built, "CVD02")
        if (step, lot.chamber[step, wafer]) == place and when.contains(lot.started[step, wafer])
    }
    far = {wafer for wafer, since in days.items() if DRIFT.drift * since > 3}
    warned = [line for line in lines if line["level"] == "WARN"]

    assert far
    assert far < days.keys()
    assert {" ".join(line["said"].split()[1:3]) for line in warned} == far
    assert all("sensor=heater_temp sigmas=" in line["said"] for line in warned)
    assert [row["cause"] for row in rows if row["code"] == "W701"] == ["ild_sensor"] * len(warned)
