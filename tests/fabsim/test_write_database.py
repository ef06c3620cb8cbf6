"""The rows of the factory database night by night, and passwords that stay secret."""

import sqlite3

import pytest
from sqlalchemy.engine import make_url

from fabsim.calendar import DAY, HOUR, NEVER
from fabsim.factory.rows import changed_rows, delivery_span
from fabsim.factory.write_database import TABLES as DECLARED
from fabsim.factory.write_database import checked_url, deliver, redacted
from fabsim.line.lot_renames import lot_ids
from fabsim.line.schedule import sort_night
from fabyield.errors import ConfigError, FabYieldError

TABLES = ["products", "lots", "wafers", "process_history", "pcm", "lot_history", "assembly"]
# Tables that write each row once; products and lots are written again with their current values.
ONCE = TABLES[2:]
SECRET = "tiger"


@pytest.fixture(scope="module")
def clean(fab):
    return fab.built


@pytest.fixture(scope="module")
def dirty(dirty_fab):
    return dirty_fab.built


def rows(built, table, *nights):
    return list(changed_rows(built, table, delivery_span(built, range(nights[0], nights[-1] + 1))))


def test_times_are_microseconds_in_utc(fab):
    first = fab.built.lots[0]
    ((started_at,),) = fab.query("select started_at from lots where lot_id = 'K1001'")

    assert started_at == first.started_at * 1_000_000


def test_wafer_ids_have_two_digits(fab):
    found = fab.query("select wafer_id, slot, material_id from wafers where lot_id = 'K1002'")

    assert found == [("01", 1, "SUB1"), ("02", 2, "SUB1")]


def test_gross_die_and_sizes_match_the_probed_wafers(fab):
    found = dict.fromkeys(["M16G", "GOLD8BAR"])
    for row in fab.query("select * from products"):
        found[row[0]] = row[1:]

    assert found == {
        "M16G": (61, 29.0, 30.0, 300.0, None),
        "GOLD8BAR": (1456, None, None, None, None),
    }


def test_wafers_of_the_real_files_are_known_by_name_only(fab):
    lots = fab.query("select lot_id, status, started_at from lots where product_id = 'GOLD8BAR'")
    wafers = fab.query("select wafer_id, started_at from wafers where lot_id = 'GAL-LOT'")

    assert lots == [("GAL-LOT", "sorted", None)]
    assert wafers == [("02", None), ("03", None)]


def test_a_lots_status_is_that_of_the_night(fab):
    built, now = fab.built, fab.plan.calendar.ends(4)
    found = dict(fab.query("select lot_id, status from lots where lot_id like 'K%'"))
    for lot in built.lots:
        night = sort_night(built.plan, lot)
        processed = "processed" if lot.ended[-1].max() < now else "in process"
        assert found[lot.lot_id] == ("sorted" if night and night <= 4 else processed)
    assert set(found.values()) == {"sorted", "processed", "in process"}


