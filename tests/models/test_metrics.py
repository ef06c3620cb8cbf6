import numpy as np
import pytest

from fabyield.models.metrics import (
    choose_decision_threshold,
    lot_mean_scores,
    metrics,
    wilson_interval,
)
from fabyield.models.splits import Count, SplitLot


def test_metrics_of_four_wafers_worked_by_hand():
    low, scores = np.array([True, False, True, False]), np.array([0.9, 0.8, 0.6, 0.1])

    actual = metrics(low, scores, 0.7)

    # By falling score the low wafers come 1st and 3rd: (1/1 + 2/3) / 2.
    assert actual.pr_auc == pytest.approx(5 / 6)
    assert (actual.precision, actual.recall, actual.f1) == (0.5, 0.5, 0.5)


def test_equal_scores_have_the_share_of_low_wafers_as_pr_auc():
    low = np.array([True, False, False, False])

    assert metrics(low, np.zeros(4), 0.5).pr_auc == 0.25


def test_model_that_calls_nothing_has_f1_and_recall_zero():
    actual = metrics(np.array([True, False]), np.array([0.2, 0.1]), 0.5)

    assert (actual.f1, actual.precision, actual.recall) == (0.0, 0.0, 0.0)


def test_wilson_interval_of_eight_in_ten():
    # (0.8 + 0.19207 +- 1.96 sqrt(0.016 + 0.009604)) / 1.38415 on paper.
    assert wilson_interval(8, 10) == pytest.approx((0.4902, 0.9433), abs=2e-4)


def test_wilson_interval_without_trials_says_nothing():
    assert wilson_interval(0, 0) == (0.0, 1.0)


def test_decision_threshold_has_the_best_f1_and_lies_below_its_last_hit():
    low = np.array([True, True, False, False])

    assert choose_decision_threshold(low, np.array([0.9, 0.7, 0.3, 0.1])) == pytest.approx(0.5)


def test_lot_mean_looks_only_at_lots_finished_before_the_lot_started():
    lots = [SplitLot("A", 0, 10, True), SplitLot("B", 5, 20, True), SplitLot("C", 12, 30, True)]
    counts = {"A": Count(1, 10, 4), "B": Count(1, 10, 10), "C": Count(1, 10, 10)}

    assert lot_mean_scores(lots, counts, 3, 0.2) == {"A": 0.2, "B": 0.2, "C": 0.4}


def test_lot_mean_uses_only_the_last_lots():
    lots = [SplitLot("A", 0, 1, True), SplitLot("B", 0, 2, True), SplitLot("C", 5, 9, True)]
    counts = {"A": Count(1, 10, 10), "B": Count(1, 10, 1)}

    assert lot_mean_scores(lots, counts, 1, 0.5)["C"] == 0.1
