"""One model per product: from tables of wafers to predictions, their drivers and a report."""

from collections.abc import Mapping
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
from fabyield.lake.table import Table, ddl
from fabyield.models.algorithms.xgboost import Fit, reason_not_to_train, score, train
from fabyield.models.feature_list import Features
from fabyield.models.low_yield.dataset import Dataset, ModelFrames, build_dataset
from fabyield.models.low_yield.drivers import mean_drivers, wafer_drivers
from fabyield.models.low_yield.features import learn_features, wafer_features
from fabyield.models.low_yield.report import model_metrics, parameters, training_report
from fabyield.models.registry import Model, ModelCard, name_model, save_model
from fabyield.models.splits import total
from fabyield.settings.sections import ModelSettings
from fabyield.transforms.shared.keys import WAFER


@dataclass(frozen=True)
class ProductResult:
    """The report row of one product, and its predictions and drivers if a model was trained."""

    report: dict[str, Any]
    predictions: DataFrame | None = None
    drivers: DataFrame | None = None


def yield_models(
    frames: ModelFrames, settings: ModelSettings, folder: str, versions: Mapping[str, int]
) -> list[tuple[Table, DataFrame]]:
    """Train, store and apply one model per fab and product; return the rows of each gold table.

    `folder` is a URI or a local path; `versions` are the Delta versions of the tables read.
    A product with too few low wafers gets only a report row that says so.
    """
    products = frames.wafers.where(F.col("product_id").isNotNull())
    names = products.select("fab_id", "product_id").distinct().collect()
    results = [
        product_result(frames, (fab_id, product_id), settings, folder, versions)
        for fab_id, product_id in sorted(names)
    ]
    spark = frames.wafers.sparkSession
    reports = [{name: r.report.get(name) for name in MODEL_REPORT.made} for r in results]

    def union(table: Table, rows: list[DataFrame | None]) -> tuple[Table, DataFrame]:
        none = few_rows(spark, [], ddl(table.made))
        return table, reduce(DataFrame.unionByName, [df for df in rows if df is not None], none)

    return [
        union(YIELD_PREDICTION, [result.predictions for result in results]),
        union(YIELD_DRIVER, [result.drivers for result in results]),
        (MODEL_REPORT, few_rows(spark, reports, ddl(MODEL_REPORT.made))),
    ]


def product_result(
    frames: ModelFrames,
    product: tuple[str, str],
    settings: ModelSettings,
    folder: str,
    versions: Mapping[str, int],
) -> ProductResult:
    """Train a model of `product` (fab_id, product_id), or report why there is none."""
    dataset = build_dataset(frames, product, settings)
    counts = {
        "train": total(dataset.counts, dataset.split.train),
        "test": total(dataset.counts, dataset.split.test),
    }
    reason = reason_not_to_train(counts["train"], counts["test"], settings.min_low_wafers)
    report = training_report(dataset, counts, settings)
    report |= {"trained": reason is None, "reason": reason}
    report["delta_versions"] = dict(versions)
    if reason is not None:
        return ProductResult(report)
    features = learn_features(dataset.values, dataset.wafers.where("split = 'train'"))
    vectors = wafer_features(dataset.values, features)
    rows = dataset.wafers.join(vectors, WAFER, how="inner").localCheckpoint()
    training = rows.where("split = 'train'")
    fit, table = train(training, settings), training_table(training, features)
    model = Model(model_card(dataset, features, settings, fit, table), fit.classifier)
    stored = save_model(model, table, folder, versions)
    scored = score(rows, model).localCheckpoint()
    top = settings.drivers_per_wafer
    drivers = mean_drivers(scored.where("split = 'test'"), features, top)
    report |= model_metrics(scored, dataset, settings, model.card.decision_threshold)
    report |= {**asdict(stored), "model_id": model.card.model_id, "drivers": drivers}
    report["top_driver"] = drivers[0][0] if drivers else None
    ids = {"product_id": F.lit(product[1]), "model_id": F.lit(model.card.model_id)}
    by_wafer = wafer_drivers(scored, features, top).withColumns(ids)
    return ProductResult(
        report, predictions(scored, model.card), by_wafer.select(*YIELD_DRIVER.made)
    )


def model_card(
    dataset: Dataset, features: Features, settings: ModelSettings, fit: Fit, table: pa.Table
) -> ModelCard:
    """Describe the model that was trained on `table`."""
    inputs = {"features": asdict(features), "settings": asdict(settings)}
    return ModelCard(
        model_id=name_model(dataset.product, table, inputs),
        product=dataset.product,
        insertion=settings.insertion,
        features=features,
        low_yield_threshold_pct=dataset.low_yield_threshold_pct,
        decision_threshold=fit.decision_threshold,
        low_weight=fit.low_weight,
        parameters=parameters(settings),
    )


def training_table(training: DataFrame, features: Features) -> pa.Table:
    """Collect the training rows in order of their key, one column per feature."""
    keys = [*WAFER, "lot_id", "final_yield_pct", "is_low", "is_validation"]
    rows = training.orderBy(*WAFER).select(*keys, vector_to_array(F.col("features"))).toArrow()
    values = pc.list_flatten(rows.column(len(keys))).to_numpy()
    matrix = values.reshape(rows.num_rows, len(features.names))
    columns = [*rows.columns[: len(keys)], *(pa.array(column) for column in matrix.T)]
    return pa.table(columns, names=[*keys, *features.names])


def predictions(scored: DataFrame, card: ModelCard) -> DataFrame:
    """Return the rows of yield_prediction."""
    named = scored.withColumns(
        {
            "insertion": F.lit(card.insertion),
            "model_id": F.lit(card.model_id),
            "predicted_low_yield": F.col("low_yield_probability") >= card.decision_threshold,
            "low_yield_threshold_pct": F.lit(card.low_yield_threshold_pct),
            "actual_low_yield": F.col("is_low"),
        }
    )
    return named.select(*YIELD_PREDICTION.made)
