"""Nights over a factory database: what they read of it, and that the lake ends as the source is."""

import logging
import sqlite3
from dataclasses import replace

import psycopg
import pytest
from delta import DeltaTable
from fabyield.jobs.fab_tables import NEEDED, OPTIONAL
from pyspark.sql import functions as F

from fabsim.factory.rows import delivery_span
from fabsim.factory.write_database import deliver
from fabsim.line.history import LineRun
from fabyield.errors import ConfigError, DataQualityError, FabYieldError
from fabyield.lake.catalog import (
    ALL,
    FAB_LOT_HISTORY,
    FAB_LOTS,
    FAB_PCM,
    FAB_PROCESS_HISTORY,
    QUARANTINE,
)
from fabyield.lake.store import Store
from fabyield.pipeline.ingest.factory_tables import ingest_factory
from fabyield.pipeline.run import Run
from fabyield.pipeline.run_history import Attempt
from fabyield.readers.factory.database import FabDatabase
from tests.plans import small_plan
from tests.postgresql import PASSWORD

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("unaudited")]
TABLES = (*NEEDED, *OPTIONAL)
NIGHTS = 5
DAY = 86_400_000_000


@pytest.fixture(scope="module")
def built():
    return LineRun.until(small_plan("dirty_night", 2, 3), NIGHTS)


@pytest.fixture(scope="module")
def simulated(postgresql, built):
    """A database as it stands before the last night; tests take copies."""
    then = LineRun.until(built.plan, NIGHTS - 1)
    deliver(then, postgresql.create("simulated"), delivery_span(then, range(1, NIGHTS)))
    return "simulated"


class Fab:
    """A lake, the database it is filled from, and the nights in which that happens."""

    def __init__(self, spark, settings, conf, execute, url=""):
        self.store, self.execute, self.url = Store(spark, settings.lake), execute, url
        self.settings = replace(settings, database=conf)
        self.nights, self.seen = 0, {}

    def night(self, *tables, full=False, optional=()):
        self.nights += 1
        attempt = Attempt(self.nights, "fab_tables")
        since = 0 if full else self.nights - 1
        run = Run(self.store, self.settings, attempt, since, self.seen)
        ingest_factory(run, tables, optional)
        self.seen = {table.table: self.store.version(table) for table in tables}
        return run

    def conf(self, **changes):
        database = replace(self.settings.database, **changes)
        self.settings = replace(self.settings, database=database)

    def rows(self, table):
        return sorted(map(str, self.store.read(table).drop("batch").collect()))

    def stored(self, table):
        """The rows of the lake as the database would spell them."""
        times = [name for name, column in table.columns.items() if column.type == "timestamp"]
        rows = self.store.read(table).withColumns({n: F.unix_micros(n) for n in times})
        return sorted(map(str, map(tuple, rows.drop("fab_id", "batch").collect())))

    def there(self, table):
        """The rows of the database."""
        columns = [name for name in table.columns if name not in ("fab_id", "batch")]
        name = self.settings.database.tables[table.name]
        with psycopg.connect(self.url) as connection:
            return sorted(map(str, connection.execute(f"select {','.join(columns)} from {name}")))

    def read(self, table):
        """Of each night: whether all was read, how many rows, and how many are known to lack."""
        reads = self.store.read(ALL["ops.factory_reads"]).where(f"table = '{table.table}'")
        rows = reads.orderBy("batch").select("whole", "rows_read", "rows_lacking").collect()
        return [tuple(row) for row in rows]


@pytest.fixture
def fab(spark, settings, postgresql, simulated, request):
    """A lake without tables over a copy of the simulated database."""
    name = f"fab{abs(hash(request.node.name))}"
    postgresql.create(name, like=simulated)
    conf = replace(settings.database, **postgresql.jdbc(name))
    here = postgresql.url_of(name)
    return Fab(spark, settings, conf, lambda *sql: postgresql.execute(name, *sql), here)


@pytest.fixture
def database(fab):
    """The name of the fab's database."""
    return fab.settings.database.url.rpartition("/")[2]


def newest(table):
    return f"(select max(updated_at) from {table})"


