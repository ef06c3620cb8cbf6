from dataclasses import replace

import numpy as np
import pytest

from fabsim.calendar import HOUR
from fabsim.line.history import LineRun
from fabsim.line.pcm import PCM_TIME, measure_pcm, measured_at
from fabsim.plan.excursions import Kind
from tests.fabsim.fabs import ETCH, HARMLESS, error, excursion, small, with_excursion

LOTS = 400


@pytest.fixture(scope="module")
def built(plan):
    moved = replace(HARMLESS, pcm_sigma={"vth_n": 0.8, "idsat_n": -0.6})
    return LineRun.until(with_excursion(small(plan), excursion(Kind.BAD_CHAMBER, ETCH, moved)), 1)


@pytest.fixture(scope="module")
def sigmas(built):
    """Lots x wafers x parameters, in sigmas off the mean; no excursion hits them."""
    lots = [replace(built.lots[0], index=index) for index in range(LOTS)]
    return np.array([in_sigmas(built.plan, lot, np.zeros((1, 25))) for lot in lots])


def in_sigmas(plan, lot, hit):
    mean, sigma = (np.array([getattr(one, name) for one in plan.pcm]) for name in ("mean", "sigma"))
    return (measure_pcm(plan, lot, hit) - mean) / sigma


def test_parameters_have_their_mean_and_sigma(sigmas):
    means = sigmas.mean(axis=1).ravel()
    squares = (sigmas**2).mean(axis=1).ravel()

    # Lots and parameters are independent, wafers of a lot are not.
    assert abs(means.mean()) < 4 * error(means) < 0.06
    assert abs(squares.mean() - 1) < 4 * error(squares) < 0.08


def test_half_of_the_variance_is_common_to_a_lot(sigmas, plan):
    # The variance within a lot is that which it does not share.
    within = sigmas.var(axis=1, ddof=1).ravel()

    assert plan.pcm_lot_share == 0.5
    assert abs(within.mean() - 0.5) < 4 * error(within) < 0.02


def test_parameters_do_not_follow_one_another(sigmas):
    products = sigmas[:, :, 0].mean(axis=1) * sigmas[:, :, 1].mean(axis=1)

    assert abs(products.mean()) < 4 * error(products) < 0.15


def test_an_excursion_moves_the_parameters_it_names_by_its_strength(built):
    lot = built.lots[0]
    moved = in_sigmas(built.plan, lot, np.full((1, 25), 0.5))
    step = moved - in_sigmas(built.plan, lot, np.zeros((1, 25)))

    expected = {"vth_n": 0.4, "idsat_n": -0.3}
    names = [one.pcm_test for one in built.plan.pcm]
    # Values are rounded to six digits: 1e-6 of the mean, less than 1e-3 of a sigma.
    for column, name in enumerate(names):
        assert step[:, column] == pytest.approx(expected.get(name, 0.0), abs=1e-3)


def test_wafers_are_measured_one_after_the_other_hours_after_the_last_step(built):
    lot = next(lot for lot in built.lots if lot.is_finished)
    times = measured_at(built.plan, lot)

    assert times[0] - lot.ended[-1].max() == built.plan.line.pcm_hours * HOUR
    assert set(np.diff(times)) == {PCM_TIME}


def test_a_value_has_no_more_than_six_digits(built):
    values = measure_pcm(built.plan, built.lots[0], built.hits[0]).ravel()

    assert [float(f"{value:.5e}") for value in values] == pytest.approx(values.tolist(), rel=1e-14)
    assert len(set(values.tolist())) > 150
