import os
from datetime import UTC, datetime, timedelta

import pytest

from fabyield.errors import ConfigError
from fabyield.readers.landing import LandingFile, listed, settled

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)


@pytest.fixture
def land(tmp_path):
    """`land("a.stdf", ...)` puts these files into the landing zone, and returns its path."""

    def put(*names):
        for name in names:
            path = tmp_path / "stdf" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"12345")
        return str(tmp_path)

    return put


def file(path, age_seconds=0.0):
    return LandingFile(path, 5, NOW - timedelta(seconds=age_seconds))


def ready(*files):
    return [file.path for file in settled(files, NOW, settle_seconds=60)]


def test_files_of_all_folders_are_listed_by_path_with_size_and_time(land, tmp_path):
    landing = land("b.stdf", "cp1/a.stdf.gz")
    for name in ("b.stdf", "cp1/a.stdf.gz"):
        os.utime(tmp_path / "stdf" / name, ns=(0, 1_772_452_800_123_456_789))

    at = datetime(2026, 3, 2, 12, 0, 0, 123456, UTC)
    assert listed(landing) == [LandingFile("b.stdf", 5, at), LandingFile("cp1/a.stdf.gz", 5, at)]


def test_hidden_files_and_files_of_hidden_folders_are_not_listed(land):
    landing = land(".a.stdf", "_b.stdf", ".sync/c.stdf", "cp1/_tmp/d.stdf", "e.stdf")

    assert [file.path for file in listed(landing)] == ["e.stdf"]


def test_missing_landing_folder_is_named_with_the_setting(tmp_path):
    with pytest.raises(ConfigError, match=r"nowhere/stdf: no such folder; set `landing`"):
        listed(str(tmp_path / "nowhere"))


def test_landing_zone_without_files_is_not_an_error(tmp_path):
    (tmp_path / "stdf").mkdir()

    assert listed(str(tmp_path)) == []


def test_name_that_is_not_utf8_is_left_out_and_reported(land):
    landing = land("a.stdf")
    with open(os.fsencode(landing) + b"/stdf/b\xe4.stdf", "wb"):
        skipped = []

    assert [file.path for file in listed(landing, skipped.append)] == ["a.stdf"]
    [reason] = skipped
    assert reason.endswith("/stdf/b\\xe4.stdf: the name is not UTF-8; rename it")


def test_link_to_a_folder_above_is_followed_once(land, tmp_path):
    landing, skipped = land("cp1/a.stdf"), []
    (tmp_path / "stdf" / "cp1" / "up").symlink_to(tmp_path / "stdf")

    assert [file.path for file in listed(landing, skipped.append)] == ["cp1/a.stdf"]
    [reason] = skipped
    assert reason.endswith("cp1/up: a link to a folder that is listed already")


def test_odd_names_are_listed(land):
    names = ["line\nend.stdf", "x" * 250 + ".stdf", "A.stdf", "a.stdf", "caf\u00e9", "cafe\u0301"]

    assert [file.path for file in listed(land(*names))] == sorted(names)


def test_file_is_ready_after_the_settle_time():
    assert ready(file("a.stdf", 59.9), file("b.stdf", 60.0), file("c.stdf", 3600.0)) == [
        "b.stdf",
        "c.stdf",
    ]


def test_marker_makes_its_own_file_ready_at_once():
    assert ready(file("a.stdf"), file("a.stdf.done"), file("b.stdf")) == ["a.stdf"]


def test_files_still_being_copied_are_never_ready():
    assert ready(file("a.stdf.part", 3600.0), file("a.stdf.tmp", 3600.0)) == []


def test_f17_file_dated_in_the_future_is_ready_at_once():
    assert ready(file("a.stdf", -86_400.0), file("b.stdf", 0.0)) == ["a.stdf"]
