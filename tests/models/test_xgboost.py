import pytest
from pyspark.ml.functions import array_to_vector
from pyspark.sql import functions as F

from fabyield.errors import ModelError
from fabyield.models.algorithms.xgboost import reason_not_to_train
from fabyield.models.feature_list import Features, check_features
from fabyield.models.low_yield.features import named
from fabyield.models.splits import Count

EXPECTED = Features(("etch=E1/A", "etch=E1/B"), ("vth",))
ENOUGH = Count(lots=4, wafers=100, low=5)


@pytest.fixture
def rows_of(spark):
    vector = array_to_vector(F.array(*(F.lit(float(i)) for i in range(3))))
    return lambda *names: spark.range(1).select(named(vector, Features(names, ())))


def test_f19_too_few_low_wafers_are_refused_with_counts_and_bound():
    reason = reason_not_to_train(Count(8, 200, 4), ENOUGH, 5)

    assert reason == (
        "training has 4 low wafers of 200 in 8 lots, fewer low wafers than min_low_wafers = 5"
    )


def test_f19_too_few_low_wafers_in_the_test_are_refused():
    assert "test has 0 low wafers of 100" in (
        reason_not_to_train(ENOUGH, Count(4, 100, 0), 5) or ""
    )


def test_f19_all_wafers_low_is_one_class():
    assert "one class only" in (reason_not_to_train(Count(1, 5, 5), ENOUGH, 5) or "")


def test_enough_low_wafers_on_both_sides_are_not_refused():
    assert reason_not_to_train(ENOUGH, ENOUGH, 5) is None


def test_features_of_the_model_in_its_order_pass(rows_of):
    check_features(rows_of(*EXPECTED.names), EXPECTED)


def test_f27_missing_and_renamed_features_are_refused_by_name(rows_of):
    with pytest.raises(ModelError, match=r"missing \['vth'\], unknown \['VTH'\]"):
        check_features(rows_of("etch=E1/A", "etch=E1/B", "VTH"), EXPECTED)


def test_f27_reordered_features_are_refused_by_name(rows_of):
    with pytest.raises(ModelError, match=r"another order .*etch=E1/A \(got etch=E1/B\)"):
        check_features(rows_of("etch=E1/B", "etch=E1/A", "vth"), EXPECTED)


def test_f27_numbers_without_names_are_refused(spark):
    with pytest.raises(ModelError, match="missing"):
        check_features(spark.range(1), EXPECTED)
