"""Histories of a fab, and what is compared of a night."""

import sqlite3

import pytest

from benchmarks.harness.process import Limits
from benchmarks.history.bench import OF_THE_NIGHT, unlike
from benchmarks.history.line import Line
from benchmarks.night.place import Place
from benchmarks.simulated import Nights, know_lots

RAN = {"seconds": 1.0}


@pytest.fixture
def made(tmp_path):
    """Four nights of one file each, and a database that knows the lots of all, and one more."""
    lots = ["K1", "K2", "K3", "K4"]
    files = [tmp_path / f"P_{lot}_01_cp1.stdf.gz" for lot in lots]
    for file in files:
        file.touch()
    with sqlite3.connect(tmp_path / "all.db") as connection:
        connection.execute("create table lots (lot_id text)")
        connection.execute("create table products (product_id text)")
        connection.executemany("insert into lots values (?)", [[lot] for lot in [*lots, "K5"]])
        connection.execute("insert into products values ('P')")
    return Nights([[file] for file in files], tmp_path / "all.db")


def known(database):
    with sqlite3.connect(database) as connection:
        return [lot for (lot,) in connection.execute("select lot_id from lots")]


def test_factory_does_not_know_lots_that_have_not_arrived(made, tmp_path):
    know_lots(made.database, tmp_path / "some.db", [file for (file,) in made.files[1:3]])

    assert known(tmp_path / "some.db") == ["K1", "K4", "K5"]
    assert known(made.database) == ["K1", "K2", "K3", "K4", "K5"]


def test_same_last_night_follows_each_history(made, tmp_path, monkeypatch):
    nights = []

    def run(place, name):
        lake = place.root / "lake"
        held = sorted(path.name for path in lake.iterdir()) if lake.exists() else []
        landed = sorted(path.name.split("_")[1] for path in place.landing.iterdir())
        nights.append((landed, held, known(place.database)))
        lake.mkdir(exist_ok=True)
        (lake / f"night{len(nights)}").touch()
        return RAN

    monkeypatch.setattr(Place, "run", run)
    line = Line(tmp_path / "lakes", made, Limits())
    line.run("2x")
    line.run("2x")

    history, last = ["K1", "K2"], ["K1", "K2", "K4"]
    # Built once; each repeat starts from the lake as it was after its history.
    assert nights == [
        (history, [], ["K1", "K2", "K5"]),
        (last, ["night1"], ["K1", "K2", "K4", "K5"]),
        (last, ["night1"], ["K1", "K2", "K4", "K5"]),
    ]


def test_only_tables_that_follow_from_the_night_are_compared():
    rows = dict.fromkeys(OF_THE_NIGHT, 5)

    assert unlike({**rows, "gold.model_report": 1}, {**rows, "gold.model_report": 2}) == ""
    assert "silver.parametric_results" in unlike({**rows, "silver.parametric_results": 4}, rows)
