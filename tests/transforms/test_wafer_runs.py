from datetime import datetime

import pytest

from fabyield.lake.catalog import (
    STDF_FILES,
    STDF_WAFERS,
    TRUNCATED_FILES,
    WAFER_NAMES,
    WAFER_RUNS,
    WAFERS,
)
from fabyield.settings.settings import Settings
from fabyield.transforms.shared.name_rules import NameRules
from fabyield.transforms.silver import wafer_runs as transform
from fabyield.transforms.silver.wafer_runs import superseded
from tests.frames import of_tuples

FAB = Settings.load("dev").fab
FIRST = [("A", "02", 5), ("A", "-", 6), ("-AAAAAAAA", "02", 7), ("-BBBBBBBB", "02", 8)]
LATER = [("A.1", "02", 5)]


def named(names):
    keys = ("lot_id", "wafer_id", "wafer_key")
    return [{"fab_id": "F1", **dict(zip(keys, name, strict=True))} for name in names]


def rules(zone="UTC"):
    names = NameRules(FAB.lot_id_rules, FAB.wafer_id_rules)
    return transform.TesterRules(zone, names, FAB.insertion_rules, FAB.default_insertion)


def seconds(*shown):
    """What a tester's clock that shows this time writes into START_T."""
    return int((datetime(*shown) - datetime(1970, 1, 1)).total_seconds())


@pytest.fixture
def runs(rows):
    """`runs(file, run, ..., zone=)`: wafer_runs of one file with these wafer runs."""

    def build(file, *found, zone="UTC"):
        files = rows(STDF_FILES, {"status": "complete", "lot_id": "A", "retest_bins": None} | file)
        blank = {"fab_id": "F1", "wafer_id": "W02"}
        stdf_wafers = rows(STDF_WAFERS, *(blank | run for run in found))
        names = rows(WAFER_NAMES, *named(FIRST + LATER))
        wafers = rows(WAFERS, *(wafer | {"product_id": "M16G"} for wafer in named(FIRST)))
        known = transform.KnownWafers(names, wafers)
        none = rows(TRUNCATED_FILES)
        return transform.wafer_runs(stdf_wafers, files, known, none, rules(zone))

    return build


WHOLE, CUT = "complete", "incomplete"
RUN = (
    "file_key bigint, status string, content_bytes bigint, wafer_id string, start_t bigint, "
    "session_id string, retest_bins array<int>, modified_at int"
)


@pytest.fixture
def beaten(spark):
    """`beaten((file, status, size, wafers), ...)`: superseded files; wafers start at 7."""

    def find(
        *files,
        session=lambda key: "s",
        bins=lambda key: None,
        start=lambda key: 7,
        written=lambda key: 0,
        beginnings=(),
    ):
        runs = [
            (key, status, size, wafer, start(key), session(key), bins(key), written(key))
            for key, status, size, wafers in files
            for wafer in wafers
        ]
        begin = of_tuples(spark, list(beginnings), "file_key bigint, whole_key bigint")
        marked = superseded(of_tuples(spark, runs, RUN), begin).where("is_superseded")
        return sorted({row["file_key"] for row in marked.collect()})

    return find


def test_of_two_complete_files_the_one_written_last_counts(beaten):
    twice = [(key, WHOLE, 9, "a") for key in (1, 2)]

    assert beaten(*twice) == [1]
    # The first one could not be read at first.
    assert beaten(*twice, written=lambda key: -key) == [2]


def test_run_is_joined_by_canonical_names_and_keeps_the_raw_ones(runs):
    actual = runs({"lot_id": " a"}, {"wafer_id": "w02 "})

    chosen = actual.select("wafer_key", "product_id", "lot_id", "wafer_id")
    assert chosen.collect() == [(5, "M16G", "A", "02")]
    assert actual.select("raw_lot_id", "raw_wafer_id").collect() == [(" a", "w02 ")]


def test_wafer_of_a_split_lot_has_its_first_lot(runs):
    actual = runs({"lot_id": "a.1"}, {"wafer_id": "A.1-2", "batch": 4})

    chosen = actual.select("wafer_key", "lot_id", "wafer_id", "raw_lot_id", "read_in")
    assert chosen.collect() == [(5, "A", "02", "a.1", 4)]


def test_first_rule_that_matches_names_the_insertion(spark):
    names = [
        (0, "cp-2", "FT1"),
        (1, "SORT", "ft 1"),
        (2, None, "FT3 "),
        (3, "CP1x", None),
        (4, None, None),
        (5, "FT7\0", None),
    ]
    df = of_tuples(spark, names, "turn int, flow_id string, test_cod string").orderBy("turn")

    actual = df.select(transform.insertion(rules())).collect()

    assert [row[0] for row in actual] == ["CP2", "FT1", "FT3", "CP1", "CP1", "FT7"]


def test_insertion_comes_from_the_match_alone(spark):
    found = transform.TesterRules(
        "UTC",
        NameRules(),
        [{"column": "job_nam", "pattern": "(?i)(?<=_)ws([0-9])", "insertion": "CP$1"}],
        "FT1",
    )
    df = of_tuples(spark, [("m16g_ws2_v7",), ("m16g",)], "job_nam string")

    actual = df.select(transform.insertion(found)).collect()

    assert [row[0] for row in actual] == ["CP2", "FT1"]


