"""A factory database in PostgreSQL: the queries it gets, its types and its errors."""

import json
import re
from dataclasses import replace
from datetime import datetime

import pytest

from fabyield.errors import FabYieldError
from fabyield.lake.catalog import FAB_LOTS, FAB_PCM, FAB_PRODUCTS, FAB_WAFERS
from fabyield.readers.factory.database import FabDatabase
from fabyield.settings.sections import Database
from tests.postgresql import PASSWORD

LOTS = (
    "create table lots (lot_id text, product_id text, status text, started_at {0}, updated_at {0})"
)
AT = datetime(2026, 3, 2, 3, 0, 0, 123456)
MICROS = 1_772_420_400_123_456
HOUR = 3_600_000_000
# Twenty lots, one an hour, and one that does not say when it was changed.
HOURLY = (
    "insert into lots select 'L' || h, 'M16G', 'sorted', null, {0} from generate_series(0, 19) h",
    "insert into lots values ('never', 'M16G', 'sorted', null, null)",
)
KINDS = {
    "bigint": f"{MICROS} + h * {HOUR}::bigint",
    "numeric": f"{MICROS} + h * {HOUR}::bigint",
    "timestamptz": "timestamptz '2026-03-02 12:00:00.123456+09' + h * interval '1 hour'",
}


@pytest.fixture
def fab(postgresql, request):
    """`fab(sql, ...)`: conf of a new database, named after the test, in which these were run."""

    def build(*statements, **more):
        name = "t" + re.sub(r"\W", "_", request.node.name.lower())[-60:]
        postgresql.create(name)
        postgresql.execute(name, "select 1", *statements)
        url = f"jdbc:postgresql://127.0.0.1:{postgresql.port}/{name}"
        tables = {t: t.removeprefix("fab_") for t in ("fab_lots", "fab_pcm", "fab_products")}
        tables["fab_wafers"] = "wafers"
        marks = {"fab_lots": "updated_at"}
        return Database(
            url, "org.postgresql.Driver", tables, "fab", PASSWORD, **({"watermarks": marks} | more)
        )

    return build


@pytest.fixture
def asked(postgresql):
    """`asked(conf)`: the queries that arrived, but those that only look at columns or count."""

    def look(conf):
        queries = postgresql.queries(conf.url.rpartition("/")[2])
        return [q for q in queries if "WHERE 1=0" not in q and "count(*)" not in q]

    return look


def read(spark, conf, table=FAB_LOTS, since=None):
    database = FabDatabase(spark, conf)
    [source] = database.sources([table])
    counted = database.count(source) if source.changed else None
    return database.rows(source, "F1", counted, since)


def refusal(spark, conf, *tables):
    with pytest.raises(FabYieldError) as raised:
        FabDatabase(spark, conf).sources(tables or [FAB_LOTS])
    text = str(raised.value)
    assert "\n" not in text
    assert not [secret for secret in (PASSWORD, "hunter2") if secret in text]
    assert raised.value.__cause__ is None
    assert raised.value.__suppress_context__ or raised.value.__context__ is None
    return text


@pytest.mark.parametrize("kind", KINDS)
def test_times_are_utc_as_numbers_and_as_timestamps(spark, fab, kind):
    time = KINDS[kind].replace("h *", "0 *")
    conf = fab(LOTS.format(kind), f"insert into lots select 'A', 'P', 'sorted', {time}, {time}")

    assert read(spark, conf).rows.collect() == [("F1", "A", "P", AT, "sorted", AT)]


@pytest.mark.parametrize("kind", KINDS)
def test_only_changed_rows_and_rows_without_a_time_are_queried(spark, fab, asked, kind):
    conf = fab(LOTS.format(kind), *(s.format(KINDS[kind]) for s in HOURLY))

    since = MICROS + 18 * HOUR
    rows = read(spark, conf, since=since).rows.collect()

    assert {row["lot_id"] for row in rows} == {"L18", "L19", "never"}
    [query] = asked(conf)
    low = "'2026-03-02 21:00:00.123456'" if kind == "timestamptz" else str(since)
    where = rf'WHERE \(\("updated_at" IS NULL\) OR \("updated_at" >= {low}(\.0+)?\)\)'
    assert re.search(where, query)


