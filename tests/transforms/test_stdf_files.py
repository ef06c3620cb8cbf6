from fabyield.lake.catalog import STDF_FILES
from fabyield.transforms.bronze.stdf_files import stdf_files


def file(file_key, sha256, status="complete", **more):
    row = {"file_key": file_key, "sha256": sha256, "status": status, "duplicate_of": None}
    return row | {"reason": None} | more


def judged(decoded, manifest):
    actual = stdf_files(decoded, manifest).orderBy("file_key")
    return [tuple(r) for r in actual.select("file_key", "status", "duplicate_of").collect()]


def test_f07_same_content_under_two_names_in_one_batch_is_read_once(rows):
    decoded = rows(STDF_FILES, file(2, "aa", path="b.stdf"), file(1, "aa", path="a.stdf"))

    assert judged(decoded, rows(STDF_FILES)) == [(1, "complete", None), (2, "duplicate", 1)]


def test_f07_content_read_on_an_earlier_night_is_a_duplicate_and_says_why(rows):
    actual = stdf_files(rows(STDF_FILES, file(9, "aa")), rows(STDF_FILES, file(3, "aa")))

    chosen = actual.select("file_key", "status", "duplicate_of", "reason").collect()
    assert chosen == [(9, "duplicate", 3, "same content as another file")]


def test_f07_content_that_was_read_before_is_first_with_any_key(rows):
    """As in a backfill, which reads an older file again."""
    again, stored = rows(STDF_FILES, file(3, "aa")), rows(STDF_FILES, file(9, "aa"))

    assert judged(again, stored) == [(3, "duplicate", 9)]


def test_manifest_duplicate_is_not_the_one_that_was_read(rows):
    manifest = rows(STDF_FILES, file(2, "aa"), file(4, "aa", "duplicate"))

    assert judged(rows(STDF_FILES, file(9, "aa")), manifest) == [(9, "duplicate", 2)]


def test_files_that_cannot_be_read_keep_their_own_status(rows):
    decoded = rows(
        STDF_FILES,
        file(1, "ee", "empty"),
        file(2, "ee", "empty"),
        file(3, None, "broken", reason="no FAR"),
        file(4, None, "broken"),
    )

    actual = stdf_files(decoded, rows(STDF_FILES)).orderBy("file_key")

    empty, broken = ("empty", None, None), ("broken", None, None)
    told = actual.select("status", "duplicate_of", "reason").collect()
    assert told == [empty, empty, ("broken", None, "no FAR"), broken]


def test_incomplete_file_with_other_content_is_read_too(rows):
    decoded = rows(STDF_FILES, file(5, "bb"))

    actual = judged(decoded, rows(STDF_FILES, file(1, "aa", "incomplete")))

    assert actual == [(5, "complete", None)]