def test_f17_testers_local_time_becomes_utc_on_both_sides_of_the_clock_change(runs):
    berlin = [(2026, 1, 15, 12), (2026, 7, 15, 12), (2026, 3, 29, 1), (2026, 3, 29, 3)]
    berlin += [(2026, 10, 25, 1), (2026, 10, 25, 3)]
    clocks = [{"wafer_num": n, "start_t": seconds(*local)} for n, local in enumerate(berlin)]

    actual = runs({}, *clocks, zone="Europe/Berlin").orderBy("wafer_num").collect()

    utc = [(2026, 1, 15, 11), (2026, 7, 15, 10), (2026, 3, 29, 0), (2026, 3, 29, 1)]
    utc += [(2026, 10, 24, 23), (2026, 10, 25, 2)]
    assert [row["started_at"] for row in actual] == [datetime(*time) for time in utc]
    assert [row["is_start_doubtful"] for row in actual] == [False] * 6


def test_f17_repeated_or_skipped_hour_is_flagged(runs):
    shown = [(2026, 3, 29, 2, 30), (2026, 10, 25, 2), (2026, 10, 25, 2, 59, 59), None]
    clocks = [{"wafer_num": n, "start_t": s and seconds(*s)} for n, s in enumerate(shown)]

    actual = runs({"start_t": None}, *clocks, zone="Europe/Berlin").orderBy("wafer_num").collect()

    utc = [datetime(2026, 3, 29, 1, 30), datetime(2026, 10, 25), datetime(2026, 10, 25, 0, 59, 59)]
    assert [row["started_at"] for row in actual] == [*utc, None]
    assert [row["is_start_doubtful"] for row in actual] == [True, True, True, None]


def test_f17_start_after_the_time_of_the_file_is_measured(runs):
    written = {"modified_at": datetime(2026, 3, 2, 12), "start_t": None}
    starts = [seconds(2026, 3, 2, 11, 30), seconds(2026, 3, 2, 13), None]

    actual = runs(written, *({"wafer_num": n, "start_t": at} for n, at in enumerate(starts)))

    ahead = [row["clock_ahead_s"] for row in actual.orderBy("wafer_num").collect()]
    assert ahead == [-1800, 3600, None]


def test_parts_outside_any_wafer_start_with_their_session(runs):
    noon = seconds(2026, 3, 2, 12)

    actual = runs({"start_t": noon}, {"wafer_num": -1, "wafer_id": None, "start_t": None})

    assert actual.select("wafer_id", "started_at").collect() == [("-", datetime(2026, 3, 2, 12))]


def test_retest_file_is_one_that_lists_bins_even_if_none(runs):
    listed = runs({"retest_bins": []}, {}).union(runs({"retest_bins": None}, {}))

    assert [row["is_retest_file"] for row in listed.collect()] == [True, False]


def test_file_that_was_not_read_has_no_runs(runs):
    assert runs({"status": "duplicate"}, {}).collect() == []


def test_run_without_a_start_has_the_start_of_its_session(runs):
    actual = runs({"start_t": 60}, {"start_t": 0})

    assert actual.select("started_at").collect() == [(datetime(1970, 1, 1, 0, 1),)]


def test_files_without_a_lot_share_one_only_within_a_session(runs):
    sessions = ("a" * 64, "a" * 64, "b" * 64)
    named = ({"lot_id": None}, {"lot_id": " "}, {"lot_id": ""})

    files = [name | {"session_id": s} for name, s in zip(named, sessions, strict=True)]
    lots = [runs(file, {}).collect()[0]["lot_id"] for file in files]

    assert lots == ["-AAAAAAAA", "-AAAAAAAA", "-BBBBBBBB"]


def test_f07_file_with_its_mrr_replaces_a_longer_one_without(beaten):
    assert beaten((1, CUT, 900, ["01"]), (2, WHOLE, 100, ["01"])) == [1]


def test_f07_longer_of_two_truncated_files_replaces_the_shorter(beaten):
    assert beaten((1, CUT, 900, ["01"]), (2, CUT, 100, ["01"])) == [2]
    assert beaten((1, CUT, 100, ["01"]), (2, CUT, 900, ["01"])) == [1]
    assert beaten((1, CUT, 100, ["01"]), (2, CUT, 100, ["01"])) == [2]


def test_f07_of_complete_files_with_the_same_wafers_the_last_counts(beaten):
    assert beaten((2, WHOLE, 900, ["01"]), (1, WHOLE, 100, ["01"]), (3, WHOLE, 50, ["01"])) == [
        1,
        2,
    ]


def test_different_wafers_of_one_session_all_count(beaten):
    assert beaten((1, WHOLE, 100, ["01"]), (2, WHOLE, 900, ["02"])) == []


