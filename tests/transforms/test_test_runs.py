from datetime import datetime

import pytest

from fabyield.settings import Settings
from fabyield.tables import STDF_FILES, STDF_WAFERS, WAFERS
from fabyield.transforms import test_runs as transform
from fabyield.transforms.test_runs import superseded

FAB = Settings.load("dev").fab
WAFER = {"fab_id": "F1", "lot_id": "A", "wafer_id": "02", "wafer_key": 5, "product_id": "M16G"}


def rules(zone="UTC"):
    return transform.TesterRules(
        zone, FAB.wafer_id_rules, FAB.insertion_rules, FAB.default_insertion
    )


def seconds(year, month, day, hour, minute=0):
    """What a tester's clock that shows this time writes into START_T."""
    return int((datetime(year, month, day, hour, minute) - datetime(1970, 1, 1)).total_seconds())


@pytest.fixture
def runs(rows):
    """`runs(file, run, ..., zone=)`: test_runs of one file with these wafer runs."""

    def build(file, *found, zone="UTC"):
        files = rows(STDF_FILES, {"status": "complete", "lot_id": "A"} | file)
        blank = {"fab_id": "F1", "wafer_id": "W02"}
        stdf_wafers = rows(STDF_WAFERS, *(blank | run for run in found))
        return transform.test_runs(stdf_wafers, files, rows(WAFERS, WAFER), rules(zone))

    return build


def file(file_key, status="complete", size=100, wafer_ids=("1",), session="s"):
    row = {"file_key": file_key, "status": status, "content_bytes": size, "session_id": session}
    return row | {"wafer_ids": list(wafer_ids)}


def beaten(df):
    marked = superseded(df).where("is_superseded").select("file_key").collect()
    return sorted(row["file_key"] for row in marked)


def test_run_finds_its_wafer_by_canonical_names_and_keeps_the_raw_ones(runs):
    actual = runs({"lot_id": " a"}, {"wafer_id": "w02 "})

    chosen = actual.select("wafer_key", "product_id", "lot_id", "wafer_id")
    assert chosen.collect() == [(5, "M16G", "A", "02")]
    assert actual.select("raw_lot_id", "raw_wafer_id").collect() == [(" a", "w02 ")]


def test_first_rule_that_matches_names_the_insertion(spark):
    names = [
        (0, "cp-2", "FT1"),
        (1, "SORT", "ft 1"),
        (2, None, "FT3 "),
        (3, "CP1x", None),
        (4, None, None),
    ]
    df = spark.createDataFrame(names, "turn int, flow_id string, test_cod string").orderBy("turn")

    actual = df.select(transform.insertion(rules())).collect()

    assert [row[0] for row in actual] == ["CP2", "FT1", "FT3", "CP1", "CP1"]


def test_f17_testers_local_time_becomes_utc_on_both_sides_of_the_clock_change(runs):
    berlin = [(2026, 1, 15, 12), (2026, 7, 15, 12), (2026, 3, 29, 1), (2026, 3, 29, 3)]
    berlin += [(2026, 10, 25, 1), (2026, 10, 25, 3)]
    clocks = [{"wafer_num": n, "start_t": seconds(*local)} for n, local in enumerate(berlin)]

    actual = runs({}, *clocks, zone="Europe/Berlin").orderBy("wafer_num").collect()

    utc = [(2026, 1, 15, 11), (2026, 7, 15, 10), (2026, 3, 29, 0), (2026, 3, 29, 1)]
    utc += [(2026, 10, 24, 23), (2026, 10, 25, 2)]
    assert [row["started_at"] for row in actual] == [datetime(*time) for time in utc]


def test_parts_outside_any_wafer_start_with_their_session(runs):
    noon = seconds(2026, 3, 2, 12)

    actual = runs({"start_t": noon}, {"wafer_num": -1, "wafer_id": None, "start_t": None})

    assert actual.select("wafer_id", "started_at").collect() == [("-", datetime(2026, 3, 2, 12))]


def test_retest_file_is_one_that_lists_bins_even_if_none(runs):
    listed = runs({"retest_bins": []}, {}).union(runs({"retest_bins": None}, {}))

    assert [row["is_retest_file"] for row in listed.collect()] == [True, False]


def test_file_that_was_not_read_has_no_runs(runs):
    assert runs({"status": "duplicate"}, {}).collect() == []


def test_f07_file_with_its_mrr_replaces_a_longer_one_without(rows):
    df = rows(STDF_FILES, file(1, "incomplete", size=900), file(2, "complete", size=100))

    assert beaten(df) == [1]


def test_f07_longer_file_of_a_session_replaces_the_shorter(rows):
    df = rows(STDF_FILES, file(1, "incomplete", size=900), file(2, "incomplete", size=100))

    assert beaten(df) == [2]


def test_f07_of_equally_complete_files_the_first_counts(rows):
    assert beaten(rows(STDF_FILES, file(2), file(1), file(3))) == [2, 3]


def test_different_wafers_of_one_session_all_count(rows):
    df = rows(STDF_FILES, file(1, wafer_ids=["1"]), file(2, size=900, wafer_ids=["2"]))

    assert beaten(df) == []


def test_file_is_replaced_only_by_one_that_holds_all_its_wafers(rows):
    df = rows(
        STDF_FILES,
        file(1, size=100, wafer_ids=["1"]),
        file(2, size=200, wafer_ids=["1", "2"]),
        file(3, size=300, wafer_ids=["2", "3"]),
    )

    assert beaten(df) == [1]


def test_files_of_two_sessions_never_replace_each_other(rows):
    assert beaten(rows(STDF_FILES, file(1, session="s"), file(2, size=900, session="t"))) == []
