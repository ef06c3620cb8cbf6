from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from fabsim.calendar import utc
from fabsim.equipment.sensor_traces import traces
from fabsim.equipment.visits import all_tools, area_of
from fabsim.line.history import LineRun
from fabsim.plan.excursions import Dirt
from fabsim.scenarios import load_plan

DIRT = Dirt(sensor_missing=0.1, sensor_stuck=0.1, sensor_spiking=0.1, sensor_clock=0.15)
NIGHTS = range(1, 5)


@pytest.fixture(scope="module")
def built():
    plan = load_plan().changed(lots_per_night=1, wafers_per_lot=3)
    return LineRun.until(plan, NIGHTS[-1])


@pytest.fixture(scope="module")
def dirty(built):
    return replace(built, plan=replace(built.plan, dirt=DIRT))


def frame(table):
    plain = table.to_pandas()
    names = [name for name in plain if isinstance(plain[name].dtype, pd.CategoricalDtype)]
    plain[names] = plain[names].astype(object)
    return plain.assign(at=plain["at"].astype("int64") / 1e6)


def test_faults_come_at_their_rates(built):
    often = Dirt(sensor_missing=0.2, sensor_stuck=0.3, sensor_spiking=0.4, sensor_clock=0.5)
    dirty = replace(built, plan=replace(built.plan, dirt=often))
    found, sensors, tools = [], 0, 0
    for night in NIGHTS:
        for tool in all_tools(built):
            seen = traces(built, night, tool)[0]
            sensors += len(seen.group_by(["chamber_id", "sensor"]).aggregate([]))
            tools += len(seen) > 0
            found += [row["fault"] for row in traces(dirty, night, tool)[1]]
    assert is_about(found.count("sensor_missing"), 0.2, sensors)
    assert is_about(found.count("sensor_stuck"), 0.3, sensors)
    assert is_about(found.count("sensor_spiking"), 0.4, sensors)
    assert is_about(found.count("sensor_clock"), 0.5, tools)


def is_about(count, share, of):
    """Whether a count is within three standard deviations of a binomial."""
    return abs(count - share * of) < 3 * np.sqrt(share * (1 - share) * of)


def test_faults_of_a_trace_match_the_truth(built, dirty):
    kinds = set()
    for night in NIGHTS:
        for tool in all_tools(built):
            clean, (table, faults) = (
                frame(traces(built, night, tool)[0]),
                traces(dirty, night, tool),
            )
            kinds |= {row["fault"] for row in faults}
            check(clean, frame(table), faults, area_of(built, tool))

    assert kinds == {"sensor_missing", "sensor_stuck", "sensor_spiking", "sensor_clock"}


def check(clean, seen, faults, area):
    clocks = [row for row in faults if row["fault"] == "sensor_clock"]
    ahead = sum(row["amount"] for row in clocks)
    assert all(3600 <= abs(row["amount"]) <= 12 * 3600 for row in clocks)
    assert all(row["chamber_id"] is row["sensor"] is None for row in clocks)
    by_place = {(row["chamber_id"], row["sensor"]): row for row in faults}
    sigmas = {one.sensor: one.sigma for one in area.sensors}
    recorded = dict(list(seen.assign(at=seen["at"] - ahead).groupby(["chamber_id", "sensor"])))
    for place, right in clean.groupby(["chamber_id", "sensor"]):
        wrong = recorded.get(place, right.iloc[:0])
        CHECKS[by_place.get(place, {"fault": None})["fault"]](
            right.reset_index(drop=True),
            wrong.reset_index(drop=True),
            by_place.get(place),
            sigmas[place[1]],
        )


def check_sound(right, wrong, _, __):
    assert right.equals(wrong)


def check_missing(right, wrong, row, _):
    assert len(wrong) == 0
    assert row["amount"] == len(right)
    assert (row["from"], row["until"]) == (utc(right["at"].min()), utc(right["at"].max()))


def check_stuck(right, wrong, row, _):
    is_stuck = right["at"] >= row["from"].timestamp()
    stuck_at = right["value"][is_stuck].iloc[0]

    assert row["amount"] == is_stuck.sum()
    assert wrong["value"].equals(right["value"].where(~is_stuck, stuck_at))
    assert wrong["at"].equals(right["at"])


def check_spiking(right, wrong, row, sigma):
    off = ((wrong["value"] - right["value"]) / sigma).abs()
    spikes = wrong["at"][off > 0]

    assert row["amount"] == len(spikes) == max(round(0.01 * len(right)), 1)
    # Six digits of 1200 W are 0.01 W; sigma is 4 W.
    assert off[off > 0].between(19.9, 50.1).all()
    assert (row["from"], row["until"]) == (utc(spikes.min()), utc(spikes.max()))


CHECKS = {
    None: check_sound,
    "sensor_missing": check_missing,
    "sensor_stuck": check_stuck,
    "sensor_spiking": check_spiking,
}
