import csv
import io
from datetime import UTC, date, datetime, timedelta
from itertools import chain

import duckdb
import pytest
from rich.console import Console

from fabyield.cli.query_output import answer, as_text, grid, write_rows
from fabyield.cli.top import top
from fabyield.errors import ConfigError, FabYieldError
from fabyield.lake.catalog import (
    ALL,
    DIE_RESULTS,
    EXCURSION,
    EXCURSION_EVIDENCE,
    PROCESS_HISTORY_AT_TEST,
    TOUCHDOWNS,
    WAFER_RUNS,
    WAFER_YIELD,
    WAFERS,
)
from fabyield.lake.layout import mark_layout
from fabyield.lake.named_queries import named_queries, named_query
from fabyield.lake.query import open_lake
from fabyield.lake.store import Store
from tests.lake.test_fsck import flip_bit


@pytest.fixture
def lake(run, rows):
    """A lake of two tables."""
    known = [{"wafer_key": 1, "product_id": "[red]A[/x]"}, {"wafer_key": 2, "product_id": None}]
    store = Store(run.spark, run.settings.lake)
    store.replace(WAFERS, rows(WAFERS, *known), "true")
    store.replace(WAFER_YIELD, rows(WAFER_YIELD, {"wafer_key": 1, "good_die": 7}), "true")
    return run.settings.lake


def printed(sql, lake, limit=10):
    """What a user sees: the words of each line of text, borders left out."""
    console = Console(width=200, file=io.StringIO())
    console.print(grid(sql, lake, limit))
    text = console.file.getvalue().translate(dict.fromkeys(map(ord, "━┃┏┓└┘─│┡┩╇┳┴"), " "))
    return [line.split() for line in text.splitlines() if line.strip()]


def test_tables_are_asked_by_their_names_and_nulls_are_blank(lake):
    sql = "select wafer_key, w.product_id, good_die from silver.wafers w left join gold.wafer_yield"

    actual = printed(f"{sql} using (wafer_key) order by 1", lake)

    assert actual == [["wafer_key", "product_id", "good_die"], ["1", "[red]A[/x]", "7"], ["2"]]


@pytest.mark.parametrize("sql", ["copy (select 1) to '{}/out.csv'", "attach '{}/out.csv' as x"])
def test_query_writes_nowhere(lake, tmp_path, sql):
    with pytest.raises(FabYieldError, match="query: "):
        grid(sql.format(tmp_path), lake, 1)

    assert not (tmp_path / "out.csv").exists()


def test_damaged_table_is_named(lake, tmp_path):
    log = tmp_path / "lake" / "gold" / "wafer_yield" / "_delta_log"
    for commit in log.glob("*.json"):
        commit.write_text("")

    with pytest.raises(FabYieldError, match=r"gold\.wafer_yield: cannot be opened"):
        grid("select * from gold.wafer_yield", lake, 1)


@pytest.mark.parametrize(
    "sql", ["select sum(good_die) from gold.wafer_yield", "from gold.wafer_yield"]
)
def test_f23_flipped_bit_is_no_answer(lake, tmp_path, sql):
    for file in (tmp_path / "lake" / "gold" / "wafer_yield").glob("*.parquet"):
        flip_bit(file, "good_die")

    with pytest.raises(FabYieldError, match=r"query: .*checksum"):
        grid(sql, lake, 1)


def test_more_rows_than_the_limit_are_cut_off_and_it_says_so(lake):
    heading, first, *caption = printed("select wafer_key from silver.wafers order by 1", lake, 1)

    assert (heading, first) == (["wafer_key"], ["1"])
    assert " ".join(chain(*caption)) == "first 1 rows; --limit shows more"
    assert printed("select wafer_key from silver.wafers order by 1", lake, 2)[1:] == [["1"], ["2"]]


def test_f29_folders_that_are_no_table_names_are_inert(lake, tmp_path):
    for name in ('x"; drop schema gold; --', "a(b", "*", "select", "order", "empty"):
        (tmp_path / "lake" / "gold" / name).mkdir()

    sql = (
        "select good_die, 'a(b' from gold.wafer_yield where 'x\"; drop schema gold; --' <> 'empty'"
    )

    assert printed(f"{sql} order by 1", lake)[1:] == [["7", "a(b"]]


def test_f29_table_named_like_a_word_of_sql_does_not_break_other_queries(lake, tmp_path):
    (tmp_path / "lake" / "gold" / "wafer_yield").rename(tmp_path / "lake" / "gold" / "order")

    assert printed("select wafer_key from silver.wafers order by 1", lake)[1:] == [["1"], ["2"]]
    assert printed('select good_die from gold."order"', lake)[1:] == [["7"]]


