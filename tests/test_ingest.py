import os

import pytest

from fabyield.errors import FabYieldError
from fabyield.ingest import is_begun, staged, waiting
from fabyield.readers.landing import listed
from fabyield.tables import STDF_FILES, STDF_WAFERS


@pytest.mark.parametrize(
    ("status", "again"),
    [("complete", []), ("broken", []), ("duplicate", []), ("unreadable", ["a.stdf"])],
)
def test_file_is_looked_at_once_but_tried_again_while_it_cannot_be_read(run, rows, status, again):
    path = f"{run.settings.landing}/stdf/a.stdf"
    with open(path, "wb"):
        os.utime(path, (1_700_000_000, 1_700_000_000))
    [file] = listed(run.settings.landing)
    seen = dict(zip(("path", "size_bytes", "modified_at"), file.seen, strict=True))
    run.store.append(STDF_FILES, rows(STDF_FILES, seen | {"status": status}), batch=1)

    assert [file.path for file in waiting(run)] == again


def test_files_are_numbered_by_the_time_they_were_written(run):
    for name, at in (("a corrected.stdf", 1_700_000_200), ("b.stdf", 1_700_000_100)):
        path = f"{run.settings.landing}/stdf/{name}"
        with open(path, "wb"):
            os.utime(path, (at, at))

    files = staged(run).files().orderBy("file_key").select("file_key", "path").collect()

    assert files == [(1, "b.stdf"), (2, "a corrected.stdf")]


def test_f02_files_whose_rows_are_published_are_not_decoded_under_other_keys(run, rows):
    run.store.append(STDF_WAFERS, rows(STDF_WAFERS, {"batch": 1}), batch=1)
    assert is_begun(run)

    with pytest.raises(FabYieldError, match="decoded files of batch 1 are gone"):
        staged(run)
