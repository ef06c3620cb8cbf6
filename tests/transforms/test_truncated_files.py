import pytest

from fabyield.lake.catalog import PARTS, STDF_FILES, TRUNCATED_FILES
from fabyield.transforms.silver.truncated_files import (
    candidates,
    truncated_files,
    with_readable_file,
)
from tests.frames import of_tuples

FILE = {"fab_id": "F1", "session_id": "s", "retest_bins": None}


def file(key, status, size, **more):
    return FILE | {"file_key": key, "status": status, "content_bytes": size, "batch": 1} | more


CUT, WHOLE = file(1, "incomplete", 100), file(2, "complete", 200)


@pytest.mark.parametrize(
    ("files", "pairs"),
    [
        ([CUT, WHOLE], [("F1", 1, 2)]),
        ([CUT, file(3, "incomplete", 150)], [("F1", 1, 3)]),
        ([CUT, WHOLE | {"content_bytes": 90}], []),
        ([CUT, WHOLE | {"session_id": "t"}], []),
        ([CUT, WHOLE | {"fab_id": "F2"}], []),
        ([CUT, WHOLE | {"retest_bins": [2]}], []),
        ([CUT, WHOLE | {"status": "broken"}], []),
        ([WHOLE, file(3, "complete", 300)], []),
    ],
)
def test_truncated_files_are_compared_with_longer_ones_of_their_session(rows, files, pairs):
    assert candidates(rows(STDF_FILES, *files), 0).collect() == pairs


def test_pairs_are_compared_once(rows):
    known, new = rows(STDF_FILES, CUT, WHOLE), rows(STDF_FILES, CUT, WHOLE | {"batch": 2})

    assert [candidates(files, 1).count() for files in (known, new)] == [0, 1]


def touchdowns(key, *found):
    whose = {"file_key": key, "part_id": None}
    return [
        whose | {"part_num": n, "record_offset": at, "hard_bin": hard}
        for n, (at, hard) in enumerate(found)
    ]


@pytest.mark.parametrize(
    ("longer", "begins"),
    [
        ([(10, 1), (20, 2), (30, 1)], [("F1", 1, 2, 2)]),
        ([(10, 1), (20, 5), (30, 1)], []),
        ([(10, 1), (21, 2), (30, 1)], []),
        ([(10, 1)], []),
    ],
)
def test_file_is_truncated_if_a_longer_one_has_all_its_touchdowns(rows, spark, longer, begins):
    parts = rows(PARTS, *touchdowns(1, (10, 1), (20, 2)), *touchdowns(2, *longer))
    pairs = of_tuples(spark, [("F1", 1, 2)], "fab_id string, file_key int, whole_key int")

    assert truncated_files(pairs, parts).collect() == begins


@pytest.mark.parametrize(("status", "left"), [("complete", [1]), ("broken", [])])
def test_truncated_file_counts_again_if_its_longer_file_is_unreadable(rows, status, left):
    pairs = rows(TRUNCATED_FILES, {"fab_id": "F1", "file_key": 1, "whole_key": 2})

    pairs = with_readable_file(pairs, rows(STDF_FILES, CUT, WHOLE | {"status": status}))

    assert [row["file_key"] for row in pairs.collect()] == left
