from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from fabsim.calendar import DAY, utc
from fabsim.equipment.sensor_traces import SCHEMA, traces
from fabsim.equipment.visits import all_tools, area_of, chambers_of
from fabsim.line.excursion_hits import window
from fabsim.line.history import LineRun
from fabsim.line.lot_renames import lot_ids
from fabsim.line.lots import NOWHERE, wafer_id
from fabsim.plan.excursions import Dirt, Effect, Excursion, Kind, Shape
from fabsim.scenarios import load_plan

HARMLESS = Effect(0.0, 0.0, Shape.RANDOM, "timing")
DRIFTING = {"process_step": "cvd_ild", "equipment_id": "CVD02", "chamber_id": "A"}
DRIFT = Excursion(
    name="ild_sensor",
    kind=Kind.DRIFTING_SENSOR,
    at=DRIFTING | {"sensor": "heater_temp"},
    from_night=9,
    until_night=14,
    share=0.5,
    effect=HARMLESS,
    drift=1.5,
)
BY_RECIPE = {"process_step": "etch_gate", "recipe_id": "EG-203"}
OLD_RECIPE = Excursion("old_recipe", Kind.WRONG_RECIPE, BY_RECIPE, 1, 0, 0.5, HARMLESS)
DIRT = Dirt(sensor_missing=0.1, sensor_stuck=0.1, sensor_spiking=0.1, sensor_clock=0.15)
NIGHTS = range(1, 5)


@pytest.fixture(scope="module")
def plan():
    small = load_plan().changed(lots_per_night=1, wafers_per_lot=3)
    return replace(small, excursions=(DRIFT, OLD_RECIPE))


@pytest.fixture(scope="module")
def built(plan):
    return LineRun.until(plan, NIGHTS[-1])


@pytest.fixture(scope="module")
def fine(plan):
    """More of the same fab for twelve nights, sampled every 5 seconds."""
    more = plan.changed(lots_per_night=2, wafers_per_lot=6)
    return LineRun.until(sampled(more, 5.0), 12)


@pytest.fixture(scope="module")
def dirty(built):
    return replace(built, plan=replace(built.plan, dirt=DIRT))


def sampled(plan, seconds):
    return replace(plan, tools=replace(plan.tools, sample_seconds=seconds))


def frame(table):
    plain = table.to_pandas()
    names = [name for name in plain if isinstance(plain[name].dtype, pd.CategoricalDtype)]
    plain[names] = plain[names].astype(object)
    return plain.assign(at=plain["at"].astype("int64") / 1e6)


def trace_of(built, equipment_id, nights):
    return pd.concat([frame(traces(built, night, equipment_id)[0]) for night in nights])


def ended_visits(built, equipment_id, night):
    """Lot, step, wafer (from 0) and chamber of each visit that ended in the night."""
    begins, ends = built.plan.calendar.begins(night), built.plan.calendar.ends(night)
    return [
        (lot, step, wafer, built.tools.chambers[lot.chamber[step, wafer]].chamber_id)
        for lot in built.lots
        for step, wafer in np.argwhere(lot.chamber != NOWHERE).tolist()
        if begins <= lot.ended[step, wafer] < ends
        and lot.chamber[step, wafer] in chambers_of(built, equipment_id)
    ]


def residuals(built, one):
    """A sensor's plateau minus its set point and its drift between cleans."""
    equipment_id, chamber_id, name = one["equipment_id"].iloc[0], one["chamber_id"], one["sensor"]
    sensor = next(s for s in area_of(built, equipment_id).sensors if s.sensor == name.iloc[0])
    number = built.tools.number(equipment_id, chamber_id.iloc[0])
    started = one["at"].min()
    age = built.tools.ages(np.array([number]), np.array([int(started)]))[0]
    plateau = one["value"][one["at"] >= started + sensor.ramp_seconds]
    return (plateau - sensor.set_point - sensor.drift * age) / sensor.sigma


