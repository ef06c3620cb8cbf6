import json
import sqlite3
from datetime import datetime

import pytest

from fabyield.errors import ConfigError, FabYieldError
from fabyield.lake.catalog import FAB_LOTS, FAB_PCM
from fabyield.readers.factory.database import FabDatabase
from fabyield.readers.factory.database_errors import shown
from fabyield.settings.sections import Database

DRIVER = "org.sqlite.JDBC"
LOTS = (
    "create table lots (lot_id text, product_id text, started_at integer, status text,"
    " updated_at integer)"
)
PCM = (
    "create table pcm (lot_id text, wafer_id text, pcm_test text, pcm_value real, unit text,"
    " measured_at integer, updated_at integer)"
)


@pytest.fixture
def database(tmp_path):
    """`database(sql, ...)`: a SQLite file made by these statements, with lots and pcm in it."""

    def build(*statements, **more):
        with sqlite3.connect(tmp_path / "fab.db") as connection:
            for statement in statements:
                connection.execute(statement)
        connection.close()
        names = {"fab_lots": "lots", "fab_pcm": "pcm"}
        return Database(f"jdbc:sqlite:{tmp_path}/fab.db", DRIVER, names, **more)

    return build


@pytest.fixture
def read(spark):
    """`read(database, TABLE)`: all rows of that table."""

    def reading(conf, table):
        database = FabDatabase(spark, conf)
        [source] = database.sources([table])
        return database.rows(source, "F1", None)

    return reading


def test_microseconds_since_1970_survive_as_utc(read, database):
    lots = database(LOTS, "insert into lots values ('A', 'M16G', 1772452800123456, null, null)")

    actual = read(lots, FAB_LOTS).rows.collect()

    at = datetime(2026, 3, 2, 12, 0, 0, 123456)
    assert actual == [("F1", "A", "M16G", at, None, None)]


def test_values_are_doubles_and_nulls_stay_nulls(read, database):
    pcm = database(
        PCM,
        "insert into pcm values ('A', '02', 'vth_n', 0.42, 'V', null, null)",
        "insert into pcm values ('A', '02', 'x', null, '', 0, null)",
    )

    actual = read(pcm, FAB_PCM).rows.orderBy("pcm_test").collect()

    assert actual[0] == ("F1", "A", "02", "vth_n", 0.42, "V", None, None)
    assert actual[1] == ("F1", "A", "02", "x", None, "", datetime(1970, 1, 1), None)


def test_f14_text_where_a_number_belongs_is_refused_and_not_read_as_0(read, database):
    pcm = database(
        PCM,
        "insert into pcm values ('A', '01', 'vth', 'N/A', 'V', 0, 0)",
        "insert into pcm values ('A', '02', 'vth', 0.5, 'V', 0, 0)",
        "insert into pcm values ('A', '03', 'vth', 0.5, 'V', '2026-03-02 08:00:00', 0)",
    )

    actual = read(pcm, FAB_PCM)

    assert [row["wafer_id"] for row in actual.rows.collect()] == ["02"]
    reasons = {json.loads(r["row"])["wafer_id"]: r["reason"] for r in actual.refused.collect()}
    assert reasons == {
        "01": "pcm_value is no number: N/A",
        "03": "measured_at is no number: 2026-03-02 08:00:00",
    }


def test_refused_rows_and_duplicate_keys_are_counted(read, database):
    pcm = database(
        PCM,
        "insert into pcm values ('A', '01', 'vth', 'N/A', 'V', 0, 0)",
        *(f"insert into pcm values ('A', '02', 'vth', 0.5, 'V', {at}, 0)" for at in (1, 2, 3)),
        *(f"insert into pcm values (null, '02', 'vth', 0.5, 'V', {at}, 0)" for at in (1, 2)),
    )
    key = ["lot_id", "wafer_id", "pcm_test"]

    assert read(pcm, FAB_PCM).count(key, ["lot_id"]) == (1, 2)


def test_missing_database_file_is_not_created(read, tmp_path):
    path = tmp_path / "none.db"
    lost = Database(f"jdbc:sqlite:{path}", DRIVER, {"fab_lots": "lots"})

    with pytest.raises(ConfigError, match=f"{path}: no such factory database"):
        read(lost, FAB_LOTS)

    assert not path.exists()


def test_missing_table_is_named(read, database):
    with pytest.raises(FabYieldError, match=r"table lots: .*no such table"):
        read(database(), FAB_LOTS)


def test_missing_column_is_named_with_the_existing_ones(read, database):
    lots = database(LOTS.replace(" product_id text,", ""))

    with pytest.raises(FabYieldError, match="lots: no column product_id; it has lot_id, started"):
        read(lots, FAB_LOTS)


def test_table_without_a_source_in_conf_is_named(read):
    with pytest.raises(ConfigError, match=r"database\.tables: no name for fab_lots"):
        read(Database("jdbc:sqlite:x", DRIVER, {}), FAB_LOTS)


def told(read, database):
    with pytest.raises(FabYieldError) as raised:
        read(database, FAB_LOTS)
    return f"{raised.value!r} {raised.value.__cause__!r}"


def test_f30_password_is_in_no_message(read):
    names = {"fab_lots": "lots"}
    urls = ["jdbc:postgresql://localhost:1/fab?password=hunter2", "jdbc:postgres:hunter2@x"]

    for url in urls:
        assert "hunter2" not in told(read, Database(url, "org.postgresql.Driver", names))
    named = Database("jdbc:none:hunter2", "org.sqlite.JDBC", names, "fab", "hunter2")
    assert "hunter2" not in told(read, named)


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("jdbc:postgresql://db.example:5432/fab", "jdbc:postgresql://db.example:5432/fab"),
        ("jdbc:postgresql://db/fab?password=hunter2", "jdbc:postgresql://db/fab"),
        ("jdbc:sqlserver://db:1433;password=hunter2", "jdbc:sqlserver://db:1433"),
        ("jdbc:postgresql://fab:12?hunter@db/fab", "jdbc:postgresql"),
        ("jdbc:postgresql://fab:hunter2@db/fab", "jdbc:postgresql"),
        ("jdbc:oracle:thin:fab/hunter2@db:1521/fab", "jdbc:oracle"),
        ("jdbc:sqlite:var/fab.db?password=hunter2", "jdbc:sqlite:var/fab.db"),
    ],
)
def test_f30_only_the_part_of_a_url_without_secrets_is_shown(url, told):
    assert shown(url) == told
