import io
from itertools import chain

import pytest
from rich.console import Console

from fabyield.cli.query import grid
from fabyield.errors import ConfigError, FabYieldError
from fabyield.lake.catalog import ALL, WAFER_YIELD, WAFERS
from fabyield.lake.layout import mark_layout
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
