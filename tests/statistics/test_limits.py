"""Limits worked by hand."""

from math import isnan
from statistics import NormalDist, mean, stdev

import numpy as np
import pytest

from fabyield.errors import StatisticsError
from fabyield.statistics.limits import StatisticalLimits, low_yield_limit, statistical_limits

YIELDS = [90.0, 92.0, 94.0, 96.0, 98.0, 100.0]  # mean 95, sample variance 70 / 5 = 14


def test_yield_limits_are_three_and_four_sigma_below_the_mean():
    limits = statistical_limits(YIELDS, lower=True)

    assert limits.review == pytest.approx(95 - 3 * 14**0.5)
    assert limits.hold == pytest.approx(95 - 4 * 14**0.5)
    assert (limits.lots, limits.reason) == (6, None)


def test_bin_limits_are_three_and_four_sigma_above_the_mean():
    counts = [12, 15, 11, 18, 14, 13, 40]
    limits = statistical_limits(counts, lower=False)

    assert limits.review == pytest.approx(mean(counts) + 3 * stdev(counts))
    assert limits.hold == pytest.approx(mean(counts) + 4 * stdev(counts))


def test_sigmas_of_review_and_hold_can_be_chosen():
    limits = statistical_limits(YIELDS, lower=True, sigmas=1, hold_sigmas=2)

    assert (limits.review - limits.hold) == pytest.approx(14**0.5)


def test_percentiles_of_skewed_counts_lie_among_the_counts():
    counts = [0, 0, 1, 1, 2, 2, 3, 5, 9, 80, 100]
    limits = statistical_limits(counts, lower=False, percentiles=(80, 90))

    assert limits == StatisticalLimits(lots=11, review=9.0, hold=80.0)


def test_percentiles_of_yields_are_low_ones():
    limits = statistical_limits(YIELDS, lower=True, percentiles=(20, 0))

    assert limits == StatisticalLimits(lots=6, review=92.0, hold=90.0)


def test_five_lots_have_no_limits_and_the_reason_says_so():
    limits = statistical_limits(YIELDS[:5], lower=True)

    assert isnan(limits.review) and isnan(limits.hold)
    assert limits.reason == "5 lots, at least 6 are needed"


def test_no_lots_have_no_limits():
    assert statistical_limits([], lower=False).reason == "0 lots, at least 6 are needed"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"sigmas": 4, "hold_sigmas": 3}, "nor hold_sigmas below sigmas"),
        ({"sigmas": -1}, "none may be below 0"),
        ({"percentiles": (1, 5)}, "hold must be at most review"),
        ({"percentiles": (101, 5)}, "both in 0 to 100"),
    ],
)
def test_hold_limit_inside_the_review_limit_is_refused(options, message):
    with pytest.raises(StatisticsError, match=message):
        statistical_limits(YIELDS, lower=True, **options)


def test_upper_percentile_of_hold_below_that_of_review_is_refused():
    with pytest.raises(StatisticsError, match="hold must be at least review"):
        statistical_limits(YIELDS, lower=False, percentiles=(99, 95))


def test_lot_without_a_yield_is_refused():
    with pytest.raises(StatisticsError, match="row 2 is nan; leave out what is missing"):
        statistical_limits([90.0, 91.0, None, 93.0], lower=True)


def test_low_yield_limit_is_median_less_sigmas_of_the_upper_half():
    yields = [88.0, 89.0, 90.0, 91.0, 92.0]  # Q3 - median = 1, so sigma = 1 / 0.6745 = 1.4826

    assert round(low_yield_limit(yields, sigmas=3, min_sigma=0.5), 3) == 85.552


def test_thirty_percent_low_wafers_are_still_below_the_limit():
    healthy = [90.0, 90.5, 91.0, 91.5, 92.0, 92.5, 93.0]

    assert 80.0 < low_yield_limit([*healthy, 70.0, 75.0, 80.0], sigmas=3, min_sigma=0.5) < 90.0


def test_thirty_percent_low_wafers_move_median_and_sigma_as_normal_quantiles_do():
    healthy = [NormalDist().inv_cdf((rank + 0.5) / 70_000) for rank in range(70_000)]
    mixed = np.array([*healthy, *([-50.0] * 30_000)])
    median = low_yield_limit(mixed, sigmas=0, min_sigma=0)
    sigma = median - low_yield_limit(mixed, sigmas=1, min_sigma=0)

    assert (round(median, 2), round(sigma, 2)) == (-0.57, 1.38)


def test_almost_equal_yields_are_not_low():
    assert low_yield_limit([90.0] * 9 + [89.9], sigmas=3, min_sigma=0.5) == 88.5


def test_no_yields_have_no_low_yield_limit():
    with pytest.raises(StatisticsError, match="yields_pct: at least 1"):
        low_yield_limit([], sigmas=3, min_sigma=0.5)
