from collections import defaultdict
from datetime import timedelta
from itertools import pairwise

import numpy as np
import pytest

from fabyield.simulate.route import start_lots


@pytest.fixture(scope="module")
def lots(plan):
    return start_lots(plan)


@pytest.fixture(scope="module")
def wafers(lots):
    return [wafer for lot in lots for wafer in lot.wafers]


def test_one_or_two_lots_start_a_day(lots):
    gaps = {after.started_at - one.started_at for one, after in pairwise(lots)}

    assert gaps == {timedelta(hours=12), timedelta(hours=24)}
    assert len(lots) == 13


def test_a_wafer_takes_the_steps_in_order_one_after_the_other(plan, wafers):
    for wafer in wafers:
        steps = [visit.process_step for visit in wafer.visits]
        assert steps == [step.process_step for step in plan.route]
        assert all(one.ended_at <= after.started_at for one, after in pairwise(wafer.visits))
        assert wafer.visits[-1].ended_at < wafer.measured_at


def test_no_chamber_holds_two_wafers_at_once(wafers):
    times = defaultdict(list)
    for wafer in wafers:
        for visit in wafer.visits:
            times[visit.equipment_id, visit.chamber_id].append((visit.started_at, visit.ended_at))

    assert len(times) == 38
    for chamber in times.values():
        assert all(one[1] <= after[0] for one, after in pairwise(sorted(chamber)))


def test_wafers_of_a_lot_spread_evenly_over_a_steps_chambers(lots):
    for lot in lots:
        visits = [wafer.visits[1] for wafer in lot.wafers]
        chambers = [(visit.equipment_id, visit.chamber_id) for visit in visits]
        assert sorted(map(chambers.count, set(chambers))) == [6, 6, 6, 7]


def test_bad_chamber_leaves_a_weak_trace_in_pcm(plan, wafers):
    is_bad = np.array([wafer.is_bad for wafer in wafers])
    mean, sigma = (np.array([getattr(one, name) for one in plan.pcm]) for name in ("mean", "sigma"))
    values = (np.array([wafer.pcm for wafer in wafers]) - mean) / sigma
    step = values[is_bad].mean(axis=0) - values[~is_bad].mean(axis=0)

    assert step[0] == pytest.approx(plan.bad.pcm_sigma["vth_n"], abs=0.35)
    assert step[2] == pytest.approx(plan.bad.pcm_sigma["idsat_n"], abs=0.35)


def test_about_half_of_pcms_variance_is_common_to_a_lot(lots):
    values = np.array([[wafer.pcm for wafer in lot.wafers] for lot in lots])
    common = values.mean(axis=1).var(axis=0) / values.var(axis=(0, 1))

    assert 0.35 < common.mean() < 0.65
