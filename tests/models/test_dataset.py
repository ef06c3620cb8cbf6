from dataclasses import replace

import pytest
from pyspark.sql import functions as F

from fabyield.models.low_yield.dataset import build_dataset
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
