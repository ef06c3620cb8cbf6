"""Models on disk or in an object store: XGBoost's own format, guarded by its SHA-256."""

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyarrow import parquet
from pyarrow.fs import FileSystem
from xgboost import XGBClassifier

from fabyield.errors import ModelError
from fabyield.models.feature_list import Features

CARD = "fabyield_card"
# A UBJSON model of XGBoost opens an object whose first key (7 bytes) is "learner" or "version".
OPENING = b"{L\x00\x00\x00\x00\x00\x00\x00\x07"
UBJ_HEADS = (OPENING + b"learner", OPENING + b"version")


@dataclass(frozen=True)
class ModelCard:
    """All that is needed to score with a model; stored inside the model file, under its SHA-256.

    `product` is (fab_id, product_id); `low_weight` is the weight that low wafers had in training,
    to be taken out of probabilities.
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
    """Where a model's files are, as URIs, and the SHA-256 that loading it asks for."""

    model_path: str
    model_sha256: str
    training_rows_path: str


def name_model(
    product: tuple[str, str], training_rows: pa.Table, inputs: Mapping[str, object]
) -> str:
    """Return product + 12 hex digits, equal whenever rows (sorted), features and settings are."""
    digest = sha256(json.dumps([product, inputs], sort_keys=True).encode())
    for index in range(training_rows.num_columns):
        digest.update(_column_bytes(training_rows, index))
    return f"{re.sub(r'[^A-Za-z0-9_-]', '_', product[1])}-{digest.hexdigest()[:12]}"


def save_model(
    model: Model, training_rows: pa.Table, folder: str, versions: Mapping[str, int]
) -> StoredModel:
    """Write model.ubj, training_rows.parquet and model.json (for people) below folder/model_id.

    `versions` are the Delta versions of the tables that the model learned from.
    """
    home = f"{folder.rstrip('/')}/{model.card.model_id}"
    body = _bytes_of(model)
    stored = StoredModel(f"{home}/model.ubj", _hash(body), f"{home}/training_rows.parquet")
    filesystem, root = open_folder(home)
    filesystem.create_dir(root, recursive=True)
    _write(filesystem, f"{root}/model.ubj", body)
    with filesystem.open_output_stream(f"{root}/training_rows.parquet") as sink:
        parquet.write_table(training_rows, sink)
    about = asdict(stored) | {"delta_versions": dict(versions), "card": asdict(model.card)}
    _write(filesystem, f"{root}/model.json", json.dumps(about, indent=1, sort_keys=True).encode())
    return stored


def load_model(path: str, expected_sha256: str) -> Model:
    """Load model.ubj at URI `path`; `expected_sha256` is the one in model_report.

    Raises ModelError, before anything is parsed, if the file's SHA-256 is another, if it is not
    XGBoost's UBJSON, or if no card is in it.
    """
    filesystem, file = open_folder(path)
    with filesystem.open_input_stream(file) as source:
        body = source.read()
    if _hash(body) != expected_sha256:
        raise ModelError(
            f"{path}: SHA-256 is {_hash(body)}, expected {expected_sha256}; "
            "it was changed after training: restore it, or train again"
        )
    if not body.startswith(UBJ_HEADS):
        raise ModelError(f"{path}: begins with {body[:8]!r}, which is not XGBoost's UBJSON format")
    classifier = XGBClassifier()
    classifier.load_model(bytearray(body))
    return Model(_card_of(classifier, path), classifier)


def open_folder(uri: str) -> tuple[FileSystem, str]:
    """Return the file system of `uri` and the path in it; s3a:// is s3://, no scheme is local."""
    if "://" not in uri and not uri.startswith("file:"):
        uri = Path(uri).absolute().as_uri()
    filesystem, path = FileSystem.from_uri(re.sub(r"^s3[an]://", "s3://", uri))
    return filesystem, path


def _card_of(classifier: XGBClassifier, path: str) -> ModelCard:
    text = classifier.get_booster().attr(CARD)
    if text is None:
        raise ModelError(f"{path}: no {CARD} in the model, so its features are unknown")
    card: dict[str, Any] = json.loads(text)
    features = {kind: tuple(names) for kind, names in card.pop("features").items()}
    fab_id, product_id = card.pop("product")
    return ModelCard(product=(fab_id, product_id), features=Features(**features), **card)


def _bytes_of(model: Model) -> bytes:
    booster = model.classifier.get_booster()
    booster.set_attr(**{CARD: json.dumps(asdict(model.card), sort_keys=True)})
    return bytes(booster.save_raw("ubj"))


def _column_bytes(table: pa.Table, index: int) -> bytes:
    column = table.column(index)
    if pa.types.is_floating(column.type):
        return bytes(column.to_numpy().tobytes())
    return json.dumps(column.to_pylist()).encode()


def _hash(body: bytes) -> str:
    return sha256(body).hexdigest()


def _write(filesystem: FileSystem, path: str, body: bytes) -> None:
    with filesystem.open_output_stream(path) as sink:
        sink.write(body)
