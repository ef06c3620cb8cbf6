"""A gradient-boosted classifier of low-yield wafers, trained with Spark."""

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
    """A trained classifier; probabilities >= `decision_threshold` predict a low wafer."""

    classifier: XGBClassifier
    decision_threshold: float
    low_weight: float


def reason_not_to_train(train: Count, test: Count, min_low_wafers: int) -> str | None:
    """Return why a model of these lots could not be trained or tested; None if it can."""
    for name, count in (("training", train), ("test", test)):
        if count.low < min_low_wafers:
            return f"{name} has {count}, fewer low wafers than min_low_wafers = {min_low_wafers}"
        if count.low == count.wafers:
            return f"{name} has {count}: all are low, so there is one class only"
    return None


def train(rows: DataFrame, settings: ModelSettings) -> Fit:
    """Fit on training rows: fab_id, wafer_key, features, is_low, is_validation.

    A first model, trained without the validation lots, chooses the decision threshold on them;
    the final one is trained on all rows. Without validation lots the threshold is the share of low
    wafers in `rows`.
    """
    sides = rows.groupBy("is_validation").agg(F.count("*"), F.count_if("is_low")).collect()
    counts = {is_validation: (wafers, low) for is_validation, wafers, low in sides}
    wafers, low = (sum(side) for side in zip(*counts.values(), strict=True))
    weight = (wafers - low) / low
    threshold = _validated(rows, settings, weight) if True in counts else low / wafers
    return Fit(_fit(rows, settings, weight), threshold, weight)


def score(rows: DataFrame, model: Model) -> DataFrame:
    """Add low_yield_probability and contributions (log-odds, one per feature) to `rows`.

    Raises ModelError if `rows` do not have the model's features in its order.
    """
    check_features(rows, model.card.features)
    return _score(rows, model.classifier, model.card.low_weight)


def _validated(rows: DataFrame, settings: ModelSettings, low_weight: float) -> float:
    # No early stopping: a model of few rounds has other probabilities than the final one, and its
    # threshold would call all wafers low, or none.
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
    # Partitioned and sorted by key, every worker gets the same rows each time, so that equal inputs
    # make equal models.
    spread = labelled.repartition(settings.num_workers, *WAFER).sortWithinPartitions(*WAFER)
    classifier = XGBClassifier()
    classifier.load_model(estimator.fit(spread).get_booster().save_raw("ubj"))
    return classifier


def _score(rows: DataFrame, classifier: XGBClassifier, low_weight: float) -> DataFrame:
    # A model made from a classifier lacks the defaults that an estimator copies to its own.
    estimator = SparkXGBClassifier(pred_contrib_col="contributions")
    scored = estimator._copyValues(SparkXGBClassifierModel(classifier)).transform(rows)
    # Training on weighted low wafers multiplies their odds by the weight.
    log_odds = vector_to_array(F.col("rawPrediction"))[1] - log(low_weight)
    names = rows.schema["features"].metadata["names"]
    return scored.withColumns(
        {
            "low_yield_probability": 1 / (1 + F.exp(-log_odds)),
            "contributions": F.slice(F.col("contributions")[0], 1, len(names)),
        }
    ).drop("rawPrediction", "prediction", "probability")