def test_second_night_reads_only_what_is_new_and_ends_as_the_source_is(
    fab, database, built, postgresql
):
    fab.conf(overlap_seconds=3_600)
    fab.night(*TABLES)
    before = len(postgresql.queries(database))
    there = fab.store.read(FAB_PROCESS_HISTORY).count()
    deliver(built, postgresql.url_of(database), delivery_span(built, range(NIGHTS, NIGHTS + 1)))

    fab.night(*TABLES)

    asked = postgresql.queries(database)[before:]
    history = [q for q in asked if " FROM process_history " in q and "1=0" not in q]
    assert ['WHERE (("updated_at" IS NULL) OR ("updated_at" >= ' in q for q in history] == [True]
    (first, read, _), (second, read_then, _) = fab.read(FAB_PROCESS_HISTORY)
    new = fab.store.read(FAB_PROCESS_HISTORY).count() - there
    assert (first, read, second, 0 < new <= read_then < new + 50) == (True, there, False, True)
    assert {t.name: fab.stored(t) for t in TABLES} == {t.name: fab.there(t) for t in TABLES}


def test_row_changed_within_the_overlap_arrives_and_one_before_it_does_not(fab):
    fab.night(FAB_PCM)
    touch = "update pcm set unit = 'mV', updated_at = updated_at - {0} where updated_at = {1}"
    moved = fab.execute(touch.format(DAY // 2, newest("pcm")))

    fab.night(FAB_PCM)

    assert fab.store.read(FAB_PCM).where("unit = 'mV'").count() == moved > 0
    assert [whole for whole, _, _ in fab.read(FAB_PCM)] == [True, False]
    unseen = "update pcm set unit = 'kV' where updated_at = (select min(updated_at) from pcm)"
    assert fab.execute(unseen) > 0
    fab.night(FAB_PCM)
    assert fab.store.read(FAB_PCM).where("unit = 'kV'").isEmpty()
    fab.night(FAB_PCM, full=True)
    assert not fab.store.read(FAB_PCM).where("unit = 'kV'").isEmpty()


def test_f21_column_that_the_source_gains_alerts_once_and_is_not_read(fab):
    fab.night(FAB_LOTS)
    before = fab.rows(FAB_LOTS)
    fab.execute("alter table lots add column priority integer default 3")

    second, third = fab.night(FAB_LOTS), fab.night(FAB_LOTS)

    [alert] = second.notices
    assert "lots has new columns, which are not read: priority" in str(alert)
    assert third.notices == []
    assert fab.rows(FAB_LOTS) == before


def test_f21_type_that_the_source_changes_stops_the_night_and_is_named(fab):
    fab.night(FAB_LOTS, FAB_PCM)
    before = fab.rows(FAB_LOTS), fab.rows(FAB_PCM)
    fab.execute("alter table pcm alter column pcm_value type bytea using null")
    fab.execute("update lots set status = 'lost', updated_at = updated_at + 1")

    with pytest.raises(FabYieldError, match=r"table pcm: .*value"):
        fab.night(FAB_LOTS, FAB_PCM)

    assert (fab.rows(FAB_LOTS), fab.rows(FAB_PCM)) == before


def test_row_deleted_at_the_source_leaves_the_lake_the_same_night(fab, caplog):
    caplog.set_level(logging.INFO, "fabyield")
    fab.night(FAB_LOTS)
    there = fab.store.read(FAB_LOTS).count()
    fab.execute("delete from lots where lot_id = 'K1001'")

    run = fab.night(FAB_LOTS)

    assert fab.store.read(FAB_LOTS).where("lot_id = 'K1001'").isEmpty()
    assert fab.read(FAB_LOTS) == [(True, there, 0), (True, there - 1, 0)]
    why = f"{there - 1} rows in the source, {there} stored, 0 refused"
    assert (
        caplog.text.count("bronze.fab_lots: rereading the whole table, rows were deleted or") == 1
    )
    assert why in caplog.text
    assert len(run.attempt.tables) == 4


def test_table_that_was_restored_is_read_whole_and_loses_no_change(fab):
    fab.night(FAB_LOTS)
    first = fab.store.version(FAB_LOTS)
    there = fab.store.read(FAB_LOTS).count()
    # Not within the overlap of what comes last.
    changed = "update lots set status = 'scrapped', updated_at = {} where lot_id = 'K1001'"
    fab.execute(changed.format(newest("lots")))
    late = f"insert into lots values ('X1', 'M16G', null, 'held', {newest('lots')} + 9 * {DAY})"
    fab.night(FAB_LOTS)
    fab.execute(late)
    fab.night(FAB_LOTS)
    before = fab.rows(FAB_LOTS)

    stored = DeltaTable.forPath(fab.store.spark, fab.store.path(FAB_LOTS))
    stored.restoreToVersion(first)
    assert fab.rows(FAB_LOTS) != before
    fab.night(FAB_LOTS)

    assert fab.rows(FAB_LOTS) == before
    assert fab.read(FAB_LOTS)[-1] == (True, there + 1, 0)


def test_row_that_came_later_than_the_overlap_arrives_the_same_night(fab):
    fab.night(FAB_PCM)
    late = f"select lot_id, wafer_id, 'late', 1.0, 'V', 0, {newest('pcm')} - 9 * {DAY}::bigint"
    fab.execute(f"insert into pcm {late} from pcm limit 1")

    fab.night(FAB_PCM)

    assert fab.store.read(FAB_PCM).where("pcm_test = 'late'").count() == 1
    assert [whole for whole, _, _ in fab.read(FAB_PCM)] == [True, True]


def test_row_without_a_watermark_arrives_and_is_brought_up_to_date(fab):
    fab.night(FAB_LOTS)
    fab.execute("insert into lots values ('X1', 'M16G', null, 'held', null)")
    fab.night(FAB_LOTS)
    fab.execute("update lots set status = 'sorted' where lot_id = 'X1'")
    fab.night(FAB_LOTS)

    [lot] = fab.store.read(FAB_LOTS).where("lot_id = 'X1'").collect()
    assert (lot["status"], lot["updated_at"], lot["batch"]) == ("sorted", None, 3)
    assert [whole for whole, _, _ in fab.read(FAB_LOTS)] == [True, False, False]


def test_refused_rows_do_not_make_every_night_read_all(fab):
    fab.conf(overlap_seconds=0)
    bad = "update pcm set pcm_value = 1e300 where pcm_test = 'vth_n' and updated_at {0} {1}"
    old = fab.execute(bad.format("<", newest("pcm")))
    fab.night(FAB_PCM)
    new = fab.execute(bad.format("=", newest("pcm")))
    fab.night(FAB_PCM)
    fab.night(FAB_PCM)

    assert (old > 0, new > 0) == (True, True)
    # Tonight's were stored when they were good, and an incremental night deletes nothing.
    assert [(whole, lacking) for whole, _, lacking in fab.read(FAB_PCM)] == [
        (True, old),
        (False, old),
        (False, old),
    ]
    fab.execute(f"update pcm set pcm_value = 0, updated_at = {newest('pcm')}")
    fab.night(FAB_PCM)
    assert fab.read(FAB_PCM)[-1][::2] == (True, 0)


def test_new_rows_that_are_refused_do_not_count_as_missing(fab):
    fab.night(FAB_PCM)
    new = f"select lot_id, wafer_id, 'new', 1e300, 'V', 0, {newest('pcm')}"
    fab.execute(f"insert into pcm {new} from pcm where pcm_test = 'vth_n' limit 2")

    fab.night(FAB_PCM)
    fab.night(FAB_PCM)
    fab.execute("delete from pcm where pcm_test = 'new'")
    fab.night(FAB_PCM)

    nights = [(whole, lacking) for whole, _, lacking in fab.read(FAB_PCM)]
    assert nights == [(True, 0), (False, 2), (False, 2), (True, 0)]
    assert fab.store.read(QUARANTINE).where("batch = 2").count() == 2


def test_of_rows_with_one_key_the_last_changed_counts_and_the_others_alert(fab):
    fab.execute("alter table pcm drop constraint pcm_pkey")
    again = f"select lot_id, wafer_id, pcm_test, 7.5, unit, measured_at, {newest('pcm')} + 1"
    fab.night(FAB_PCM)
    before = fab.store.read(FAB_PCM).count()
    fab.execute(f"insert into pcm {again} from pcm limit 1")

    night = fab.night(FAB_PCM)
    fab.night(FAB_PCM)

    assert "1 rows have the key of one that changed later" in str(night.notices[0])
    assert fab.store.read(FAB_PCM).count() == before
    assert fab.store.read(FAB_PCM).where("pcm_value = 7.5").count() == 1
    nights = [(whole, lacking) for whole, _, lacking in fab.read(FAB_PCM)]
    assert nights == [(True, 0), (True, 1), (False, 1)]


def test_row_that_is_refused_again_hides_no_row_that_came_late(fab):
    fab.night(FAB_PCM)
    new = f"select lot_id, wafer_id, 'new', 1e300, 'V', 0, {newest('pcm')}"
    fab.execute(f"insert into pcm {new} from pcm where pcm_test = 'vth_n' limit 1")
    fab.night(FAB_PCM)
    late = f"select lot_id, wafer_id, 'late', 1.0, 'V', 0, {newest('pcm')} - 9 * {DAY}::bigint"
    fab.execute(f"insert into pcm {late} from pcm limit 1")

    fab.night(FAB_PCM)

    assert fab.store.read(FAB_PCM).where("pcm_test = 'late'").count() == 1
    nights = [(whole, lacking) for whole, _, lacking in fab.read(FAB_PCM)]
    assert nights == [(True, 0), (False, 1), (True, 1)]


def test_rows_that_come_while_others_are_read_are_no_reason_to_read_all(fab, monkeypatch):
    fab.night(FAB_LOTS)
    newer = f"values ('X1', 'M16G', null, 'in process', {newest('lots')} + 1)"
    reading = FabDatabase.rows

    def busy(database, *how):
        fab.execute(f"insert into lots {newer} on conflict do nothing")
        return reading(database, *how)

    monkeypatch.setattr(FabDatabase, "rows", busy)
    fab.night(FAB_LOTS)
    fab.night(FAB_LOTS)

    assert [whole for whole, _, _ in fab.read(FAB_LOTS)] == [True, False, False]
    assert fab.store.read(FAB_LOTS).where("lot_id = 'X1'").count() == 1


def test_f17_watermark_of_the_future_does_not_hide_what_changes_until_then(fab):
    fab.execute("update lots set updated_at = 4102444800000000 where lot_id = 'K1001'")
    fab.night(FAB_LOTS)
    late = newest("lots where lot_id <> 'K1001'")
    fab.execute(
        f"update lots set status = 'held', updated_at = {late} where lot_id = 'K1002'",
    )

    fab.night(FAB_LOTS)

    assert fab.store.read(FAB_LOTS).where("status = 'held'").count() == 1
    assert [whole for whole, _, _ in fab.read(FAB_LOTS)] == [True, False]


def test_source_that_is_suddenly_empty_stops_the_night_and_deletes_nothing(fab):
    fab.night(FAB_LOTS)
    there = fab.rows(FAB_LOTS)
    fab.execute("delete from lots")

    with pytest.raises(DataQualityError, match=r"bronze\.fab_lots: its source has no valid row"):
        fab.night(FAB_LOTS)

    assert fab.rows(FAB_LOTS) == there


def test_other_fabs_rows_are_neither_counted_nor_touched(fab):
    fab.night(FAB_LOTS)
    named = replace(fab.settings.fab, fab_id="FAB2")
    other = replace(fab.settings, fab=named)
    fab.settings, here = other, fab.settings
    fab.night(FAB_LOTS)
    fab.settings = here
    fab.execute("delete from lots where lot_id = 'K1001'")

    fab.night(FAB_LOTS)

    left = fab.store.read(FAB_LOTS).where("lot_id = 'K1001'").select("fab_id").collect()
    assert [row["fab_id"] for row in left] == ["FAB2"]


def test_time_stamps_with_zones_go_on_where_they_were(fab):
    kind = "alter column updated_at type timestamptz using to_timestamp(updated_at / 1e6)"
    fab.execute(f"alter table lots {kind}")
    fab.night(FAB_LOTS)
    fab.execute(
        "insert into lots select 'X1', 'M16G', null, 'new', max(updated_at) from lots",
        "update lots set status = 'old' where updated_at < (select max(updated_at) from lots)"
        " - interval '25 hours'",
    )

    fab.night(FAB_LOTS)

    states = {row["status"] for row in fab.store.read(FAB_LOTS).collect()}
    assert ("new" in states, "old" in states) == (True, False)


def test_partitions_fill_the_lake_like_one_query(fab, database, postgresql):
    fab.night(FAB_PROCESS_HISTORY)
    alone = fab.rows(FAB_PROCESS_HISTORY)
    before = len(postgresql.queries(database))
    fab.conf(partitions=4)

    fab.night(FAB_PROCESS_HISTORY, full=True)

    asked = postgresql.queries(database)[before:]
    assert fab.rows(FAB_PROCESS_HISTORY) == alone
    assert len([q for q in asked if " FROM process_history " in q and "1=0" not in q]) == 4


def test_database_that_stops_in_the_middle_fails_in_one_line(fab):
    fab.execute(
        "create function slot_of(slot int) returns int language plpgsql as"
        " 'begin if slot = 2 then raise exception using errcode = ''57P01''; end if;"
        " return slot; end'",
        "create view stopping as select lot_id, wafer_id, slot_of(slot) slot, started_at,"
        " updated_at from wafers",
    )
    fab.conf(tables=fab.settings.database.tables | {"fab_wafers": "stopping"})

    with pytest.raises(FabYieldError, match=r"it was stopped, or .* \(SQLState 57P01\)$") as raised:
        fab.night(ALL["bronze.fab_wafers"])

    assert PASSWORD not in str(raised.value)


def test_optional_tables_that_a_site_does_not_have_stay_empty(fab, caplog):
    caplog.set_level(logging.INFO, "fabyield")
    fab.conf(tables={"fab_lots": "lots", "fab_lot_history": ""})

    fab.night(FAB_LOTS, optional=OPTIONAL)

    assert [(fab.store.exists(t), fab.rows(t)) for t in OPTIONAL] == [(True, [])] * 2
    assert caplog.text.count("fab_lot_history: database.tables names none, so nothing is re") == 1
    with pytest.raises(ConfigError, match="no name for fab_lot_history"):
        fab.night(FAB_LOT_HISTORY)


def test_watermark_of_a_table_that_has_none_is_refused(fab):
    fab.conf(watermarks={"fab_products": "updated_at", "fab_lost": "x", "fab_pcm": ""})

    with pytest.raises(ConfigError, match=r"fab_lost, fab_products: a watermark can be named for "):
        fab.night(*TABLES)


def test_sqlite_is_read_by_what_changed_too(spark, settings, built, tmp_path):
    path = tmp_path / "fab.db"
    then = LineRun.until(built.plan, NIGHTS - 1)
    deliver(then, f"sqlite:///{path}", delivery_span(then, range(1, NIGHTS)))

    def execute(statement):
        with sqlite3.connect(path) as connection:
            return connection.execute(statement).rowcount

    fab = Fab(spark, settings, replace(settings.database, url=f"jdbc:sqlite:{path}"), execute)
    fab.night(FAB_PCM)
    there = fab.store.read(FAB_PCM).count()
    deliver(built, f"sqlite:///{path}", delivery_span(built, range(NIGHTS, NIGHTS + 1)))
    text = (
        f"update pcm set pcm_value = 'N/A', updated_at = {newest('pcm')} where pcm_test = 'vth_n'"
    )
    assert execute(f"{text} and updated_at = {newest('pcm')}") > 0

    fab.night(FAB_PCM)

    (_, first, _), (whole, second, _) = fab.read(FAB_PCM)
    assert (whole, first, 0 < second < there) == (False, there, True)
    assert not fab.store.read(QUARANTINE).where("reason = 'pcm_value is no number: N/A'").isEmpty()
