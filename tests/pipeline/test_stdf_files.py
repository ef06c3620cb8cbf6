import os
from dataclasses import replace
from datetime import date

import pytest

from fabyield.errors import DataQualityError, FabYieldError
from fabyield.lake.catalog import STDF_FILES, STDF_WAFERS
from fabyield.pipeline.ingest.file_alerts import check_files
from fabyield.pipeline.ingest.stdf_files import (
    DecodedFile,
    decode_files,
    is_partly_published,
    new_files,
)
from fabyield.pipeline.night_modes import Kind, NightMode
from fabyield.pipeline.run_history import Attempt
from fabyield.readers.landing import listed


def land(run, name, at=1_700_000_000):
    path = f"{run.settings.landing}/stdf/{name}"
    with open(path, "wb"):
        os.utime(path, (at, at))


@pytest.mark.parametrize(
    ("status", "again"),
    [("complete", []), ("broken", []), ("duplicate", []), ("unreadable", ["a.stdf"])],
)
def test_file_is_looked_at_once_but_tried_again_while_it_cannot_be_read(run, rows, status, again):
    land(run, "a.stdf")
    [file] = listed(run.settings.landing)
    seen = dict(zip(("path", "size_bytes", "modified_at"), file.seen, strict=True))
    run.store.append(STDF_FILES, rows(STDF_FILES, seen | {"status": status}), batch=1)

    assert [file.path for file in new_files(run)] == again


def test_files_are_numbered_by_the_time_they_were_written(run):
    land(run, "a corrected.stdf", 1_700_000_200)
    land(run, "b.stdf", 1_700_000_100)

    files = decode_files(run).files().orderBy("file_key").select("file_key", "path").collect()

    assert files == [(1, "b.stdf"), (2, "a corrected.stdf")]


def test_files_of_a_batch_that_another_fab_has_started_keep_their_numbers(run, rows):
    other = replace(run.settings, fab=replace(run.settings.fab, fab_id="OTHER"))
    land(run, "a.stdf")
    assert key(replace(run, settings=other)) == 1
    assert key(replace(run, attempt=Attempt(2, "stdf_files"))) == 2
    run.store.append(STDF_WAFERS, rows(STDF_WAFERS, {"fab_id": "OTHER", "file_key": 7}), batch=3)

    assert key(replace(run, attempt=Attempt(4, "stdf_files"))) == 8


def key(run):
    [row] = decode_files(run).files().select("file_key").collect()
    return row["file_key"]


def test_f02_files_whose_rows_are_published_are_not_decoded_under_other_keys(run, rows):
    run.store.append(STDF_WAFERS, rows(STDF_WAFERS, {"batch": 1}), batch=1)
    assert is_partly_published(run)

    with pytest.raises(FabYieldError, match="decoded files of batch 1 are gone"):
        decode_files(run)


def test_files_that_are_read_again_and_cannot_be_lose_no_row(run):
    files = [DecodedFile(1, "a.stdf", "unreadable", "no such device")]
    check_files(run, files)

    again = replace(run, mode=NightMode(Kind.BACKFILL, date(2026, 3, 2)))
    with pytest.raises(DataQualityError, match=r"cannot be read now: a\.stdf; start it again"):
        check_files(again, files)