def test_history_has_every_visit_that_has_ended(fab):
    built, now = fab.built, fab.plan.calendar.ends(4)
    lot = built.lots[2]
    found = fab.query(
        "select wafer_id, step_seq, process_step, equipment_id, chamber_id, recipe_id, "
        "started_at, ended_at from process_history where lot_id = ? order by 2, 1",
        lot.lot_id,
    )
    chambers = [built.tools.chambers[number] for number in lot.chamber.ravel()]
    expected = [
        (f"{1 + n % 2:02d}", 1 + n // 2, step.process_step, one.equipment_id, one.chamber_id)
        for n, one in enumerate(chambers)
        for step in [built.plan.route[n // 2]]
    ]

    assert [row[:5] for row in found] == expected
    assert [row[7] for row in found] == (lot.ended.ravel() * 1_000_000).tolist()
    assert fab.query("select count(*) from process_history") == [
        (sum(int((lot.ended < now).sum()) for lot in built.lots),)
    ]


def test_pcm_comes_hours_after_the_last_step(fab):
    late = fab.query(
        "select p.measured_at - max(h.ended_at) from pcm p join process_history h "
        "using (lot_id, wafer_id) group by p.lot_id, p.wafer_id, p.pcm_test"
    )
    parameters = fab.query("select distinct pcm_test, unit from pcm order by 1")

    assert min(late)[0] >= 6 * HOUR * 1_000_000
    assert max(late)[0] < DAY * 1_000_000
    assert parameters == sorted((one.pcm_test, one.unit) for one in fab.plan.pcm)


def test_packages_are_known_by_their_lot_and_the_lot_they_come_from(fab):
    found = fab.query("select assembly_lot_id, lot_id from assembly order by 1")
    lots = fab.query("select lot_id, status from lots where lot_id like 'A%' order by 1")

    assert len(found) >= 5
    assert [(a.replace("A", "K"), "assembled") for a, _ in found] == [
        (k, status) for k, status in ((lot.replace("A", "K"), status) for lot, status in lots)
    ]
    assert all(assembly.replace("A", "K") == lot for assembly, lot in found)


@pytest.mark.parametrize("table", ["lots", *ONCE])
def test_a_row_has_the_night_that_last_changed_it(dirty, table):
    place = list(DECLARED[table].columns.keys()).index("updated_at")
    third, fourth = ({row[: place + 1] for row in rows(dirty, table, n)} for n in (3, 4))
    begins, ends = (dirty.plan.calendar.ends(night) * 1_000_000 for night in (3, 4))
    changed = [row[place] for row in fourth - third if row[place] is not None]

    assert begins <= min(changed) <= max(changed) <= ends


@pytest.mark.parametrize("table", ONCE)
def test_no_row_is_lost_or_written_twice_night_by_night(dirty, table):
    night_by_night = [rows(dirty, table, night) for night in range(1, 5)]
    at_once = rows(dirty, table, 1, 4)
    single = [row for each in night_by_night for row in each]

    assert sorted(single, key=str) == sorted(at_once, key=str)
    assert len(at_once) > 10
    # A lot that is merged again has its first name twice.
    assert len(set(single)) == len(single) or table == "wafers"


@pytest.mark.parametrize("table", ["process_history", "pcm", "wafers"])
def test_every_night_brings_rows(dirty, table):
    assert all(rows(dirty, table, night) for night in (2, 3, 4))


@pytest.mark.parametrize("table", ["process_history", "pcm"])
def test_every_night_brings_rows_of_its_own_time_only(dirty, table):
    calendar = dirty.plan.calendar
    for night in (2, 3, 4):
        found = rows(dirty, table, night)
        times = [row[-1] / 1_000_000 for row in found]
        assert calendar.begins(night) <= min(times) <= max(times) < calendar.ends(night)


def test_a_span_holds_its_beginning_and_not_its_end(clean):
    calendar = clean.plan.calendar
    second, first = delivery_span(clean, range(2, 3)), delivery_span(clean, range(1, 2))

    assert (second.begins, second.ends) == (calendar.begins(2), calendar.begins(3))
    assert (second.contains(second.begins), second.contains(second.ends)) == (True, False)
    assert (first.contains(-NEVER), first.contains(second.begins)) == (True, False)


def test_each_step_has_the_lot_id_of_that_time(dirty_fab):
    built = dirty_fab.built
    for lot in [lot for lot in built.lots if lot.is_finished][:20]:
        wafers = range(len(lot.slots))
        told = {
            (step, slot): name
            for name, slot, step in dirty_fab.query(
                "select lot_id, wafer_id, step_seq from process_history where lot_id like ?",
                f"{lot.lot_id}%",
            )
        }
        for step in range(len(built.plan.route)):
            names = lot_ids(built.plan, lot, step)
            assert [told[step + 1, f"{1 + wafer:02d}"] for wafer in wafers] == names


def test_a_renamed_wafer_is_known_under_both_names_with_one_start(dirty_fab):
    found = dirty_fab.query(
        "select h.event, a.started_at = b.started_at, a.slot = b.slot from lot_history h "
        "join wafers a on a.lot_id = h.from_lot_id and a.wafer_id = h.wafer_id "
        "join wafers b on b.lot_id = h.to_lot_id and b.wafer_id = h.wafer_id"
    )

    assert len(found) == dirty_fab.query("select count(*) from lot_history")[0][0] > 10
    assert {same for _, *same in ((row[0], row[1:]) for row in found) for same in same} == {(1, 1)}


def test_rows_delivered_again_are_not_doubled(fab, tmp_path):
    built, url = fab.built, f"sqlite:///{tmp_path}/fab.db"
    first = deliver(built, url, delivery_span(built, range(1, 5)))
    again = deliver(built, url, delivery_span(built, range(4, 5)))

    assert list(first) == TABLES
    assert 0 < again["process_history"] < first["process_history"]
    with sqlite3.connect(tmp_path / "fab.db") as connection:
        (count,) = connection.execute("select count(*) from process_history").fetchone()
    assert count == first["process_history"]


def test_a_night_is_delivered_as_a_whole_or_not_at_all(fab, tmp_path, monkeypatch):
    def fails(built, table, span):
        if table == "pcm":
            raise OSError("disk full")
        return changed_rows(built, table, span)

    monkeypatch.setattr("fabsim.factory.write_database.changed_rows", fails)
    with pytest.raises(OSError, match="disk full"):
        deliver(fab.built, f"sqlite:///{tmp_path}/fab.db", delivery_span(fab.built, range(1, 2)))
    with sqlite3.connect(tmp_path / "fab.db") as connection:
        tables = [name for (name,) in connection.execute("select name from sqlite_master")]
        counts = [
            connection.execute(f"select count(*) from {name}").fetchone()
            for name in tables
            if name in TABLES
        ]
    assert {count for (count,) in counts} <= {0}


@pytest.mark.parametrize(
    ("url", "message"),
    [
        (f"{SECRET}nonsense", "write it as sqlite:///FILE or postgresql://HOST/NAME"),
        (f"mysql://fab:{SECRET}@host/fab", "mysql is none of sqlite, postgresql"),
        (f"postgresql://fab:{SECRET}@host:port/fab", "write it as sqlite:///FILE"),
        (f"postgresql://fab:at@{SECRET}@host/fab", "write one in a password as %40"),
    ],
)
def test_a_wrong_url_is_refused_and_its_password_kept(url, message):
    with pytest.raises(ConfigError, match=message) as refused:
        checked_url(url)

    assert SECRET not in str(refused.value)


@pytest.mark.parametrize(
    "where", [f"fab:{SECRET}@127.0.0.1:1/fab", f"127.0.0.1:1/fab?password={SECRET}"]
)
def test_a_database_that_does_not_answer_is_named_without_its_password(fab, where):
    url = f"postgresql://{where}"
    with pytest.raises(FabYieldError, match=r"127\.0\.0\.1:1/fab: OperationalError") as failed:
        deliver(fab.built, url, delivery_span(fab.built, range(1, 2)))

    assert SECRET not in str(failed.value)
    assert failed.value.__cause__ is None
    assert SECRET not in redacted(url)


def test_postgresql_is_reached_by_the_driver_that_is_installed():
    for url in ("postgresql://fab@host/db", "postgresql+psycopg2://fab@host/db"):
        assert make_url(checked_url(url)).get_driver_name() == "psycopg"
    assert checked_url("sqlite:///fab.db") == "sqlite:///fab.db"
