import os
import sys

import pytest

from fabyield import __version__
from fabyield.cli import app
from fabyield.lake.catalog import ALL


@pytest.fixture
def fabyield(monkeypatch, capsys):
    """`fabyield("tables", ...)`: exit code, standard output and standard error of the command."""

    def call(*words):
        monkeypatch.setattr(sys, "argv", ["fabyield", *words])
        monkeypatch.setenv("COLUMNS", "300")
        with pytest.raises(SystemExit) as ended:
            app.main()
        return ended.value.code or 0, *capsys.readouterr()

    return call


@pytest.mark.parametrize(
    ("command", "named"),
    [
        ([], "Exit codes: 0 done, 1 failed, 2 wrong usage"),
        (["nightly"], "--landing"),
        (["tables"], "gold.wafer_yield"),
        (["query"], "--limit"),
    ],
)
def test_every_command_has_a_help_page(fabyield, command, named):
    code, out, _ = fabyield(*command, "--help")

    assert code == 0
    assert named in out


@pytest.mark.parametrize(
    "words",
    [
        ["nightlyy"],
        ["nightly", "--lakee", "x"],
        ["query"],
        ["query", "select 1", "--view", "findings"],
        ["query", "--view", "luck"],
        ["query", "select 1", "--out", "rows.xml"],
        ["query", "select 1", "--format", "table", "--out", "rows.csv"],
        ["query", "select 1", "--limit", "0"],
        ["query", "select 1", "--conf", "staging"],
        ["query", "select 1", "--lake", "/nowhere/lake"],
        ["tables", "gold.luck"],
    ],
)
def test_wrong_usage_exits_with_2_and_says_why(fabyield, words):
    code, out, err = fabyield(*words)

    assert (code, out) == (2, "")
    assert err.strip()


def test_night_without_java_exits_with_2_and_names_java_home(fabyield, monkeypatch):
    monkeypatch.setenv("JAVA_HOME", "/nonexistent")
    monkeypatch.setattr(os, "execv", lambda *words: pytest.fail(f"started {words}"))

    code, out, err = fabyield("nightly")

    assert (code, out) == (2, "")
    assert "JAVA_HOME is /nonexistent, but /nonexistent/bin/java does not exist" in err


def test_version_is_printed(fabyield):
    assert fabyield("--version") == (0, f"fabyield {__version__}\n", "")


def test_tables_lists_every_table(fabyield):
    code, out, _ = fabyield("tables")

    assert code == 0
    assert [name for name in ALL if name not in out] == []


def test_tables_describes_the_columns_of_one(fabyield):
    _, out, _ = fabyield("tables", "gold.wafer_yield")

    assert [n for n in ALL["gold.wafer_yield"].columns if n not in out] == []
    assert "first_pass_die / tested_die" in out


def test_unknown_table_is_named_with_where_to_look(fabyield):
    _, _, err = fabyield("tables", "gold.luck")

    assert err == "fabyield: gold.luck: no such table; `fabyield tables` lists them\n"


@pytest.mark.parametrize(
    "command",
    [["nightly"], ["backfill", "2026-03-05"], ["replay"], ["rebuild"], ["rebuild", "wafer_yield"]],
)
def test_night_commands_call_spark_submit_with_their_command_line(monkeypatch, fabyield, command):
    called, words = [], [*command, "--conf", "prod", "--lake", "s3a://fab/lake"]
    monkeypatch.setattr(os, "execv", lambda path, words: called.append((path, words)))

    fabyield(*words)

    [(path, [submit, script, *options])] = called
    assert path.name == "spark-submit"
    assert (submit, script.endswith("jobs/nightly.py")) == (str(path), True)
    assert options == words


def test_backfill_of_a_day_that_does_not_exist_is_refused(fabyield):
    code, _, err = fabyield("backfill", "2026-13-45")

    assert code == 2
    assert "2026-13-45" in err and "%Y-%m-%d" in err


def test_lineage_lists_the_steps_that_depend_on_a_table(fabyield):
    code, out, _ = fabyield("lineage", "silver.die_results")

    assert code == 0
    assert "wafer_yield" in out
    assert "touchdowns" not in out.replace("silver.touchdowns", "")
    assert fabyield("lineage", "gold.luck")[0] == 2
    assert "every night" in fabyield("lineage")[1]
