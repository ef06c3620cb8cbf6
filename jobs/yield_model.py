"""Gold: the wafers that will yield low, the reasons, and how good the predictions are."""

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
from fabyield.pipeline.job import Batch, Run, Step, main

INPUTS = (WAFERS, PROCESS_HISTORY, PCM_RESULTS, WAFER_YIELD)
STEP = Step(
    reads=(*INPUTS, WAFER_RUNS),
    writes=(YIELD_PREDICTION, YIELD_DRIVER, MODEL_REPORT),
    conf=("model",),
)


def job(run: Run) -> None:
    """Train a model for every product with changed wafers, and score all of its wafers."""
    # WAFER_RUNS too: a wafer that lost all its runs leaves no change in the other tables.
    wafers = run.touched(MODEL_REPORT, *INPUTS, WAFER_RUNS)
    if wafers == []:
        return
    products = None if wafers is None else changed_products(run, wafers)
    if products == []:
        return
    frames = ModelFrames(*(run.read(table) for table in INPUTS))
    if products is not None:
        frames = replace(frames, wafers=frames.wafers.where(is_of(products)))
    versions = {table.table: run.store.version(table) for table in INPUTS}
    folder = f"{run.settings.lake}/models"
    rows = yield_models(frames, run.settings.model, folder, versions)
    run.publish([Batch(table, with_others(run, table, df, products)) for table, df in rows])


def changed_products(run: Run, wafers: list[int]) -> list[str]:
    """Return the products of `wafers`, before and after their change."""
    names = run.read(WAFERS, wafers).select("product_id")
    names = names.union(run.changes(WAFERS).select("product_id")).distinct()
    return sorted(row["product_id"] for row in names.where("product_id is not null").collect())


def with_others(run: Run, table: Table, new: DataFrame, products: list[str] | None) -> DataFrame:
    """Add the rows of `table` for all other products to `new`, the rows of `products`."""
    if products is None:
        return new
    others = run.read(table).where(~is_of(products)).drop(BATCH)
    return others.unionByName(new, allowMissingColumns=True)


def is_of(products: list[str]) -> Column:
    """Return the condition that a row is of one of `products`."""
    return F.col("product_id").isin(products)


if __name__ == "__main__":
    main(job)
