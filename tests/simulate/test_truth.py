"""What the truth says must be what the wafers show."""

from dataclasses import replace

import pyarrow.parquet as pq
import pytest

from fabyield.simulate.prober_queue import sessions
from fabyield.simulate.route import start_lots, went_bad_at
from fabyield.simulate.wafer_sort import GOOD_BIN


@pytest.fixture(scope="module")
def line(plan):
    """Wafers of eight lots of full size, with their yield in percent; eight tests are enough."""
    small = replace(plan, probe=replace(plan.probe, tests=8)).sized(lots=8, wafers_per_lot=25)
    return [
        (one.wafer, 100 * one.touches.passed.sum() / one.prober.die.gross_die, one.touches)
        for one in sessions(small, start_lots(small))
    ]


def mean(values):
    return sum(values) / len(values)


def test_bad_chamber_costs_as_many_yield_points_as_the_plan_says(plan, line):
    bad = [final for wafer, final, _ in line if wafer.is_bad]
    fine = [final for wafer, final, _ in line if not wafer.is_bad and not wafer.is_random_low]

    assert len(bad) >= 25
    assert mean(fine) - mean(bad) == pytest.approx(plan.bad.effect_pct, abs=1.0)
    assert max(bad) < min(fine)


def test_wafers_without_a_cause_scatter_by_one_to_one_and_a_half_points(line):
    fine = [final for wafer, final, _ in line if not wafer.is_bad and not wafer.is_random_low]
    sigma = mean([(one - mean(fine)) ** 2 for one in fine]) ** 0.5

    assert 1.0 < sigma < 1.5
    assert 96.5 < mean(fine) < 98.0


def test_few_wafers_are_low_for_no_reason_of_a_chamber(line):
    fine = [final for wafer, final, _ in line if not wafer.is_bad and not wafer.is_random_low]
    low = [final for wafer, final, _ in line if wafer.is_random_low]

    assert 1 <= len(low) <= 6
    assert all(6 < mean(fine) - final < 16 for final in low)


def test_three_to_five_percent_of_die_are_retested_and_about_half_recover(line):
    fine = [touches for wafer, _, touches in line if not wafer.is_bad and not wafer.is_random_low]
    again = sum(touches.is_retest.sum() for touches in fine)
    recovered = sum((touches.is_retest & touches.passed).sum() for touches in fine)

    assert 0.03 < again / sum((~touches.is_retest).sum() for touches in fine) < 0.05
    assert 0.4 < recovered / again < 0.6


def test_bad_chamber_fails_the_edge_of_the_wafer(plan, line):
    (_, _, touches), *_ = [row for row in line if row[0].is_bad]
    session = next(iter(sessions(plan, start_lots(plan))))
    outside = session.prober.die.radius[touches.die] > plan.bad.ring_from
    lost = touches.decides & (touches.hard_bin != GOOD_BIN)

    assert lost[outside].mean() > 4 * lost[~outside].mean()


def test_bad_chamber_shifts_the_first_tests_of_its_group(plan, line):
    vth_01, idsat_01 = 3, 4
    means = {True: [], False: []}
    for wafer, _, touches in line:
        means[wafer.is_bad].append(touches.results[touches.passed].mean(axis=0))
    step = mean(means[True]) - mean(means[False])

    sigma = {group.group: group.sigma for group in plan.groups}
    assert step[vth_01] / sigma["vth"] == pytest.approx(1.9, abs=0.3)
    assert abs(step[idsat_01] / sigma["idsat"]) < 0.6


def test_innocent_chamber_shares_most_bad_wafers_and_harms_none(plan, line):
    suspect = (plan.innocent.equipment_id, plan.innocent.chamber_id)
    there = [
        (wafer, final)
        for wafer, final, _ in line
        if suspect in {(visit.equipment_id, visit.chamber_id) for visit in wafer.visits}
    ]
    shared = [wafer for wafer, _ in there if wafer.is_bad]
    others = [final for wafer, final in there if not wafer.is_bad and not wafer.is_random_low]

    assert len(shared) / sum(wafer.is_bad for wafer, _, _ in line) >= 0.8
    assert len(others) > 20
    assert mean(others) > 96.5


def test_no_wafer_is_bad_before_the_date_or_in_another_chamber(plan):
    since = went_bad_at(plan, start_lots(plan))
    chamber = (plan.bad.equipment_id, plan.bad.chamber_id)
    for lot in start_lots(plan):
        for wafer in lot.wafers:
            (visit,) = [one for one in wafer.visits if one.process_step == plan.bad.process_step]
            is_there = (visit.equipment_id, visit.chamber_id) == chamber
            assert wafer.is_bad == (is_there and visit.started_at >= since)
            assert lot.index >= plan.bad.after_lots or not wafer.is_bad


def test_causes_name_the_bad_chamber_its_date_and_the_innocent_one(fab):
    bad, innocent = pq.read_table(fab.truth / "causes.parquet").to_pylist()

    chamber = [bad[name] for name in ("process_step", "equipment_id", "chamber_id")]
    assert chamber == ["etch_gate", "ETCH02", "B"]
    assert bad["from"] == went_bad_at(fab.plan, start_lots(fab.plan))
    assert (bad["kind"], bad["effect_pct"]) == ("bad", 12.5)
    assert (innocent["kind"], innocent["effect_pct"], innocent["from"]) == ("innocent", 0.0, None)


def test_truth_knows_unsorted_wafers_but_counts_none_of_their_die(fab):
    rows = fab.wafers()

    assert len(rows) == 12
    waiting = [row for row in rows if row["tested_die"] is None]
    assert {row["lot_id"] for row in waiting} == {"K1006"}
    assert {row["tested_die"] for row in rows if row not in waiting} == {61}


def test_truth_is_not_where_the_pipeline_reads(fab):
    assert not list(fab.landing.rglob("*.parquet"))
    assert {path.suffix for path in fab.landing.rglob("*")} == {".gz"}