def test_file_is_replaced_only_by_one_with_all_its_wafers(beaten):
    assert beaten(
        (1, WHOLE, 100, ["01"]), (2, WHOLE, 200, ["01", "02"]), (3, WHOLE, 300, ["02", "03"])
    ) == [1]
    assert beaten((1, WHOLE, 200, ["01", "02"]), (2, WHOLE, 100, ["01"])) == [2]


def test_truncated_file_without_a_wafer_name_is_replaced_by_the_complete_one(beaten):
    assert beaten((1, CUT, 100, ["-"]), (2, WHOLE, 200, ["05"])) == [1]


def test_truncated_file_with_another_wafer_start_still_counts(beaten):
    files = ((1, CUT, 100, ["-"]), (2, WHOLE, 200, ["05"]))

    assert beaten(*files, start=lambda key: key) == []


@pytest.mark.parametrize("unknown", [0, None])
def test_file_without_wafer_times_always_counts(beaten, unknown):
    for status in (WHOLE, CUT):
        for name in ("01", "-"):
            files = ((1, status, 100, [name]), (2, WHOLE, 200, [name]))
            assert beaten(*files, start=lambda key: unknown) == []


def test_complete_files_without_wafers_all_count(beaten):
    assert beaten((1, WHOLE, 100, ["-"]), (2, WHOLE, 200, ["-"])) == []


def test_f07_truncated_file_without_wafers_is_replaced_by_its_longer_version(beaten):
    files = ((1, CUT, 100, ["-"]), (2, CUT, 100, ["-"]), (3, WHOLE, 200, ["-"]))

    assert beaten(*files, beginnings=[(1, 3)], start=lambda key: None) == [1]


def test_files_of_two_sessions_never_replace_each_other(beaten):
    assert beaten((1, WHOLE, 1, ["01"]), (2, WHOLE, 9, ["01"]), session=lambda key: f"{key}") == []


def test_retest_file_never_replaces_the_first_test(beaten):
    assert (
        beaten((1, WHOLE, 1, ["01"]), (2, WHOLE, 9, ["01"]), bins=lambda key: [None, []][key - 1])
        == []
    )


@pytest.mark.parametrize(
    ("code", "bins", "expected"),
    [
        ("Y", None, True),
        ("2 ", None, True),
        ("N", None, False),
        (None, None, False),
        (None, [], True),
    ],
)
def test_rdr_or_rtst_cod_makes_a_file_a_retest(runs, code, bins, expected):
    [row] = runs({"rtst_cod": code, "retest_bins": bins}, {}).collect()

    assert row["is_retest_file"] is expected


def test_engineering_run_counts_only_where_no_other_tested(rows):
    modes = [(1, "CP1", "P"), (1, "CP1", "E "), (1, "CP2", "e"), (2, "CP1", None), (2, "CP1", "Q")]
    run = dict(zip(("wafer_key", "insertion", "mode_cod"), (3, "CP1", "E"), strict=True))
    found = rows(
        WAFER_RUNS,
        *(
            {"wafer_key": key, "insertion": at, "mode_cod": mode, "file_key": n, "touchdowns": 1}
            for n, (key, at, mode) in enumerate(modes)
        ),
        run | {"file_key": 5, "touchdowns": 1},
        run | {"file_key": 6, "touchdowns": 0, "mode_cod": "P"},
    )

    left = transform.without_engineering(found, ["E", "Q"]).where("not is_superseded").collect()

    assert sorted(row["file_key"] for row in left) == [0, 2, 3, 5, 6]


AT = "fab_id string, wafer_key int, insertion string, tst_temp string, is_superseded boolean"


def at_several(spark, *runs):
    """has_other_temperature of runs of one wafer: (insertion, temperature, is_superseded)."""
    rows = of_tuples(spark, [("F1", 1, *run) for run in runs], AT)
    marked = transform.with_temperatures(rows).select("has_other_temperature").collect()
    return [value for (value,) in marked]


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("25", " 25.0 C", None),
        ("25", "+25", None),
        ("25", "85", True),
        ("-40", "40", True),
        ("ROOM", "room ", None),
        ("ROOM", "HOT", True),
        ("25", None, None),
    ],
)
def test_runs_of_a_wafer_at_several_temperatures_are_found(spark, one, other, expected):
    found = at_several(spark, ("CP1", one, False), ("CP1", other, False))

    assert found == [expected] * 2


def test_temperature_of_a_run_that_does_not_count_is_no_other_one(spark):
    found = at_several(spark, ("CP1", "25", False), ("CP1", "85", True), ("CP2", "85", False))

    assert found == [None] * 3


def test_temperature_names_the_insertion_by_a_rule(rows):
    rule = {"column": "tst_temp", "pattern": "^([0-9]+)", "insertion": "CP$1C"}
    rules = transform.TesterRules("UTC", NameRules(), [*FAB.insertion_rules, rule], "CP1")
    names = [{"tst_temp": "85 C", "flow_id": None}, {"tst_temp": "85", "flow_id": "CP2"}, {}]
    files = rows(STDF_FILES, *names)

    named = files.select(transform.insertion(rules).alias("insertion")).collect()

    assert [row["insertion"] for row in named] == ["CP85C", "CP2", "CP1"]