def test_only_the_columns_of_the_table_are_queried(spark, fab, asked):
    conf = fab(LOTS.format("bigint"), "alter table lots add price numeric, add note text")

    read(spark, conf).rows.collect()

    [source] = FabDatabase(spark, conf).sources([FAB_LOTS])
    [query] = asked(conf)
    columns = re.findall(r'"(\w+)"', query.partition(" FROM ")[0])
    assert sorted(columns) == ["lot_id", "product_id", "started_at", "status", "updated_at"]
    assert source.unread == ("note", "price")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("since", [None, MICROS + 4 * HOUR])
def test_partitions_give_the_rows_of_one_read(spark, fab, asked, kind, since):
    one = fab(LOTS.format(kind), *(s.format(KINDS[kind]) for s in HOURLY))
    alone = sorted(read(spark, one, since=since).rows.collect(), key=str)
    before = len(asked(one))

    split = read(spark, replace(one, partitions=4), since=since)
    parts = [len(part) for part in split.rows.rdd.glom().collect()]

    assert len(asked(one)) - before == 4
    assert (sum(parts), min(parts) > 1) == (len(alone), True)
    assert sorted(split.rows.collect(), key=str) == alone


def test_rows_are_read_once_for_all_uses(spark, fab, asked):
    conf = fab(LOTS.format("numeric"), *(s.format(KINDS["numeric"]) for s in HOURLY))

    found = read(spark, conf)

    assert [found.rows.count(), found.refused.count(), found.rows.count()] == [21, 0, 21]
    assert len(asked(conf)) == 1


def test_rows_are_counted_by_the_database(spark, fab, postgresql):
    conf = fab(LOTS.format("timestamptz"), *(s.format(KINDS["timestamptz"]) for s in HOURLY))
    database = FabDatabase(spark, conf)

    counted = database.count(database.sources([FAB_LOTS])[0])

    assert (counted.rows, counted.oldest, counted.newest) == (21, MICROS, MICROS + 19 * HOUR)
    asked = [q for q in postgresql.queries(conf.url.rpartition("/")[2]) if "WHERE 1=0" not in q]
    [query] = asked
    assert 'count(*) n, min("updated_at") a, max("updated_at") b from lots' in query


def test_numbers_of_other_widths_are_converted_if_they_fit(spark, fab):
    conf = fab(
        "create table products (product_id varchar(8), gross_die numeric, die_width_mm real,"
        " die_height_mm numeric, wafer_diameter_mm smallint)",
        "insert into products values ('A', 400, 7.5, 8.25, 300), ('B', 400.5, 1, 1, 300)",
        "insert into products values ('C', 3000000000, 1, 1, 300), ('D', null, null, 'NaN', null)",
    )

    found = read(spark, conf, FAB_PRODUCTS)

    rows = {row["product_id"]: row for row in found.rows.collect()}
    assert rows["A"] == ("F1", "A", 400, 7.5, 8.25, 300.0)
    assert (rows["D"]["gross_die"], str(rows["D"]["die_height_mm"])) == (None, "nan")
    reasons = {json.loads(r["row"])["product_id"]: r["reason"] for r in found.refused.collect()}
    assert reasons.keys() == {"B", "C"}
    assert reasons["B"].startswith("gross_die is no int: 400.5")


def test_whole_numbers_can_be_names_of_wafers(spark, fab):
    conf = fab(
        "create table wafers (lot_id text, wafer_id int, slot bigint, started_at bigint)",
        "insert into wafers values ('A', 7, 7, null)",
    )

    assert read(spark, conf, FAB_WAFERS).rows.collect() == [("F1", "A", "7", 7, None, None)]


