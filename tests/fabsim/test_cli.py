import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import yaml

from fabsim import cli

PLAN = Path(__file__).parents[2] / "conf" / "simulate.yml"
SECRET = "tiger"


@pytest.fixture
def simulate(monkeypatch, capsys):
    """`simulate("--out", ...)`: exit code, standard output and standard error of the command."""

    def call(*words):
        monkeypatch.setattr(sys, "argv", ["fabsim", *map(str, words)])
        monkeypatch.setenv("COLUMNS", "300")
        with pytest.raises(SystemExit) as ended:
            cli.main()
        return ended.value.code or 0, *capsys.readouterr()

    return call


@pytest.fixture(scope="module")
def plan(tmp_path_factory):
    """A plan of one lot a night of two wafers with 61 die."""
    values = yaml.safe_load(PLAN.read_text())
    values["line"] |= {"lots_per_night": 1, "wafers_per_lot": 2}
    values["products"][0] |= {"die_width_mm": 29, "die_height_mm": 30}
    path = tmp_path_factory.mktemp("plan") / "plan.yml"
    path.write_text(yaml.safe_dump(values))
    return path


def test_help_names_every_option(simulate):
    code, out, _ = simulate("--help")

    assert code == 0
    options = "out nights lots-per-night seed scenario wafers-per-lot first-night plan database"
    for option in (*options.split(), "cores", "list"):
        assert f"--{option}" in out
    assert "default: fab.db in --out" in out


def test_list_prints_all_scenarios_and_delivers_nothing(simulate, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, out, _ = simulate("--list")

    assert code == 0
    for name in ("quiet", "bad_chamber", "new_product", "dirty_night", "few_defects", "big"):
        assert name in out
    assert list(tmp_path.iterdir()) == []


def test_one_night_lands_and_is_summed_up(simulate, plan, tmp_path):
    code, out, err = simulate("--out", tmp_path / "fab", "--plan", plan, "--cores", 1)

    assert code == 0
    landed = sorted(path.name for path in (tmp_path / "fab" / "landing").rglob("*.stdf.gz"))
    assert landed == ["M16G_K1001_01_cp1.stdf.gz", "M16G_K1001_02_cp1.stdf.gz"]
    assert {path.name for path in (tmp_path / "fab").iterdir()} == {"landing", "truth", "fab.db"}
    rows = [line.strip("│ ").split("│") for line in out.splitlines() if "│" in line]
    told = {row[0].strip(): row[1].strip() for row in rows}
    assert (told["lots tested"], told["files: stdf"], told["files: tool files"]) == ("1", "2", "84")
    assert "MB of STDF" in err


def test_another_night_is_added_to_the_first(simulate, plan, tmp_path):
    size = ("--plan", plan, "--cores", 1, "--wafers-per-lot", 1)
    assert simulate("--out", tmp_path, *size)[0] == 0
    assert simulate("--out", tmp_path, *size, "--first-night", 2)[0] == 0

    folders = sorted(path.name for path in (tmp_path / "landing" / "stdf").iterdir())
    assert folders == ["2026-03-02", "2026-03-03"]


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ([], "--out: name the folder"),
        (["--out", "fab", "--scenario", "luck"], "scenario luck: unknown; use one of quiet,"),
        (["--out", "fab", "--plan", "no.yml"], "plan no.yml"),
        (["--out", ""], "--out: name the folder"),
        (["--out", "s3://bucket/fab"], "SQLite needs a disk"),
        (["--out", "fab", "--database", "sqlite://"], "sqlite:// lacks a file"),
        (["--out", "fab", "--first-night", "200000"], "use at least 1, from 1 to 100,000"),
        (["--out", "fab", "--first-night", "90000"], "is after 2105-12-31"),
        (["--out", "x://b/fab", "--database", "sqlite:///f.db"], "use a path, or a URI like"),
        (["--out", "fab", "--database", f"mysql://fab:{SECRET}@host/fab"], "mysql is none of"),
        (["--out", "fab", "--database", f"{SECRET}nonsense"], "database URL"),
        (["--out", "fab", "--database", f"postgresql://u:@{SECRET}@h/f"], "more than one @"),
    ],
)
def test_wrong_usage_exits_with_2_and_one_clear_line(
    simulate, tmp_path, monkeypatch, words, reason
):
    monkeypatch.chdir(tmp_path)
    code, out, err = simulate(*words)

    assert (code, out) == (2, "")
    assert reason in err
    assert len(err.strip().splitlines()) == 1
    assert SECRET not in err
    assert list(tmp_path.iterdir()) == []


def test_an_out_that_is_a_file_fails_in_one_line(simulate, plan, tmp_path):
    (tmp_path / "file").write_text("")
    code, out, err = simulate("--out", tmp_path / "file", "--plan", plan, "--cores", 1)

    assert (code, out) == (1, "")
    assert err.splitlines()[-1].startswith(f"fabsim: --out {tmp_path / 'file'}: ")
    assert "Traceback" not in err


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("line: {first_night_on: 2026-02-30}", "day is out of range"),
        ("seed: [", "give a YAML file"),
        ("{1: 2, foo: 3}", "unknown field 1"),
    ],
)
def test_an_unreadable_plan_is_reported_in_one_line(simulate, tmp_path, text, reason):
    (tmp_path / "plan.yml").write_text(text)
    code, out, err = simulate("--out", tmp_path / "fab", "--plan", tmp_path / "plan.yml")

    assert (code, out) == (2, "")
    assert reason in err
    assert len(err.strip().splitlines()) == 1


@pytest.mark.parametrize("words", [["--nights", "0"], ["--first-night", "0"], ["--cores", "0"]])
def test_numbers_below_one_are_wrong_usage(simulate, words):
    code, out, err = simulate("--out", "fab", *words)

    assert (code, out) == (2, "")
    assert words[0] in err


def test_a_database_that_does_not_answer_fails_without_its_password(simulate, plan, tmp_path):
    url = f"postgresql://fab:{SECRET}@127.0.0.1:1/fab"
    size = ("--plan", plan, "--cores", 1, "--wafers-per-lot", 1)
    code, out, err = simulate("--out", tmp_path, *size, "--database", url)

    assert code == 1
    assert "factory database postgresql://fab:***@127.0.0.1:1/fab" in err
    assert SECRET not in out + err


def test_seed_and_scenario_options_change_the_fab(simulate, plan, tmp_path):
    size = ("--plan", plan, "--cores", 1, "--wafers-per-lot", 1)
    for name, words in {"a": (), "b": ("--seed", 7), "c": ("--scenario", "bad_chamber")}.items():
        assert simulate("--out", tmp_path / name, *size, *words)[0] == 0
    files = {name: next((tmp_path / name).rglob("*_cp1.stdf.gz")).read_bytes() for name in "ab"}

    assert files["a"] != files["b"]
    told = [
        pq.read_table(tmp_path / name / "truth" / "excursions.parquet").num_rows for name in "ac"
    ]
    assert told == [0, 1]
