"""Nights that read again: a backfill, a replay of what was refused, a rebuild; and late names."""

import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import UTC, date, datetime

import pytest
from delta import DeltaTable

from fabyield.lake.catalog import ALL
from fabyield.lake.table import Expectation, Severity
from fabyield.pipeline.night_modes import Kind, NightMode
from fabyield.pipeline.steps import steps
from fabyield.quality.checks import row_rules
from tests.conftest import clock_at, skip_audits
from tests.jobs.conftest import LATE, LOT2, REAL, data_tables, differing

pytestmark = pytest.mark.slow
SILVER = ["wafers", "wafer_runs", "touchdowns", "die_results", "parametric_results", "wafer_yield"]
FEW = ["stdf_files", "fab_tables", *SILVER]
BACK, DAY = date(2026, 3, 2), date(2026, 3, 5)


def arrive(patch, day):
    """From now on, the night is of `day`."""
    clock_at(patch, datetime(day.year, day.month, day.day, 12, tzinfo=UTC))


def delivered(fab, name, day):
    fab.deliver(REAL / f"{name}.stdf.gz")
    with pytest.MonkeyPatch.context() as patch:
        skip_audits(patch)
        arrive(patch, day)
        fab.take(*FEW)
    return fab


@pytest.fixture(scope="module")
def one_night(new_fab):
    """A real wafer that came on BACK."""
    return delivered(new_fab(files=False), "lot2", BACK)


@pytest.fixture(scope="module")
def first_two(new_fab, one_night):
    """And another one on DAY."""
    return delivered(new_fab(like=one_night), "lot3", DAY)


@pytest.fixture
def two_nights(new_fab, first_two, unaudited):
    return new_fab(like=first_two)


def lose(fab, table, where):
    """Delete rows, as a fault of an older version may have lost them."""
    DeltaTable.forPath(fab.spark, fab.store.path(ALL[table])).delete(where)


def batches(fab, table, column="wafer_id"):
    rows = fab.store.read(ALL[table]).select(column, "batch").distinct().collect()
    return {tuple(row) for row in rows}


def test_f04_backfill_reads_a_nights_files_again_and_changes_no_other_row(two_nights, monkeypatch):
    fab = two_nights
    before = fab.contents()
    lose(fab, "bronze.test_values", "file_key = 1 and record_offset % 2 = 0")
    lose(fab, "silver.parametric_results", "file_key = 1 and record_offset % 2 = 0")

    arrive(monkeypatch, date(2026, 3, 9))
    fab.take(*FEW[:1], *SILVER, mode=NightMode(Kind.BACKFILL, BACK))

    assert differing(fab.contents(), before) == {}
    assert batches(fab, "bronze.test_values", "file_key") == {(1, 3), (2, 2)}
    for table in ("silver.parametric_results", "gold.wafer_yield"):
        assert batches(fab, table) == {("02", 3), ("03", 2)}
    assert {row["night_on"] for row in fab.rows("bronze.stdf_files")} == {BACK, DAY}


def test_f04_backfill_keeps_the_rows_of_missing_files_and_warns(two_nights):
    fab = two_nights
    before = fab.contents()
    (fab.stdf / "lot2.stdf.gz").unlink()

    fab.take("stdf_files", mode=NightMode(Kind.BACKFILL, BACK))

    assert differing(fab.contents(), before) == {}
    assert "1 files have changed or left the landing zone" in fab.log()


STRICT = Expectation(
    "expect_column_values_to_be_between", {"column": "test_num", "max_value": 1030}, Severity.ROW
)


def test_rows_refused_by_a_wrong_rule_are_replayed_after_it_is_fixed(
    new_fab, one_night, unaudited, monkeypatch
):
    fab = new_fab(files=False)
    fab.deliver(LOT2)
    arrive(monkeypatch, BACK)
    with monkeypatch.context() as mistaken:
        values = ALL["bronze.test_values"]
        strict = replace(values, expectations=(STRICT,))
        judging = lambda table: row_rules(strict if table is values else table)  # noqa: E731
        mistaken.setattr("fabyield.quality.checks.row_rules", judging)
        fab.take(*FEW)
    refused = fab.store.read(ALL["ops.quarantine"]).where("replayed_in is null").count()
    assert 0 < refused < 52403

    fab.take(*FEW, mode=NightMode(Kind.REPLAY))

    assert differing(fab.contents(), one_night.contents()) == {}
    kept = fab.store.read(ALL["ops.quarantine"]).groupBy("replayed_in").count().collect()
    assert [tuple(row) for row in kept] == [(2, refused)]
    fab.take("stdf_files", mode=NightMode(Kind.REPLAY))
    assert batches(fab, "bronze.test_values", "file_key") == {(1, 2)}