def test_every_visit_that_ended_in_the_night_has_a_sample_at_its_start_and_every_7_seconds(plan):
    built = LineRun.until(sampled(plan, 7.0), 2)
    for tool in ("ETCH03", "CVD02", "WET03"):
        seen = frame(traces(built, 2, tool)[0])
        keys = ["process_step", "lot_id", "wafer_id", "chamber_id", "sensor"]
        found = {key: one["at"].to_numpy() for key, one in seen.groupby(keys)}
        expected = {
            (built.plan.route[step].process_step, lot.lot_id, wafer_id(wafer + 1), chamber, one): (
                lot.started[step, wafer],
                (lot.ended[step, wafer] - lot.started[step, wafer]) // 7,
            )
            for lot, step, wafer, chamber in ended_visits(built, tool, 2)
            for one in (sensor.sensor for sensor in area_of(built, tool).sensors)
        }
        assert found.keys() == expected.keys()
        for key, (started, count) in expected.items():
            np.testing.assert_array_equal(found[key], started + 7.0 * np.arange(count))


def test_a_visit_that_ends_as_a_night_ends_is_in_the_trace_of_the_next(built):
    lot, step, wafer, _ = ended_visits(built, "ETCH03", 2)[0]
    late = built.plan.calendar.ends(2) - lot.ended[step, wafer]
    moved = [replace(one, started=one.started + late, ended=one.ended + late) for one in built.lots]
    traced = [trace_of(replace(built, lots=moved), "ETCH03", [night]) for night in (2, 3)]
    names = lot.lot_id, wafer_id(wafer + 1)

    is_in = [names in set(zip(one["lot_id"], one["wafer_id"], strict=True)) for one in traced]
    assert is_in == [False, True]


def test_a_sample_has_all_columns_and_its_time_in_utc(built):
    table, faults = traces(built, 2, "ETCH03")
    row = table.to_pylist()[0]
    lot, step, wafer, chamber = next(
        (lot, step, wafer, chamber)
        for lot, step, wafer, chamber in ended_visits(built, "ETCH03", 2)
        if utc(int(lot.started[step, wafer])) == row["at"] and chamber == row["chamber_id"]
    )

    assert table.schema == SCHEMA
    assert faults == []
    assert list(row.values())[:8] == [
        *("ETCH03", chamber, built.plan.route[step].process_step, built.plan.route[step].recipe_id),
        *(lot.lot_id, wafer_id(wafer + 1), "rf_power", "W"),
    ]


def test_a_tool_without_visits_has_an_empty_trace(built):
    idle = [tool for tool in all_tools(built) if not ended_visits(built, tool, 1)]
    table, faults = traces(built, 1, idle[0])

    assert table.schema == SCHEMA
    assert (len(table), faults) == (0, [])


def test_values_ramp_up_in_a_straight_line(fine):
    seen = trace_of(fine, "ETCH03", [2])
    power = seen[seen["sensor"] == "rf_power"]
    started = power.groupby(["lot_id", "wafer_id"])["at"].transform("min")
    by_time = power.groupby(power["at"] - started)["value"].mean()

    # Set point 1200 W +- 5 sigma of 4 W, 6 W of drift at most; it is reached in 20 s.
    np.testing.assert_allclose(by_time.iloc[:6], [0, 300, 600, 900, 1200, 1200], atol=26)


@pytest.mark.parametrize("tool", ["ETCH03", "CMP04", "FURN01", "WET03"])
def test_plateaus_are_at_set_point_and_drift_with_the_noise_of_the_sensor(fine, tool):
    seen = trace_of(fine, tool, [2, 3, 4]).fillna({"wafer_id": "none"})
    keys = ["process_step", "lot_id", "wafer_id", "chamber_id", "sensor"]
    left = {key: residuals(fine, one) for key, one in seen.groupby(keys)}
    for sensor in area_of(fine, tool).sensors:
        values = np.concatenate([one for key, one in left.items() if key[-1] == sensor.sensor])
        # Four standard errors of a mean and of a standard deviation.
        assert abs(values.mean()) < 4 / np.sqrt(len(values))
        assert abs(values.std() - 1) < 4 / np.sqrt(2 * len(values))