@pytest.mark.parametrize(
    ("sql", "named"),
    [
        ("select luck from (select 1 as a)", 'column "luck" not found'),
        ("select 1 from gold.luck", "luck does not exist"),
        ("selekt 1", "syntax error"),
    ],
)
def test_refused_query_says_what_duckdb_says(settings, tmp_path, sql, named):
    mark_layout(settings.lake)

    with pytest.raises(FabYieldError, match=f"(?s)query: .*{named}"):
        grid(sql, settings.lake, 10)


def test_folder_that_is_no_lake_is_named(tmp_path):
    with pytest.raises(ConfigError, match="no lake there"):
        grid("from gold.wafer_yield", str(tmp_path), 10)


def test_folder_without_a_lake_is_named_with_what_to_do(tmp_path):
    with pytest.raises(ConfigError, match="nowhere: no lake there; run `fabyield nightly`"):
        grid("select 1", str(tmp_path / "nowhere"), 10)


def test_times_are_shown_in_utc(settings, tmp_path):
    mark_layout(settings.lake)

    lines = printed("select timestamptz '2026-03-02 12:00:00+02' as at", settings.lake)

    assert lines == [["at"], ["2026-03-02", "10:00:00+00:00"]]


def test_declared_table_that_no_night_has_made_yet_is_empty(lake, tmp_path):
    (tmp_path / "new" / "bronze").mkdir(parents=True)
    mark_layout(f"{tmp_path}/new")

    for table in ALL.values():
        answer = open_lake(f"{tmp_path}/new", f"from {table.table}").sql(f"from {table.table}")
        assert (answer.columns, answer.fetchall()) == (list(table.columns), [])
    for table in (WAFERS, WAFER_YIELD):
        types = [
            open_lake(root, table.table).sql(f"from {table.table}").types
            for root in (lake, f"{tmp_path}/new")
        ]
        assert types[0] == types[1]


def test_misspelt_table_is_proposed(lake):
    with pytest.raises(FabYieldError, match=r"(?s)wafer_yeld.*; did you mean gold\.wafer_yield\?"):
        grid("select * from gold.wafer_yeld", lake, 1)


def test_lake_of_another_layout_is_refused(lake, tmp_path):
    (tmp_path / "lake" / "_layout").write_text("1")

    with pytest.raises(ConfigError, match="a lake of layout 1"):
        grid("select 1", lake, 1)


def test_single_precision_is_printed_with_the_digits_it_is_stored_in(lake):
    assert printed("select 0.1::float as a, null::float as b", lake)[1:] == [["0.1"]]
    rows = answer("select 0.1::float as a", lake)
    assert (as_text(rows, "csv"), as_text(rows, "json")) == ('"a"\n0.1\n', '{"a": 0.1}\n')


def test_nested_values_are_json_in_csv(lake):
    rows = answer("select [1, 2] as a, {'x': date '2026-03-01'} as b, null::int[] as c", lake)

    heading, row = csv.reader(as_text(rows, "csv").splitlines())
    assert (heading, row) == (["a", "b", "c"], ["[1, 2]", '{"x": "2026-03-01"}', ""])


@pytest.mark.parametrize("ending", ["csv", "json", "parquet"])
def test_whole_answer_is_written_to_a_file(lake, tmp_path, ending):
    file = tmp_path / f"wafers.{ending}"
    sql = "select wafer_key, product_id from silver.wafers order by 1"

    write_rows(answer(sql, lake), ending, file)

    readers = {"csv": "read_csv", "json": "read_json", "parquet": "read_parquet"}
    found = duckdb.sql(f"select * from {readers[ending]}('{file}') order by 1").fetchall()
    assert found == [(1, "[red]A[/x]"), (2, None)]


def test_file_that_cannot_be_written_is_named(lake, tmp_path):
    with pytest.raises(FabYieldError, match=r"nowhere/x\.csv: cannot be written"):
        write_rows(answer("select 1", lake), "csv", tmp_path / "nowhere" / "x.csv")


@pytest.mark.parametrize("sql", ["show tables", "SHOW ALL TABLES;"])
def test_tables_are_shown_with_what_a_row_is(lake, sql):
    shown = {row["table"]: row["exists"] for row in answer(sql, lake).to_pylist()}

    assert shown.keys() == ALL.keys()
    assert (shown["gold.wafer_yield"], shown["gold.excursion"]) == (True, False)


@pytest.mark.parametrize("name", ["gold.wafer_yeild", "wafer_yield", "wafer_yeild"])
def test_right_table_is_proposed_for_a_slip(lake, name):
    with pytest.raises(FabYieldError, match=r"did you mean (gold\.)?wafer_yield\?"):
        answer(f"select * from {name}", lake)


@pytest.mark.parametrize("name", named_queries())
def test_view_can_be_asked_of_a_lake_without_its_tables(settings, name):
    mark_layout(settings.lake)

    assert answer(named_query(name), settings.lake).num_rows == 0


def test_wrong_view_lists_the_views():
    with pytest.raises(
        ConfigError, match=r"(?s)did you mean lot_yield\?.*findings: What the night"
    ):
        named_query("lot_yeild")


