"""Model files on disk or in an object store: XGBoost's own format, checked by SHA-256."""

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from hashlib import sha256
from typing import Any

import pyarrow as pa
from pyarrow import parquet
from xgboost import XGBClassifier

from fabyield.errors import ModelError
from fabyield.lake.storage import resolve_uri, write_bytes, write_text
from fabyield.models.feature_list import Features

CARD = "fabyield_card"
# A UBJSON model of XGBoost opens an object whose first key (7 bytes) is "learner" or "version".
OPENING = b"{L\x00\x00\x00\x00\x00\x00\x00\x07"
UBJ_HEADS = (OPENING + b"learner", OPENING + b"version")


@dataclass(frozen=True)
class ModelCard:
    """What scoring needs beside the classifier; stored inside the model file.

    `product` is (fab_id, product_id); `low_weight` is the weight of low wafers in training, which
    scoring takes out of the probabilities.
    """

    model_id: str
    product: tuple[str, str]
    insertion: str
    features: Features
    low_yield_threshold_pct: float | None
    decision_threshold: float
    low_weight: float
    parameters: Mapping[str, int | float | str]


@dataclass(frozen=True)
class Model:
    """A trained classifier with its card."""

    card: ModelCard
    classifier: XGBClassifier


@dataclass(frozen=True)
class StoredModel:
    """URIs of a model's files, and the SHA-256 that load_model checks."""

    model_path: str
    model_sha256: str
    training_rows_path: str


def name_model(
    product: tuple[str, str], training_rows: pa.Table, inputs: Mapping[str, object]
) -> str:
    """Return product + 12 hex digits; equal (sorted) rows and `inputs` give the same name."""
    digest = sha256(json.dumps([product, inputs], sort_keys=True).encode())
    for column in training_rows.columns:
        if pa.types.is_floating(column.type):
            digest.update(column.to_numpy().tobytes())
        else:
            digest.update(json.dumps(column.to_pylist()).encode())
    return f"{re.sub(r'[^A-Za-z0-9_-]', '_', product[1])}-{digest.hexdigest()[:12]}"


def save_model(
    model: Model, training_rows: pa.Table, folder: str, versions: Mapping[str, int]
) -> StoredModel:
    """Write model.ubj, training_rows.parquet and model.json (for people) below folder/model_id.

    `versions` are the Delta versions of the tables that the model was trained on.
    """
    home = f"{folder.rstrip('/')}/{model.card.model_id}"
    booster = model.classifier.get_booster()
    booster.set_attr(**{CARD: json.dumps(asdict(model.card), sort_keys=True)})
    body = bytes(booster.save_raw("ubj"))
    digest = sha256(body).hexdigest()
    stored = StoredModel(f"{home}/model.ubj", digest, f"{home}/training_rows.parquet")
    write_bytes(stored.model_path, body)
    filesystem, path = resolve_uri(stored.training_rows_path)
    parquet.write_table(training_rows, path, filesystem=filesystem)
    about = asdict(stored) | {"delta_versions": dict(versions), "card": asdict(model.card)}
    write_text(f"{home}/model.json", json.dumps(about, indent=1, sort_keys=True))
    return stored


def load_model(path: str, expected_sha256: str) -> Model:
    """Load model.ubj at URI `path`; `expected_sha256` is the one in model_report.

    Raises ModelError if the SHA-256 differs, the file is not XGBoost's UBJSON (both before it is
    parsed), or it has no card.
    """
    filesystem, file = resolve_uri(path)
    with filesystem.open_input_stream(file) as source:
        body = source.read()
    if (digest := sha256(body).hexdigest()) != expected_sha256:
        raise ModelError(
            f"{path}: SHA-256 is {digest}, expected {expected_sha256}; "
            "the file was changed after training: restore it, or train again"
        )
    if not body.startswith(UBJ_HEADS):
        raise ModelError(f"{path}: starts with {body[:8]!r}, which is not XGBoost's UBJSON format")
    classifier = XGBClassifier()
    classifier.load_model(bytearray(body))
    text = classifier.get_booster().attr(CARD)
    if text is None:
        raise ModelError(f"{path}: no {CARD} in the model, so its features are unknown")
    card: dict[str, Any] = json.loads(text)
    features = {kind: tuple(names) for kind, names in card.pop("features").items()}
    fab_id, product_id = card.pop("product")
    card |= {"product": (fab_id, product_id), "features": Features(**features)}
    return Model(ModelCard(**card), classifier)
