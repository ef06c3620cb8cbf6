import pytest
from pyspark.ml.functions import array_to_vector
from pyspark.sql import functions as F

from fabyield.models.feature_list import Features
from fabyield.models.low_yield.drivers import mean_drivers, wafer_drivers
from tests.frames import of_tuples

FEATURES = Features(("etch=E1/A", "etch=E1/B"), ("vth",))
NAN = float("nan")


@pytest.fixture
def scored(spark):
    ddl = "fab_id string, wafer_key bigint, features array<double>, contributions array<double>"
    rows = [
        ("F1", 1, [0.0, 1.0, NAN], [0.0, -3.0, 1.0]),
        ("F1", 2, [1.0, 0.0, 0.4], [1.0, 1.0, 1.5]),
    ]
    return of_tuples(spark, rows, ddl).withColumn("features", array_to_vector(F.col("features")))


def test_drivers_are_ranked_by_size_without_zero_contributions(scored):
    drivers = wafer_drivers(scored.where("wafer_key = 1"), FEATURES, 10)

    assert sorted(
        drivers.select("driver_rank", "feature", "feature_value", "contribution").collect()
    ) == [
        (1, "etch=E1/B", 1.0, -3.0),
        (2, "vth", None, 1.0),
    ]


def test_only_the_top_drivers_of_a_wafer_are_kept(scored):
    drivers = wafer_drivers(scored, FEATURES, 1).select("wafer_key", "feature")

    assert sorted(drivers.collect()) == [(1, "etch=E1/B"), (2, "vth")]


def test_mean_driver_is_the_mean_size_over_all_wafers(scored):
    assert mean_drivers(scored, FEATURES, 2) == [("etch=E1/B", 2.0), ("vth", 1.25)]
