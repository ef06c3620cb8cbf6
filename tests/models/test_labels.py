from fabyield.models.low_yield.labels import low_yield_threshold


def test_threshold_is_median_less_sigmas_of_the_upper_half():
    yields = [88.0, 89.0, 90.0, 91.0, 92.0]  # Q3 - median = 1, so sigma = 1 / 0.6745 = 1.4826

    assert round(low_yield_threshold(yields, 3.0, 0.5), 3) == 85.552


def test_thirty_percent_low_wafers_do_not_hide_themselves():
    healthy = [90.0, 90.5, 91.0, 91.5, 92.0, 92.5, 93.0]

    threshold = low_yield_threshold([*healthy, 70.0, 75.0, 80.0], 3.0, 0.5)

    assert 80.0 < threshold < 90.0


def test_equal_yields_are_not_low_by_a_hair():
    assert low_yield_threshold([90.0] * 9 + [89.9], 3.0, 0.5) == 88.5
