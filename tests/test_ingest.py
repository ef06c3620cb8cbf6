import os

import pytest

from fabyield.ingest import waiting
from fabyield.readers.landing import listed
from fabyield.tables import STDF_FILES


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
