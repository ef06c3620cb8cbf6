"""Files and models in an object store; tests/jobs/test_object_store.py has a night there."""

from fabyield.lake.storage import exists, listed, read_text, remove_folder, write_text
from fabyield.models.registry import load_model, save_model
from fabyield.readers import landing
from tests.models.test_registry import CARD, ROWS, model  # noqa: F401


def test_file_is_written_replaced_listed_and_removed(bucket):
    for text in ("first", "second"):
        write_text(f"{bucket}/pages/report.html", text)

    assert read_text(f"{bucket}/pages/report.html") == "second"
    assert listed(f"{bucket}/pages") == ["report.html"]
    remove_folder(f"{bucket}/pages")
    assert not exists(f"{bucket}/pages")
    assert listed(f"{bucket}/pages") == []


def test_model_is_loaded_as_it_was_saved(bucket, model):  # noqa: F811
    stored = save_model(model, ROWS, f"{bucket}/models", {"silver.wafers": 4})

    assert stored.model_path == f"{bucket}/models/M16G-1/model.ubj"
    assert load_model(stored.model_path, stored.model_sha256).card == CARD


def test_landing_zone_is_listed_below_its_folder(bucket):
    write_text(f"{bucket}/stdf/tester/lot.stdf", "content")

    [file] = landing.listed(bucket)

    assert (file.path, file.size_bytes) == ("tester/lot.stdf", 7)
