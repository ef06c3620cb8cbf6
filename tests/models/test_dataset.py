from dataclasses import replace

import pytest
from pyspark.sql import functions as F

from fabyield.models.low_yield.dataset import build_dataset, low_yield_threshold
from tests.models.line import SETTINGS, line

PRODUCT = ("F1", "M16G")


@pytest.fixture(scope="module")
def frames(spark):
    return line(spark, seed=1)


def test_changing_the_yields_of_test_lots_changes_no_threshold(frames):
    is_test_lot = F.col("wafer_key") >= 8 * 25
    spoilt = F.when(is_test_lot, 1.0).otherwise(F.col("final_yield_pct"))
    changed = frames.wafer_yield.withColumn("final_yield_pct", spoilt)

    before = build_dataset(frames, PRODUCT, SETTINGS)
    after = build_dataset(replace(frames, wafer_yield=changed), PRODUCT, SETTINGS)

    assert before.split.test == ("L08", "L09", "L10", "L11") == after.split.test
    assert before.low_yield_threshold_pct == after.low_yield_threshold_pct
    assert sum(after.counts[lot].low for lot in after.split.test) == 100


def test_wafers_without_a_yield_are_unsorted_and_neither_low_nor_not(frames):
    wafers = build_dataset(frames, PRODUCT, SETTINGS).wafers.where("lot_id = 'L12'")

    assert {tuple(row) for row in wafers.select("split", "is_low").collect()} == {
        ("unsorted", None)
    }


def test_another_insertion_has_no_yields_to_learn_from(frames):
    dataset = build_dataset(frames, PRODUCT, replace(SETTINGS, insertion="FT1"))

    assert dataset.low_yield_threshold_pct is None
    assert dataset.counts == {}


def test_threshold_is_median_less_sigmas_of_the_upper_half():
    yields = [88.0, 89.0, 90.0, 91.0, 92.0]  # Q3 - median = 1, so sigma = 1 / 0.6745 = 1.4826

    assert round(low_yield_threshold(yields, SETTINGS), 3) == 85.552


def test_thirty_percent_low_wafers_are_still_below_the_threshold():
    healthy = [90.0, 90.5, 91.0, 91.5, 92.0, 92.5, 93.0]

    threshold = low_yield_threshold([*healthy, 70.0, 75.0, 80.0], SETTINGS)

    assert 80.0 < threshold < 90.0


def test_almost_equal_yields_are_not_low():
    assert low_yield_threshold([90.0] * 9 + [89.9], SETTINGS) == 88.5
