"""Which products the step trains anew."""

from dataclasses import replace

import pytest
from fabyield.jobs import yield_model

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
from fabyield.pipeline.run_history import Attempt

FOLLOWED = (WAFERS, PROCESS_HISTORY, PCM_RESULTS, WAFER_YIELD, WAFER_RUNS)


@pytest.fixture
def night(run, rows, monkeypatch, unaudited):
    """`night(wafers)`: the products that are trained when the wafers are {key: product}."""
    trained = []

    def fake(frames, settings, folder, versions):
        found = sorted({(r["wafer_key"], r["product_id"]) for r in frames.wafers.collect()})
        trained.append(sorted({product for _, product in found}))
        wafer_rows = [{"wafer_key": key, "product_id": product} for key, product in found]
        reports = [{"product_id": product, "reason": f"{len(trained)}"} for product in trained[-1]]
        tables = (YIELD_PREDICTION, wafer_rows), (YIELD_DRIVER, wafer_rows), (MODEL_REPORT, reports)
        return [(table, rows(table, *some).drop("batch")) for table, some in tables]

    monkeypatch.setattr(yield_model, "yield_models", fake)
    seen = {}

    def take(wafers):
        batch = len(trained) + 1
        wafer_rows = [{"wafer_key": key, "product_id": product} for key, product in wafers.items()]
        now = replace(run, attempt=Attempt(batch, "yield_model"), since=batch - 1, seen=dict(seen))
        now.write(WAFERS, rows(WAFERS, *wafer_rows))
        yield_model.job(now)
        seen.update({table.table: run.store.version(table) for table in FOLLOWED})
        return trained[-1]

    return take


def test_only_products_whose_wafers_changed_are_trained_and_the_others_stay(run, night):
    assert night({1: "A", 2: "B", 3: "C"}) == ["A", "B", "C"]
    assert night({1: "A", 2: "B", 3: "C", 4: "B"}) == ["B"]

    reports = {row["product_id"]: row["reason"] for row in run.read(MODEL_REPORT).collect()}
    assert reports == {"A": "1", "B": "2", "C": "1"}
    scored = run.read(YIELD_PREDICTION).select("wafer_key", "product_id").collect()
    assert sorted(map(tuple, scored)) == [(1, "A"), (2, "B"), (3, "C"), (4, "B")]


def test_wafer_that_changes_its_product_leaves_nothing_with_the_old_one(run, night):
    night({1: "A", 2: "B", 3: "C"})

    assert night({1: "A", 2: "C", 3: "C"}) == ["C"]

    scored = run.read(YIELD_PREDICTION).select("wafer_key", "product_id").collect()
    assert sorted(map(tuple, scored)) == [(1, "A"), (2, "C"), (3, "C")]
    assert {row["product_id"] for row in run.read(MODEL_REPORT).collect()} == {"A", "C"}
