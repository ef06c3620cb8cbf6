"""A gradient-boosted classifier of low-yield wafers, trained on Spark."""

from dataclasses import dataclass
from math import log
from typing import Any

from pyspark.ml.functions import vector_to_array
from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from xgboost import XGBClassifier
from xgboost.spark import SparkXGBClassifier, SparkXGBClassifierModel

from fabyield.models.feature_list import check_features
from fabyield.models.metrics import choose_decision_threshold
from fabyield.models.registry import Model
from fabyield.models.splits import Count
from fabyield.settings.sections import ModelSettings
from fabyield.transforms.shared.keys import WAFER


@dataclass(frozen=True)
class Fit:
    """What training yields: a classifier, from which probability on to call a wafer low."""

    classifier: XGBClassifier
    decision_threshold: float
    low_weight: float


def refusal(train: Count, test: Count, min_low_wafers: int) -> str | None:
    """Say why these rows cannot make a model that can be judged; None if they can."""
    for name, count in (("training", train), ("test", test)):
        if count.low < min_low_wafers:
            return f"{name} has {count}, fewer low wafers than min_low_wafers = {min_low_wafers}"
        if count.low == count.wafers:
            return f"{name} has {count}: all are low, so there is one class only"
    return None


def train(rows: DataFrame, settings: ModelSettings) -> Fit:
    """Fit on training rows: fab_id, wafer_key, features, is_low, is_validation.

    A first model of the lots before the validation lots chooses the decision threshold on these;
    the final one learns from all rows. Without validation lots a wafer is called low from the
    share of low wafers in `rows` on.
    """
    counts = {side: (wafers, low) for side, wafers, low in _sides(rows).collect()}
    wafers, low = (sum(side) for side in zip(*counts.values(), strict=True))
    weight = (wafers - low) / low
    threshold = _choose(rows, settings, weight) if True in counts else low / wafers
    return Fit(_fit(rows, settings, weight), threshold, weight)


def score(rows: DataFrame, model: Model) -> DataFrame:
    """Add low_yield_probability and contributions (log-odds, one per feature) to `rows`.

    Raises ModelError if the features of `rows` are not the model's, in its order.
    """
    check_features(rows, model.card.features)
    return _score(rows, model.classifier, model.card.low_weight)


def _choose(rows: DataFrame, settings: ModelSettings, low_weight: float) -> float:
    # Early stopping is left out on purpose: a model of few rounds has other probabilities than
    # the final one, and its threshold then calls all wafers low, or none.
    first = _fit(rows.where("not is_validation"), settings, low_weight)
    scored = _score(rows.where("is_validation"), first, low_weight)
    pairs = scored.select("is_low", "low_yield_probability").toPandas()
    return choose_decision_threshold(
        pairs["is_low"].to_numpy(dtype=bool), pairs["low_yield_probability"].to_numpy(dtype=float)
    )


def _fit(rows: DataFrame, settings: ModelSettings, low_weight: float) -> XGBClassifier:
    named: dict[str, Any] = {**settings.parameters, "verbose": False}
    estimator = SparkXGBClassifier(
        num_workers=settings.num_workers,
        random_state=settings.seed,
        scale_pos_weight=low_weight,
        missing=float("nan"),
        **named,
    )
    labelled = rows.withColumn("label", F.col("is_low").cast("double"))
    # Rows spread and sorted by their key give every worker the same rows each time, so that equal
    # inputs make equal models.
    spread = labelled.repartition(settings.num_workers, *WAFER).sortWithinPartitions(*WAFER)
    classifier = XGBClassifier()
    classifier.load_model(estimator.fit(spread).get_booster().save_raw("ubj"))
    return classifier


def _score(rows: DataFrame, classifier: XGBClassifier, low_weight: float) -> DataFrame:
    scored = _spark_model(classifier).transform(rows)
    # Training on weighted low wafers multiplies their odds by the weight.
    log_odds = vector_to_array(F.col("rawPrediction"))[1] - log(low_weight)
    names = rows.schema["features"].metadata["names"]
    return scored.withColumns(
        {
            "low_yield_probability": 1 / (1 + F.exp(-log_odds)),
            "contributions": F.slice(F.col("contributions")[0], 1, len(names)),
        }
    ).drop("rawPrediction", "prediction", "probability")


def _spark_model(classifier: XGBClassifier) -> SparkXGBClassifierModel:
    # A model made from a classifier lacks the defaults that an estimator hands to its own.
    estimator = SparkXGBClassifier(pred_contrib_col="contributions")
    return estimator._copyValues(SparkXGBClassifierModel(classifier))


def _sides(rows: DataFrame) -> DataFrame:
    return rows.groupBy("is_validation").agg(F.count("*"), F.count_if("is_low"))
