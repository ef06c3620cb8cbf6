import json
import pickle
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet
from xgboost import XGBClassifier

from fabyield.errors import ModelError
from fabyield.models.feature_list import Features
from fabyield.models.registry import Model, ModelCard, load_model, name_model, save_model

ROWS = pa.table({"wafer_key": [1, 2], "vth": [0.5, float("nan")]})
CARD = ModelCard(
    model_id="M16G-1",
    product=("F1", "M16G"),
    insertion="CP1",
    features=Features(("etch=E1/A",), ("vth <V> [1]",)),
    low_yield_threshold_pct=88.0,
    decision_threshold=0.3,
    low_weight=4.0,
    parameters={"max_depth": 2},
)


@pytest.fixture
def model():
    rows = np.array([[0, 0.1], [0, 0.2], [1, 0.3], [1, 0.4]])
    classifier = XGBClassifier(n_estimators=2, n_jobs=1).fit(rows, [0, 0, 1, 1])
    return Model(CARD, classifier)


@pytest.fixture
def stored(model, tmp_path):
    return save_model(model, ROWS, f"file://{tmp_path}", {"silver.wafers": 4})


def test_loaded_model_predicts_as_before_and_knows_its_features(model, stored):
    loaded = load_model(stored.model_path, stored.model_sha256)

    row = np.array([[1, 0.3]])
    assert loaded.card == CARD
    assert (loaded.classifier.predict_proba(row) == model.classifier.predict_proba(row)).all()


def test_saved_folder_has_the_training_rows_and_their_delta_versions(stored, tmp_path):
    about = json.loads((tmp_path / "M16G-1" / "model.json").read_text())

    assert about["delta_versions"] == {"silver.wafers": 4}
    assert about["model_sha256"] == stored.model_sha256
    assert parquet.read_table(tmp_path / "M16G-1" / "training_rows.parquet").num_rows == 2


def test_plain_local_path_is_a_folder_too(model, tmp_path):
    stored = save_model(model, ROWS, str(tmp_path / "a folder"), {})

    assert load_model(stored.model_path, stored.model_sha256).card == CARD


def test_f26_flipped_bit_is_refused_before_parsing(stored, tmp_path, monkeypatch):
    monkeypatch.setattr(XGBClassifier, "load_model", lambda *_: pytest.fail("was parsed"))
    file = tmp_path / "M16G-1" / "model.ubj"
    body = bytearray(file.read_bytes())
    body[len(body) // 2] ^= 1
    file.write_bytes(body)

    with pytest.raises(ModelError, match="SHA-256"):
        load_model(stored.model_path, stored.model_sha256)


def test_f26_pickle_with_the_right_hash_is_refused_before_parsing(tmp_path, monkeypatch):
    monkeypatch.setattr(XGBClassifier, "load_model", lambda *_: pytest.fail("was parsed"))
    body = pickle.dumps({"learner": 1})
    (tmp_path / "model.ubj").write_bytes(body)

    with pytest.raises(ModelError, match="not XGBoost's UBJSON"):
        load_model(str(tmp_path / "model.ubj"), sha256(body).hexdigest())


def test_f26_model_without_a_card_is_refused(model, tmp_path):
    body = bytes(model.classifier.get_booster().save_raw("ubj"))
    (tmp_path / "model.ubj").write_bytes(body)

    with pytest.raises(ModelError, match="no fabyield_card"):
        load_model(str(tmp_path / "model.ubj"), sha256(body).hexdigest())


def test_model_name_changes_with_a_row_a_feature_or_a_parameter():
    name = name_model(CARD.product, ROWS, {"seed": 1})

    others = ROWS.set_column(1, "vth", pa.array([0.5, 0.6]))
    assert name == name_model(CARD.product, ROWS, {"seed": 1})
    assert name != name_model(CARD.product, others, {"seed": 1})
    assert name != name_model(CARD.product, ROWS, {"seed": 2})
    assert name != name_model(("F2", "M16G"), ROWS, {"seed": 1})


def test_f29_product_cannot_leave_the_folder(model, tmp_path):
    name = name_model(("F1", "../../etc"), ROWS, {})

    stored = save_model(replace(model, card=replace(CARD, model_id=name)), ROWS, str(tmp_path), {})

    assert Path(stored.model_path.removeprefix("file://")).resolve().is_relative_to(tmp_path)
    assert "/" not in name
