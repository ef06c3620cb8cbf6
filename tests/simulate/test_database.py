import sqlite3
from contextlib import closing
from datetime import UTC, datetime

import pytest


@pytest.fixture(scope="module")
def query(fab):
    def run(sql: str, *values: object) -> list[tuple]:
        with closing(sqlite3.connect(fab.database)) as connection:
            return connection.execute(sql, values).fetchall()

    return run


def test_times_are_microseconds_in_utc(query):
    ((started,),) = query("select started_at from lots where lot_id = 'K1001'")

    moment = datetime.fromtimestamp(started / 1e6, UTC)
    assert moment == datetime(2026, 3, 1, 23, 0, tzinfo=UTC)


def test_wafers_are_spelt_with_two_digits(query):
    assert query("select wafer_id, slot from wafers where lot_id = 'K1002'") == [
        ("01", 1),
        ("02", 2),
    ]


def test_last_lot_is_processed_and_measured_but_not_sorted(fab, query):
    lots = query("select lot_id, status from lots where product_id = 'M16G' order by lot_id")

    assert [status for _, status in lots] == ["sorted"] * 5 + ["processed"]
    assert query("select count(*) from process_history where lot_id = 'K1006'") == [(2 * 8,)]
    assert query("select count(*) from pcm where lot_id = 'K1006'") == [(2 * 10,)]
    assert not list(fab.landing.glob("*K1006*"))


def test_pcm_comes_after_the_last_step(query):
    early = """select count(*) from pcm join process_history using (lot_id, wafer_id)
               where measured_at <= ended_at"""

    assert query(early) == [(0,)]
    assert query("select count(distinct pcm_test) from pcm") == [(10,)]


def test_wafers_of_the_real_files_are_known_by_name_only(query):
    assert query("select * from products where product_id = 'GOLD8BAR'") == [
        ("GOLD8BAR", 1456, None, None, None)
    ]
    assert query("select lot_id, started_at from lots where product_id = 'GOLD8BAR'") == [
        ("GAL-LOT", None)
    ]
    assert query("select wafer_id, started_at from wafers where lot_id = 'GAL-LOT'") == [
        ("02", None),
        ("03", None),
    ]


def test_gross_die_are_the_die_that_are_probed(query, fab):
    (row,) = query("select * from products where product_id = 'M16G'")

    assert row == ("M16G", 61, 29.0, 30.0, 300.0)
    assert fab.read("K1001", "01").wafers["die_wid"].to_pylist() == [29.0]
