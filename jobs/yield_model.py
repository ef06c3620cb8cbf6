"""Gold: which wafers will yield low, why, and how good such predictions have been.

spark-submit --py-files dist/fabyield.zip jobs/yield_model.py --lake s3a://fab/lake
"""

from dataclasses import replace

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from fabyield.lake.catalog import (
    MODEL_REPORT,
    PCM_RESULTS,
    PROCESS_HISTORY,
    WAFER_RUNS,
    WAFER_YIELD,
    WAFERS,
    YIELD_DRIVER,
    YIELD_PREDICTION,
)
from fabyield.lake.table import BATCH, Table
from fabyield.models.low_yield.dataset import ModelFrames
from fabyield.models.low_yield.train_and_score import yield_models
from fabyield.pipeline.launch import main
from fabyield.pipeline.run import Run
from fabyield.pipeline.steps import Step
from fabyield.quality.batch import Batch

INPUTS = (WAFERS, PROCESS_HISTORY, PCM_RESULTS, WAFER_YIELD)
STEP = Step(
    reads=(*INPUTS, WAFER_RUNS),
    writes=(YIELD_PREDICTION, YIELD_DRIVER, MODEL_REPORT),
    conf=("model",),
)


def job(run: Run) -> None:
    """Train one model per product on finished lots, and score all wafers with it.

    Of products none of whose wafers changed, all stays as it is.
    """
    # A wafer that lost all its runs has no row of its yield that would tell it.
    wafers = run.touched(MODEL_REPORT, *INPUTS, WAFER_RUNS)
    if wafers == []:
        return
    products = None if wafers is None else changed_products(run, wafers)
    if products == []:
        return
    frames = ModelFrames(*(run.read(table) for table in INPUTS))
    if products is not None:
        frames = replace(frames, wafers=frames.wafers.where(is_among(products)))
    versions = {table.table: run.store.version(table) for table in INPUTS}
    folder = f"{run.settings.lake}/models"
    rows = yield_models(frames, run.settings.model, folder, versions)
    made = (
        (YIELD_PREDICTION, rows.yield_prediction),
        (YIELD_DRIVER, rows.yield_driver),
        (MODEL_REPORT, rows.model_report),
    )
    run.publish([Batch(table, with_kept(run, table, df, products)) for table, df in made])


def changed_products(run: Run, wafers: list[int]) -> list[str]:
    """The products that `wafers` are of, or were of before they changed."""
    names = run.read(WAFERS, wafers).select("product_id")
    names = names.union(run.changes(WAFERS).select("product_id")).distinct()
    return sorted(row["product_id"] for row in names.where("product_id is not null").collect())


def with_kept(run: Run, table: Table, made: DataFrame, products: list[str] | None) -> DataFrame:
    """The rows `made` of `products`, and what `table` has of all others."""
    if products is None:
        return made
    kept = run.read(table).where(~is_among(products)).drop(BATCH)
    return kept.unionByName(made, allowMissingColumns=True)


def is_among(products: list[str]) -> Column:
    """The condition that a row is of one of `products`."""
    return F.col("product_id").isin(products)


if __name__ == "__main__":
    main(job)