@pytest.mark.soak
def test_rebuild_replaces_damaged_tables_and_keeps_the_keys(new_fab, night, undisturbed):
    fab = new_fab(like=night)
    keys = sorted(row["wafer_key"] for row in fab.rows("silver.wafer_registry"))
    for table in ("silver.parametric_results", "silver.process_history", "gold.wafer_yield"):
        for file in (fab.root / "lake" / table.replace(".", "/")).glob("*.parquet"):
            file.write_bytes(b"not Parquet")
    lose(fab, "silver.wafer_runs", "true")

    rebuild = NightMode(Kind.REBUILD)
    fab.take(*(step for step in steps() if rebuild.includes(step)), mode=rebuild)

    assert differing(fab.contents(), undisturbed) == {}
    assert sorted(row["wafer_key"] for row in fab.rows("silver.wafer_registry")) == keys
    derived = [n for n in data_tables() if n.startswith(("silver", "gold"))]
    written = {n: {b for _, b in batches(fab, n, "fab_id")} for n in derived if fab.rows(n)}
    assert written.pop("silver.wafer_registry") == {1}
    assert set(map(tuple, written.values())) == {(2,)}


def test_wafer_with_a_late_split_event_moves_to_the_key_of_its_first_name(
    new_fab, night, unaudited
):
    fab = new_fab(like=night)
    [old] = [row for row in fab.rows("gold.wafer_yield") if row["lot_id"] == "GAL-LOT"]
    # A lot history that became empty would stop the night.
    events = [("split", *lots, "02", 0, 0) for lots in (("MOM-LOT", "GAL-LOT"), ("X", "X.1"))]
    with closing(sqlite3.connect(fab.root / "fab.db")) as database, database:
        database.executemany("insert into lot_history values (?, ?, ?, ?, ?, ?)", events)

    late = ("stdf_files", "yield_model", "report", "maintain")
    fab.take(*(step for step in steps() if step not in late))

    [new] = [row for row in fab.rows("gold.wafer_yield") if row["lot_id"] == "MOM-LOT"]
    assert new["wafer_key"] > old["wafer_key"]
    assert [new[name] for name in ("wafer_id", "good_die")] == ["02", old["good_die"]]
    holding = [n for n in data_tables() if "wafer_key" in ALL[n].columns and n.startswith("silver")]
    for name in [*holding, "gold.wafer_yield", "gold.bin_pareto", "gold.parametric_summary"]:
        left = fab.store.read(ALL[name]).where(f"wafer_key = {old['wafer_key']}").count()
        assert left == (name == "silver.wafer_registry"), name
    with closing(sqlite3.connect(fab.root / "fab.db")) as database, database:
        database.execute("delete from lot_history where from_lot_id = 'MOM-LOT'")
    fab.take("fab_tables", *SILVER)
    [back] = [row for row in fab.rows("gold.wafer_yield") if row["lot_id"] == "GAL-LOT"]
    assert back["wafer_key"] == old["wafer_key"]


@pytest.mark.soak
def test_wafer_that_reaches_the_factory_database_late_is_joined(new_fab, night, unaudited):
    fab = new_fab(like=night)
    fab.deliver(LATE)
    with closing(sqlite3.connect(fab.root / "fab.db")) as database, database:
        wafer = "lot_id = 'GAL-LOT' and wafer_id in ('03', '3')"
        kept = database.execute(f"select * from wafers where {wafer}").fetchall()
        assert len(kept) == 1
        database.execute(f"delete from wafers where {wafer}")
    fab.take(*FEW)
    unknown = [row for row in fab.rows("silver.wafers") if not row["is_known"]]
    assert [(row["lot_id"], row["wafer_id"]) for row in unknown] == [("GAL-LOT", "03")]

    with closing(sqlite3.connect(fab.root / "fab.db")) as database, database:
        marks = ", ".join("?" * len(kept[0]))
        database.execute(f"insert into wafers values ({marks})", kept[0])
    fab.take("fab_tables", *SILVER)

    assert all(row["is_known"] for row in fab.rows("silver.wafers"))
    assert ("03", 3) in batches(fab, "gold.wafer_yield")
