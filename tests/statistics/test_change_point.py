"""Published breaks, and every order of short series counted."""

import csv
from itertools import permutations
from math import isnan

import numpy as np
import pytest

from fabyield.errors import StatisticsError
from fabyield.statistics.change_point import change_point
from tests.statistics.worked import WORKED, agrees, worked_values

TOPIC = "13_timeseries"
EXPECTED = worked_values(TOPIC)


def series(name, column):
    with (WORKED / TOPIC / name).open() as file:
        return np.array([float(row[column]) for row in csv.DictReader(file)])


def squared_error(part):
    return ((part - part.mean()) ** 2).sum()


@pytest.mark.parametrize(
    ("case", "name", "column"),
    [("nile_changepoint", "nile_flow.csv", "flow"), ("steps3", "steps3.csv", "y")],
)
def test_break_of_a_worked_series_is_found(case, name, column):
    values = series(name, column)
    found = change_point(values)
    before, after = values[: found.index], values[found.index :]

    assert [found.index] == EXPECTED[case, "K1.break_last_index_of_segment"]["value"]
    assert agrees(squared_error(before) + squared_error(after), EXPECTED[case, "K1.sse"])
    assert agrees(squared_error(values), EXPECTED[case, "K0.sse"])
    assert found.shift == pytest.approx(after.mean() - before.mean())
    assert found.p_value == 0.001


def test_flow_of_the_nile_fell_after_1898():
    found = change_point(series("nile_flow.csv", "flow"))

    assert 1871 + found.index == 1899
    assert (round(found.before, 2), round(found.after, 2)) == (1097.75, 849.97)


def test_index_is_that_of_the_first_value_after_the_change():
    found = change_point([90.0, 91.0, 90.0, 80.0, 81.0])

    assert (found.index, found.before, found.after) == (3, pytest.approx(271 / 3), 80.5)
    assert found.shift == pytest.approx(80.5 - 271 / 3)


@pytest.mark.parametrize("values", [[5.0, 5.1, 5.3, 9.0, 9.2, 9.1], [3.0, 8.0, 1.0, 7.0, 2.0, 9.0]])
def test_p_is_the_share_of_orders_that_two_means_fit_as_well(values):
    def least_error(order):
        return min(
            squared_error(np.array(order[:cut])) + squared_error(np.array(order[cut:]))
            for cut in range(1, len(order))
        )

    errors = np.array([least_error(order) for order in permutations(values)])
    exact = np.mean(errors <= least_error(values) + 1e-9)

    assert change_point(values, permutations=9999).p_value == pytest.approx(exact, abs=0.015)


def test_p_does_not_depend_on_the_unit_of_the_values():
    values = np.array([3.1, 2.9, 3.4, 3.0, 3.3, 3.9, 3.2, 4.0])
    in_volts, in_attovolts = change_point(values), change_point(values * 1e18)

    assert (in_volts.index, in_volts.p_value) == (in_attovolts.index, in_attovolts.p_value)
    assert change_point(values * 1e-18).p_value == in_volts.p_value


def test_random_series_have_p_of_all_sizes_alike():
    noise = np.random.default_rng(3).normal(size=(400, 12))
    found = [change_point(row, permutations=99, seed=n).p_value for n, row in enumerate(noise)]

    assert np.mean(np.array(found) <= 0.1) == pytest.approx(0.1, abs=0.045)


def test_equal_values_have_no_shift():
    found = change_point([0.1] * 7)

    assert (found.shift, found.p_value) == (0, 1)


def test_without_permutations_there_is_no_p():
    assert isnan(change_point([1.0, 2.0, 9.0], permutations=0).p_value)


@pytest.mark.parametrize(
    ("values", "message"),
    [([1.0], "at least 2"), ([1.0, None, 3.0], "row 1 is nan"), ([[1.0, 2.0]], r"shape \(1, 2\)")],
)
def test_missing_or_too_few_values_are_refused(values, message):
    with pytest.raises(StatisticsError, match=message):
        change_point(values)
