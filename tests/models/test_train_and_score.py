from dataclasses import replace

import pytest

from fabyield.models.algorithms.xgboost import score
from fabyield.models.low_yield.features import feature_values, wafer_features
from fabyield.models.low_yield.train_and_score import yield_models
from fabyield.models.registry import load_model
from tests.models.line import SETTINGS, line

FEW_ROUNDS = {**SETTINGS.parameters, "n_estimators": 50}
VERSIONS = {"silver.wafers": 4}


def test_f19_product_with_too_few_low_wafers_gets_a_report_that_says_so(spark, tmp_path):
    settings = replace(SETTINGS, min_low_wafers=50)

    made = yield_models(line(spark, seed=1), settings, str(tmp_path), VERSIONS)

    rows = {table.name: df for table, df in made}
    report = rows["model_report"].first()
    assert (report.trained, report.model_id, report.train_wafers) == (False, None, 200)
    assert "training has 30 low wafers of 200 in 8 lots" in report.reason
    assert rows["yield_prediction"].isEmpty() and rows["yield_driver"].isEmpty()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_bad_chamber_ranks_first_and_the_same_inputs_give_the_same_rows(spark, tmp_path):
    frames, settings = line(spark, seed=1), replace(SETTINGS, parameters=FEW_ROUNDS)
    first, again = (
        {table.name: sorted(df.collect(), key=str) for table, df in made}
        for made in (yield_models(frames, settings, str(tmp_path), VERSIONS) for _ in "12")
    )

    (report,) = first["model_report"]
    assert first == again
    assert report.top_driver == "etch_gate=T2/B"
    assert report.pr_auc >= 2 * report.pr_auc_all_pass
    assert report.f1 > max(0.8, report.f1_lot_mean) and report.recall_low < report.recall
    assert_stored_model_scores_alike(frames, first, report)


def assert_stored_model_scores_alike(frames, rows, report):
    model = load_model(report.model_path, report.model_sha256)
    values = feature_values(frames.process_history, frames.pcm_results)
    scored = score(wafer_features(values, model.card.features), model)

    expected = {row.wafer_key: row.low_yield_probability for row in rows["yield_prediction"]}
    actual = {row.wafer_key: row.low_yield_probability for row in scored.collect()}
    assert actual == expected
    bad = [row for row in rows["yield_driver"] if row.wafer_key == worst(expected)]
    assert min(bad, key=lambda row: row.driver_rank).feature == report.top_driver


def worst(probabilities):
    return max(probabilities, key=lambda key: (probabilities[key], key))