def test_a_drifting_sensor_drifts_in_its_window_on_its_place_only(fine):
    when = window(fine.plan, fine.tools, fine.lots, DRIFT)
    seen = trace_of(fine, "CVD02", range(1, 13))
    keys = ["process_step", "chamber_id", "sensor", "lot_id", "wafer_id"]
    visits = [
        (*key[:3], one["at"].min(), residuals(fine, one).mean(), len(one))
        for key, one in seen.groupby(keys)
    ]
    place = ("cvd_ild", "A", "heater_temp")
    inside = [v for v in visits if v[:3] == place and when.contains(v[3])]
    days, off = np.array([((at - when.begins) / DAY, mean) for *_, at, mean, _ in inside]).T

    assert len(inside) > 5
    # A visit has 84 samples, 0.11 sigma of its mean; allowed are five standard errors.
    error = 1 / np.sqrt(84) / (days.std() * np.sqrt(len(days)))
    assert np.polyfit(days, off, 1)[0] == pytest.approx(DRIFT.drift, abs=5 * error)
    assert max(off) > 2
    others = [v for v in visits if v not in inside]
    assert {v[:3] for v in others} > {place}
    assert all(abs(mean) < 5 / np.sqrt(count / 2) for *_, mean, count in others)


def test_wafers_hit_by_a_wrong_recipe_show_it(built):
    seen = pd.concat([trace_of(built, tool, NIGHTS) for tool in ("ETCH01", "ETCH02")])
    columns = (seen[name] for name in ("lot_id", "wafer_id", "recipe_id"))
    found = {(lot, wafer): recipe for lot, wafer, recipe in zip(*columns, strict=True)}
    expected = {
        (lot.lot_id, wafer_id(wafer + 1)): "EG-203" if built.hits[lot.index][1, wafer] else "EG-204"
        for tool in ("ETCH01", "ETCH02")
        for night in NIGHTS
        for lot, _, wafer, _ in ended_visits(built, tool, night)
    }

    assert found == expected
    assert set(found.values()) == {"EG-203", "EG-204"}


def test_a_batch_tool_has_one_trace_for_all_wafers_of_a_lot_id(plan):
    split = replace(plan.changed(wafers_per_lot=12), dirt=Dirt(split=1.0))
    built = LineRun.until(split, 4)
    seen = trace_of(built, "FURN01", NIGHTS)
    expected = {
        (chamber, int(lot.started[step, wafer]), lot_ids(split, lot, step)[wafer])
        for night in NIGHTS
        for lot, step, wafer, chamber in ended_visits(built, "FURN01", night)
    }
    runs = seen.groupby(["chamber_id", "process_step", "lot_id", "sensor"])
    found = {(key[0], int(one["at"].min()), key[2]) for key, one in runs}

    assert found == expected
    assert set(runs.size()) == {4 * 3600 // 30}
    assert seen["wafer_id"].isna().all()
    shared = seen.groupby(["chamber_id", "sensor", "at"])["value"]
    assert shared.size().max() == 2
    assert shared.nunique().max() == 1


def test_the_same_night_is_the_same_however_far_the_fab_was_run(plan, dirty):
    further = LineRun.until(dirty.plan, NIGHTS[-1] + 2)
    for tool in all_tools(dirty):
        first, again, later = (traces(one, 3, tool) for one in (dirty, dirty, further))
        assert first[0].equals(again[0])
        assert first[0].equals(later[0])
        assert first[1] == again[1] == later[1]


def test_another_night_and_another_seed_have_other_noise(fine):
    reseeded = replace(fine, plan=replace(fine.plan, seed=fine.plan.seed + 1))
    asked = [(fine, 2), (fine, 3), (reseeded, 2)]
    # The first sensor ramps up from 0, so that its first value is nothing but noise.
    first = [traces(one, night, "ETCH03")[0]["value"][0].as_py() for one, night in asked]

    assert len(set(first)) == 3