def test_watermark_can_have_another_or_our_name(spark, fab):
    lots = LOTS.format("bigint").replace("updated_at", '"Changed"')
    conf = fab(lots, f"insert into lots values ('A', 'P', 'sorted', {MICROS}, {MICROS + HOUR})")
    other = replace(conf, watermarks={"fab_lots": "Changed"})
    ours = replace(conf, watermarks={"fab_lots": "started_at"})
    none = replace(conf, watermarks={"fab_lots": ""})

    found = [read(spark, one).rows.collect()[0]["updated_at"] for one in (other, ours, none)]

    assert found == [AT.replace(hour=4), AT, None]


def test_all_problems_of_all_tables_are_reported_before_a_row_is_read(spark, fab, asked):
    conf = fab(
        "create table lots (lot_id text, status text, started_at timestamp, changed bigint)",
        "create table pcm (lot_id text, wafer_id text, pcm_test text, pcm_value text, unit text,"
        " measured_at int)",
    )

    told = refusal(spark, conf, FAB_LOTS, FAB_PCM, FAB_WAFERS)

    named = "updated_at is named by database.watermarks; it has lot_id, status, started_at, changed"
    assert f"table lots: no column product_id, updated_at; {named}" in told
    assert "table lots: column started_at is timestamp, it must be timestamptz, or micro" in told
    assert "table pcm: column pcm_value is text, it must be a number" in told
    assert "table pcm: column measured_at is int4, it must be timestamptz, or microsec" in told
    assert "table wafers: no such table; see database.tables" in told
    assert asked(conf) == []


def test_f30_wrong_password_is_reported_without_it(spark, fab, postgresql):
    conf = fab(LOTS.format("bigint"))

    told = refusal(spark, replace(conf, password="hunter2"))

    place = f"jdbc:postgresql://127.0.0.1:{postgresql.port}/"
    assert told.startswith(f"factory database {place}")
    assert "refuses the user or the password; see database.user and database.password" in told
    assert "(SQLState 28P01)" in told


def test_f30_secrets_of_the_url_are_not_reported(spark, fab):
    conf = replace(fab(), user="", password="")

    asked = refusal(spark, replace(conf, url=f"{conf.url}?user=fab&password=hunter2"))
    named = refusal(spark, replace(conf, url=conf.url.replace("//", "//fab:hunter2@")))
    closed = refusal(spark, replace(conf, url="jdbc:postgresql://127.0.0.1:1/x?password=hunter2"))

    assert f"{conf.url}, table lots: it refuses the user or the password" in asked
    assert named.startswith("factory database jdbc:postgresql, table lots: ")
    assert "jdbc:postgresql://127.0.0.1:1/x, table lots: it does not answer; check" in closed


def test_unknown_database_and_host_are_reported(spark, fab):
    conf = fab()

    nowhere = refusal(spark, replace(conf, url="jdbc:postgresql://no-host.invalid/fab"))
    assert "it has no database of that name; see the end of database.url" in refusal(
        spark, replace(conf, url=f"{conf.url}_2")
    )
    assert "no-host.invalid/fab, table lots: it does not answer; check that it runs" in nowhere


def test_missing_or_wrong_driver_is_reported(spark, fab):
    conf = fab()

    missing = refusal(spark, replace(conf, driver="com.example.Driver"))
    other = refusal(spark, replace(conf, url="jdbc:mysql://host/fab"))

    assert "no class com.example.Driver on Spark's class path; see database.driver" in missing
    assert "org.postgresql.Driver does not accept database.url" in other


def test_all_tables_that_the_user_may_not_read_are_reported(spark, fab):
    pcm = "create table pcm (lot_id text)"
    conf = fab(LOTS.format("bigint"), pcm, f"create role guest login password '{PASSWORD}'")

    told = refusal(spark, replace(conf, user="guest"), FAB_LOTS, FAB_PCM)

    assert "table lots: its user may not read this; GRANT SELECT on it" in told
    assert "table pcm: its user may not read this; GRANT SELECT on it" in told