def test_lot_yield_is_that_of_all_die_of_its_wafers(run, rows):
    wafer = {"lot_id": "K1", "insertion": "CP1", "product_id": "P1", "first_pass_die": 1}
    wafers = [
        wafer | {"wafer_key": 1, "tested_die": 30, "good_die": 27, "final_yield_pct": 90.0},
        wafer | {"wafer_key": 2, "tested_die": 10, "good_die": 5, "final_yield_pct": 50.0},
    ]
    run.store.append(WAFER_YIELD, rows(WAFER_YIELD, *wafers), 1)

    [lot] = answer(named_query("lot_yield"), run.settings.lake).to_pylist()

    names = ("wafers", "tested_die", "first_pass_yield_pct", "final_yield_pct", "lowest_wafer_pct")
    assert [lot[name] for name in names] == [2, 40, 5.0, 80.0, 50.0]


def test_chamber_delta_is_to_the_other_chambers_of_the_step(run, rows):
    at = {"insertion": "CP1", "product_id": "P1", "process_step": "etch", "equipment_id": "E1"}
    wafers = [(1, "A", 90.0), (2, "A", 92.0), (3, "B", 80.0)]
    yields = (
        {"wafer_key": key, "insertion": "CP1", "product_id": "P1", "final_yield_pct": pct}
        for key, _, pct in wafers
    )
    visits = (
        {name: at[name] for name in ("insertion", "process_step", "equipment_id")}
        | {"wafer_key": key, "chamber_id": chamber}
        for key, chamber, _ in wafers
    )
    history = rows(PROCESS_HISTORY_AT_TEST, *visits)
    run.store.append(WAFER_YIELD, rows(WAFER_YIELD, *yields), 1)
    run.store.append(PROCESS_HISTORY_AT_TEST, history, 1)

    found = answer(named_query("chamber_delta"), run.settings.lake).to_pylist()

    assert [(row["chamber"], row["wafers"], row["delta_points"]) for row in found] == [
        ("E1/B", 1, -11.0),
        ("E1/A", 2, 11.0),
    ]


def test_retest_recovery_counts_die_that_failed_first_by_site(run, rows):
    touches = [
        {"die_id": die, "file_key": 7, "site_num": site, "is_first": True, "part_pass": passed}
        for die, site, passed in (("1,1", 1, False), ("2,1", 1, False), ("3,1", 2, True))
    ]
    die = [{"die_id": "1,1", "final_pass": True}, {"die_id": "2,1", "final_pass": False}]
    tables = [(TOUCHDOWNS, touches), (DIE_RESULTS, [*die, {"die_id": "3,1", "final_pass": True}])]
    for table, records in [*tables, (WAFER_RUNS, [{"file_key": 7, "tester_id": "T1"}])]:
        run.store.append(table, rows(table, *records), 1)

    [site] = answer(named_query("retest_recovery"), run.settings.lake).to_pylist()

    names = ("tester_id", "site_num", "first_failed_die", "recovered_die", "recovered_pct")
    assert [site[name] for name in names] == ["T1", 1, 2, 1, 50.0]


def test_units_per_hour_are_touchdowns_over_the_time_of_runs_that_ended(run, rows):
    start = datetime(2026, 3, 1, tzinfo=UTC)
    ended = {"tester_id": "T1", "touchdowns": 500, "started_at": start}
    runs = [
        ended | {"file_key": 1, "finished_at": start + timedelta(minutes=30)},
        ended | {"file_key": 2, "finished_at": None},
    ]
    run.store.append(WAFER_RUNS, rows(WAFER_RUNS, *runs), 1)

    [tester] = answer(named_query("units_per_hour"), run.settings.lake).to_pylist()

    assert (tester["runs"], tester["hours"], tester["units_per_hour"]) == (1, 0.5, 1000.0)


def test_top_prints_open_findings_with_their_evidence(run, rows, capsys):
    found = [
        {"excursion_id": name, "state": state, "finding": f"{name} [b]is bad.", "lost_good_die": n}
        | {"first_found_on": start, "last_found_on": start}
        for name, state, n in (("E1/B", "new", 12.0), ("E2", "ended", 99.0))
        for start in [date(2026, 3, 1)]
    ]
    zone = {"excursion_id": "E1/B", "kind": "zone", "subject": "edge", "evidence_rank": 1}
    zone |= {"value": 65.0, "other_value": 95.0, "difference": -30.0, "unit": "%"}
    run.store.append(EXCURSION, rows(EXCURSION, *found), 1)
    run.store.append(EXCURSION_EVIDENCE, rows(EXCURSION_EVIDENCE, zone), 1)

    top(lake=run.settings.lake)

    assert capsys.readouterr().out.splitlines() == [
        "E1/B [b]is bad.",
        "  new, first found on 2026-03-01, 12 good die lost",
        "  zone      edge: 65 for 95 %, -30.00 points",
    ]
