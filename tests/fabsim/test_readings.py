"""What touch-downs measure: good parts inside the limits, bad ones outside, in the right test."""

from dataclasses import replace

import numpy as np
import pytest

from fabsim.line.history import LineRun
from fabsim.testers.die_flow import CONTACT_GROUP, NO_FAIL
from fabsim.testers.readings import FIRST_FAIL_BIN, FIRST_FAIL_SOFT_BIN, GOOD_BIN, PIN_LIMIT
from tests.fabsim.fabs import (
    CP1,
    all_sessions,
    first_lots,
    in_sigmas,
    level,
    small,
    with_insertions,
)


@pytest.fixture(scope="module")
def found(plan):
    """Sessions of small wafers with many bad die and bad contacts."""
    many = with_insertions(small(plan, defects_per_die=0.3), contact_pct=10.0)
    return list(all_sessions(first_lots(LineRun.until(many, 1), 3), CP1))


def each(found):
    for one in found:
        yield one, one.readings, one.touches


def test_a_touch_down_passes_all_tests_or_fails_as_its_verdict_says(found):
    for _, readings, touches in each(found):
        fails = readings.failed.any(axis=1) | readings.functional_failed.any(axis=1)
        assert (fails == ~touches.passed).all()


def test_parametric_damage_fails_one_test_of_its_group(found):
    seen = set()
    for one, readings, touches in each(found):
        functional = len(one.line.plan.groups)
        rows = (touches.group > CONTACT_GROUP) & (touches.group < functional)
        assert (readings.failed[rows].sum(axis=1) == 1).all()
        failed = one.program.group[readings.failed[rows].argmax(axis=1)]
        assert (failed == touches.group[rows]).all()
        seen |= set(failed.tolist())
    assert seen == {1, 2, 3, 4, 5}


def test_functional_damage_fails_a_functional_test_alone(found):
    rows_seen = 0
    for one, readings, touches in each(found):
        rows = touches.group == len(one.line.plan.groups)
        rows_seen += rows.sum()
        assert (readings.functional_failed[rows].sum(axis=1) == 1).all()
        assert not readings.failed[rows].any()
    assert rows_seen > 50


def test_a_bad_contact_fails_a_contact_test_the_pins_and_all_functions(found):
    for one, readings, touches in each(found):
        assert readings.functional_failed[touches.is_contact].all()
        assert (readings.pins_failed == touches.is_contact).all()
        assert (readings.pins[touches.is_contact] > PIN_LIMIT).all()
        contact = one.program.group == CONTACT_GROUP
        assert (readings.failed[touches.is_contact][:, contact].sum(axis=1) == 1).all()
    assert sum(one.touches.is_contact.sum() for one in found) > 300


def test_bins_belong_to_the_first_failing_test(found):
    for one, readings, touches in each(found):
        failed = np.hstack([readings.failed, readings.functional_failed])
        first, group = failed.argmax(axis=1), np.append(one.program.group, [6, 6])
        good = touches.group == NO_FAIL

        assert (readings.hard_bin[good] == GOOD_BIN).all()
        assert (readings.soft_bin[good] == GOOD_BIN).all()
        assert (readings.hard_bin[~good] == FIRST_FAIL_BIN + group[first[~good]]).all()
        assert (readings.soft_bin[~good] == FIRST_FAIL_SOFT_BIN + first[~good]).all()


def test_a_test_without_a_low_limit_fails_high(found):
    high = found[0].program.high_only
    lost = [one.readings.results[:, high][one.readings.failed[:, high]] for one in found]

    assert np.isnan(found[0].program.lo_limit[high]).all()
    assert sum(map(len, lost)) > 50
    for one in found:
        results, failed = one.readings.results[:, high], one.readings.failed[:, high]
        assert (results > one.program.hi_limit[high])[failed].all()


def test_a_retest_reads_the_same_die_again_but_for_its_repeatability(plan):
    steady = with_insertions(
        level(small(plan), repeat=0.05), contact_pct=30.0, contact_cured=1.0, sites=1
    )
    steps = []
    for one in all_sessions(first_lots(LineRun.until(steady, 1), 2), CP1):
        again, other = one.touches.is_retest, one.program.group != CONTACT_GROUP
        before = np.searchsorted(one.touches.part[~again], one.touches.part[again])
        values = in_sigmas(one)
        steps.append((values[again] - values[~again][before])[:, other].ravel())
    step = np.concatenate(steps)

    # Two roundings to a 300th of sigma or less widen 0.05 by less than a thousandth.
    assert len(step) > 3_000
    assert abs(step.mean()) < 4 * 0.05 / np.sqrt(len(step))
    assert abs(step.std() - 0.05) < 4 * 0.05 / np.sqrt(2 * len(step)) + 0.001


def test_test_times_have_the_planned_mean_and_spread(found):
    insertion = found[0].program.insertion
    times = np.concatenate([one.readings.test_ms for one in found])
    mean, sigma = insertion.test_ms, insertion.test_sigma_ms

    assert abs(times.mean() - mean) < 4 * sigma / np.sqrt(len(times))
    assert abs(times.std() - sigma) < 4 * sigma / np.sqrt(2 * len(times))


def test_an_outlier_of_a_good_die_stays_inside_its_limits(plan):
    far = replace(plan.products[0], shift_sigma=30.0, die_width_mm=29.0, die_height_mm=30.0)
    off = replace(level(plan), products=(replace(far, defects_per_die=0.0),))
    one = next(all_sessions(first_lots(LineRun.until(off, 1), 1), CP1))

    assert one.touches.passed.all()
    assert not one.readings.failed.any()
    assert in_sigmas(one) == pytest.approx(np.full((61, 40), 0.97 * 6.5), abs=0.01)
