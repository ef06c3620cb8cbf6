import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from fabyield.errors import ConfigError
from fabyield.simulate import Plan, fab, simulate
from fabyield.simulate.__main__ import main


def dump(database: Path) -> list[str]:
    with closing(sqlite3.connect(database)) as connection:
        return list(connection.iterdump())


def test_same_seed_gives_same_bytes_and_rows(tiny, fab, build: Callable):
    again = build(tiny)

    assert again.files() == fab.files()
    assert dump(again.database) == dump(fab.database)
    assert again.wafers() == fab.wafers()


def test_another_seed_gives_other_measurements(tiny, fab, build):
    other = build(replace(tiny, seed=tiny.seed + 1))

    assert other.files().keys() == fab.files().keys()
    assert not set(other.files().values()) & set(fab.files().values())
    assert dump(other.database) != dump(fab.database)


def test_more_lots_leave_the_earlier_ones_as_they_were(tiny, fab, build):
    longer = build(tiny.sized(lots=6, wafers_per_lot=2)).files()

    assert len(longer) == 12
    assert {name: longer[name] for name in fab.files()} == fab.files()


def test_truth_inside_landing_is_refused(tiny: Plan, tmp_path: Path):
    with pytest.raises(ConfigError, match="inside landing"):
        simulate(tiny, tmp_path, tmp_path / "fab.sqlite", tmp_path / "truth", print)

    assert list(tmp_path.iterdir()) == []


def test_no_file_has_its_name_while_any_is_unfinished(tiny, tmp_path, monkeypatch):
    calls = []

    def fails_late(session: object) -> bytes:
        calls.append(session)
        if len(calls) == 4:
            raise OSError("disk full")
        return b"STDF"

    monkeypatch.setattr(fab, "stdf_file", fails_late)
    with pytest.raises(OSError, match="disk full"):
        simulate(tiny, tmp_path / "in", tmp_path / "fab.sqlite", tmp_path / "truth", print)

    assert list((tmp_path / "in").glob("[!.]*")) == []
    assert not (tmp_path / "fab.sqlite").exists()


def test_command_line_makes_a_line_of_the_size_asked_for(tmp_path):
    folders = {"landing": tmp_path / "in", "database": tmp_path / "db", "truth": tmp_path / "truth"}
    given = [text for name, path in folders.items() for text in (f"--{name}", str(path))]
    plan = str(Path(__file__).parents[2] / "conf" / "simulate.yml")

    code = main([*given, "--plan", plan, "--lots", "1", "--wafers-per-lot", "2"])

    assert code == 0
    names = sorted(path.name for path in folders["landing"].iterdir())
    assert names == ["M16G_K1001_01_cp1.stdf.gz", "M16G_K1001_02_cp1.stdf.gz"]


def test_command_line_says_what_is_wrong_and_fails(tmp_path, caplog):
    given = [f"--{name}={tmp_path / 'in'}" for name in ("landing", "database", "truth")]
    plan = str(Path(__file__).parents[2] / "conf" / "simulate.yml")

    assert main([*given, "--plan", plan, "--lots", "0"]) == 1
    assert "use at least one" in caplog.text
