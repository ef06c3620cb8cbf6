"""One model per product: from tables of wafers to predictions, their drivers and a report."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import reduce
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from pyspark.ml.functions import vector_to_array
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from fabyield.lake.catalog import MODEL_REPORT, YIELD_DRIVER, YIELD_PREDICTION
from fabyield.lake.few_rows import few_rows
from fabyield.lake.table import ddl
from fabyield.models.algorithms.xgboost import refusal, score, train
from fabyield.models.feature_list import Features
from fabyield.models.low_yield.dataset import Learning, ModelFrames, learning
from fabyield.models.low_yield.drivers import mean_drivers, wafer_drivers
from fabyield.models.low_yield.features import learn_features, wafer_features
from fabyield.models.low_yield.report import figures, outcomes
from fabyield.models.metrics import lot_mean_scores
from fabyield.models.registry import Model, ModelCard, StoredModel, name_model, save_model
from fabyield.models.splits import total
from fabyield.settings.sections import ModelSettings
from fabyield.transforms.shared.keys import WAFER

Product = tuple[str, str]


@dataclass(frozen=True)
class ModelTables:
    """The rows of the gold tables of the same names."""

    yield_prediction: DataFrame
    yield_driver: DataFrame
    model_report: DataFrame


@dataclass(frozen=True)
class ModelFolder:
    """Where models are kept (a folder's URI), and the Delta versions that they learn from."""

    folder: str
    versions: Mapping[str, int]


@dataclass(frozen=True)
class ProductResult:
    """What one product adds to the tables; no wafers where no model could be trained."""

    report: dict[str, Any]
    predictions: DataFrame | None = None
    drivers: DataFrame | None = None


def yield_models(
    frames: ModelFrames, settings: ModelSettings, folder: str, versions: Mapping[str, int]
) -> ModelTables:
    """Train, store and apply one model per fab and product of `frames.wafers`.

    `folder` is a URI or a local path; `versions` are the Delta versions of the tables read.
    A product with too few low wafers gets a report row that says so, and no predictions.
    """
    models = ModelFolder(folder, versions)
    products = frames.wafers.where(F.col("product_id").isNotNull())
    names = products.select("fab_id", "product_id").distinct().collect()
    results = [product_result(frames, (row[0], row[1]), settings, models) for row in sorted(names)]
    spark = frames.wafers.sparkSession
    return ModelTables(
        _union(few_rows(spark, [], ddl(YIELD_PREDICTION.made)), [p.predictions for p in results]),
        _union(few_rows(spark, [], ddl(YIELD_DRIVER.made)), [p.drivers for p in results]),
        few_rows(spark, [_in_order(p.report) for p in results], ddl(MODEL_REPORT.made)),
    )


def product_result(
    frames: ModelFrames, product: Product, settings: ModelSettings, models: ModelFolder
) -> ProductResult:
    """Train a model of `product` (fab_id, product_id), or say why there is none."""
    facts = learning(frames, product, settings)
    report = base_report(facts, settings, models)
    if not report["trained"]:
        return ProductResult(report)
    features = learn_features(facts.values, facts.wafers.where(F.col("split") == "train"))
    vectors = wafer_features(facts.values, features)
    rows = facts.wafers.join(vectors, WAFER, how="inner").localCheckpoint()
    model, stored = make_model(rows, facts, features, settings, models)
    scored = score(rows, model).localCheckpoint()
    report |= model_report(scored, facts, model, stored, settings)
    drivers = wafer_drivers(scored, features, settings.drivers_per_wafer)
    return ProductResult(report, predictions(scored, model), driver_rows(drivers, model))


def base_report(facts: Learning, settings: ModelSettings, models: ModelFolder) -> dict[str, Any]:
    """Fill the report columns that are known before training, `trained` and `reason` among them."""
    train_count = total(facts.counts, facts.split.train)
    test_count = total(facts.counts, facts.split.test)
    reason = refusal(train_count, test_count, settings.min_low_wafers)
    counts = {"train": train_count, "test": test_count}
    return {
        "fab_id": facts.product[0],
        "product_id": facts.product[1],
        "insertion": settings.insertion,
        "trained": reason is None,
        "reason": reason,
        **{f"{side}_lots": count.lots for side, count in counts.items()},
        **{f"{side}_wafers": count.wafers for side, count in counts.items()},
        **{f"{side}_low_wafers": count.low for side, count in counts.items()},
        "low_yield_threshold_pct": facts.low_yield_threshold_pct,
        "delta_versions": dict(models.versions),
        "parameters": {name: str(value) for name, value in parameters(settings).items()},
    }


def parameters(settings: ModelSettings) -> dict[str, Any]:
    """All settings under their own names, XGBoost's parameters beside the others."""
    ours = asdict(settings)
    boosters: dict[str, Any] = ours.pop("parameters")
    return ours | boosters


def make_model(
    rows: DataFrame,
    facts: Learning,
    features: Features,
    settings: ModelSettings,
    models: ModelFolder,
) -> tuple[Model, StoredModel]:
    """Train on the training rows of `rows` and store what came of it."""
    training = rows.where(F.col("split") == "train")
    fit = train(training, settings)
    snapshot = training_table(training, features)
    inputs = {"features": asdict(features), "settings": asdict(settings)}
    card = ModelCard(
        model_id=name_model(facts.product, snapshot, inputs),
        product=facts.product,
        insertion=settings.insertion,
        features=features,
        low_yield_threshold_pct=facts.low_yield_threshold_pct,
        decision_threshold=fit.decision_threshold,
        low_weight=fit.low_weight,
        parameters=parameters(settings),
    )
    model = Model(card, fit.classifier)
    return model, save_model(model, snapshot, models.folder, models.versions)


def training_table(training: DataFrame, features: Features) -> pa.Table:
    """Collect the training rows in order of their key, one column per feature."""
    keys = [*WAFER, "lot_id", "final_yield_pct", "is_low", "is_validation"]
    rows = training.orderBy(*WAFER).select(*keys, vector_to_array(F.col("features"))).toArrow()
    values = pc.list_flatten(rows.column(len(keys))).to_numpy()
    matrix = values.reshape(rows.num_rows, len(features.names))
    columns = [*rows.columns[: len(keys)], *(pa.array(column) for column in matrix.T)]
    return pa.table(columns, names=[*keys, *features.names])


def model_report(
    scored: DataFrame, facts: Learning, model: Model, stored: StoredModel, settings: ModelSettings
) -> dict[str, Any]:
    """Fill the report columns that a trained model adds."""
    test = scored.where(F.col("split") == "test")
    seen = total(facts.counts, facts.split.train)
    lot_mean = lot_mean_scores(
        facts.lots, facts.counts, settings.lot_mean_lots, seen.low / seen.wafers
    )
    drivers = mean_drivers(test, model.card.features, settings.drivers_per_wafer)
    return {
        **figures(outcomes(scored), lot_mean, model.card.decision_threshold),
        **asdict(stored),
        "model_id": model.card.model_id,
        "top_driver": drivers[0][0] if drivers else None,
        "drivers": drivers,
    }


def predictions(scored: DataFrame, model: Model) -> DataFrame:
    """Rows of yield_prediction."""
    card = model.card
    called = F.col("low_yield_probability") >= card.decision_threshold
    threshold = F.lit(card.low_yield_threshold_pct)
    named = scored.withColumns(
        {
            "insertion": F.lit(card.insertion),
            "model_id": F.lit(card.model_id),
            "predicted_low_yield": called,
            "low_yield_threshold_pct": threshold,
            "actual_low_yield": F.col("is_low"),
        }
    )
    return named.select(*YIELD_PREDICTION.made)


def driver_rows(drivers: DataFrame, model: Model) -> DataFrame:
    """Rows of yield_driver."""
    ids = {"product_id": F.lit(model.card.product[1]), "model_id": F.lit(model.card.model_id)}
    return drivers.withColumns(ids).select(*YIELD_DRIVER.made)


def _in_order(report: Mapping[str, Any]) -> dict[str, Any]:
    return {name: report.get(name) for name in MODEL_REPORT.made}


def _union(none: DataFrame, frames: Sequence[DataFrame | None]) -> DataFrame:
    return reduce(DataFrame.unionByName, [frame for frame in frames if frame is not None], none)
