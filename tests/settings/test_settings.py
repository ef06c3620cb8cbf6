import re
from pathlib import Path

import pytest
import yaml

from fabyield.errors import ConfigError
from fabyield.pipeline.steps import steps
from fabyield.settings import loading
from fabyield.settings.settings import Settings

PROJECT = Path(__file__).parents[2]


@pytest.fixture
def load(tmp_path):
    """`load({...}, **given)`: settings of a file with this content over conf/base.yml."""

    def write(content, **given):
        (tmp_path / "mine.yml").write_text(yaml.safe_dump(content))
        return Settings.load(str(tmp_path / "mine.yml"), **given)

    return write


def test_chosen_file_is_laid_over_the_base_one_setting_at_a_time(load):
    settings = load({"fab": {"fab_id": "F9"}, "lake": "s3a://fab/lake"})

    assert (settings.fab.fab_id, settings.fab.default_insertion) == ("F9", "CP1")
    assert (settings.lake, settings.environment) == ("s3a://fab/lake", "mine")


def test_file_may_take_back_a_table_or_a_watermark_of_the_base(load):
    names = {"tables": {"fab_assembly": ""}, "watermarks": {"fab_pcm": None}}

    database = load({"database": names}).database

    assert (database.tables["fab_assembly"], database.tables["fab_lots"]) == ("", "lots")
    assert (database.watermarks["fab_pcm"], database.watermarks["fab_lots"]) == (None, "updated_at")


def test_given_options_win_over_every_file(load):
    settings = load({"lake": "s3a://fab/lake", "report": "/r/page.html"}, lake="/lake", report=None)

    assert (settings.lake, settings.report) == ("/lake", "/r/page.html")


def test_relative_paths_of_a_file_start_at_its_folder_and_others_at_the_project(
    load, tmp_path, monkeypatch
):
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")

    settings = load({"lake": "lake", "database": {"url": "jdbc:sqlite:var/fab.db"}})

    assert settings.lake == str(tmp_path / "lake")
    assert settings.database.url == f"jdbc:sqlite:{tmp_path}/var/fab.db"
    assert settings.report == str(PROJECT / "var" / "report.html")
    assert Settings.load("dev").lake == str(PROJECT / "var" / "lake")
    assert Settings.load(str(PROJECT / "conf" / "dev.yml")) == Settings.load("dev")
    assert Settings.load("dev").database.url == f"jdbc:sqlite:{PROJECT}/var/fab.db"


def test_relative_paths_of_options_start_at_the_current_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    assert Settings.load("dev", lake="lake").lake == str(tmp_path / "lake")


@pytest.mark.parametrize(("script", "home"), [("jobs/nightly.py", "project"), ("x.py", "now")])
def test_project_of_a_zipped_package_is_that_of_the_job(tmp_path, monkeypatch, script, home):
    project, now = tmp_path / "project", tmp_path / "now"
    for folder in (project / "conf", now, tmp_path / "zip" / "fabyield" / "conf"):
        folder.mkdir(parents=True)
    (project / "setup.py").touch()
    monkeypatch.chdir(now)
    monkeypatch.setattr("sys.argv", [str(project / script)])
    zipped = tmp_path / "zip" / "fabyield" / "conf"
    monkeypatch.setattr("fabyield.settings.loading.files", lambda package: zipped)

    assert loading.project() == tmp_path / home


def test_url_of_a_server_stays_as_it_is(load):
    url = "jdbc:postgresql://db/fab"

    assert load({"database": {"url": url}}).database.url == url


@pytest.mark.parametrize(
    ("content", "named"),
    [
        ({"lakee": "x"}, "unknown field .lakee.; did you mean lake"),
        ({"fab": {"zone": "UTC"}}, "fab: unknown field .zone."),
        ({"ingest": {"empty_file": "ignore"}}, "ingest.empty_file: 'ignore' is not one of warn"),
        ({"ingest": {"empty_night": 1}}, "ingest.empty_night: 1 is not one of warn, fail"),
        ({"fab": {"retest_rule": "last"}}, "fab.retest_rule: 'last' is not one of touch, flag"),
        (
            {"ingest": {"settle_seconds": "soon"}},
            "ingest.settle_seconds: must be a number, not a text",
        ),
        ({"retries": {"attempts": 0}}, "retries.attempts: 0, it must be at least 1"),
        (
            {"retries": {"first_seconds": 40}},
            "retries.first_seconds: 40.0, it must be .* at most 30.0 .most_seconds",
        ),
        ({"alerts": "log"}, "alerts: must be a list, not a text"),
        ({"alerts": ["log", ["log"]]}, r"alerts\[1\]: must be a text, not a list"),
        (
            {"fab": {"wafer_id_rules": [["W"]]}},
            r"fab\.wafer_id_rules\[0\]: entries: 1, it must be at least 2 and at most 2",
        ),
        (
            {"fab": {"insertion_rules": [{"column": "x"}]}},
            r"insertion_rules\[0\]: its keys must be column, pattern, ins",
        ),
        ({1: "x"}, "unknown field 1"),
        ({"ingest": {1: 2}}, "ingest: unknown field 1"),
        ({"lake": 5}, "lake: must be a text, not a whole number"),
        ({"fab": "FAB1"}, "fab: must be a mapping, not a text"),
        ({"maintain": {"keep_days": 6}}, "maintain.keep_days: 6, it must be at least 7"),
        ({"maintain": {"cube_mb": 9}}, "maintain.cube_mb: 9.0, it must be at least 128"),
        (
            {"model": {"test_lot_share": 2}},
            "test_lot_share: 2.0, it .* at most 0.9",
        ),
        ({"model": {"test_lot_shares": 0}}, "model: unknown field .*; did you mean test_lot_share"),
        ({"fab": {"time_zone": "Asia"}}, "fab.time_zone: 'Asia' is no IANA time zone"),
        ({"fab": {"fab_id": "a/b"}}, "fab.fab_id: 'a/b', it must be letters, digits, _ and -"),
        (
            {"fab": {"lot_id_rules": [["[", ""]]}},
            r"lot_id_rules\[0\]: the pattern '\[' is no regular",
        ),
        ({"ingest": {"settle_seconds": 1e300}}, "settle_seconds: 1e\\+300, it must be at least 0"),
        ({"model": {"seed": 10**400}}, "model.seed: a number of over 300 digits"),
        ({"lake": ""}, "lake: '', it must be a path or a URI"),
        ({"model": {"parameters": {"max_depth": None}}}, "must be a whole number or a number or a"),
        ({"spark": {"spark.ui.port": []}}, "must be a text or a whole number or .*, not a list"),
        ({"night": {"small_mb": float("inf")}}, "inf, it must be finite and at least 0"),
        ({"database": None}, "database: must be a mapping, not empty"),
        (
            {"database": {"tables": {"fab_pcm": 5}}},
            r"database\.tables\.fab_pcm: must be a text, not a whole n",
        ),
        (
            {"database": {"watermarks": {"fab_pcm": []}}},
            r"database\.watermarks\.fab_pcm: must be a text, not a list",
        ),
        ({"database": {"overlap_seconds": -1}}, r"overlap_seconds: -1.0, it must be at least 0"),
        ({"database": {"partitions": 0}}, r"database\.partitions: 0, it must be at least 1"),
    ],
)
def test_wrong_setting_is_named_with_what_it_may_be(load, content, named):
    with pytest.raises(ConfigError, match=named):
        load(content)


@pytest.mark.parametrize("database", [["s3cret"], {"password": "s3cret", 5432: "port"}])
def test_f30_wrong_setting_beside_a_secret_does_not_tell_it(load, database):
    with pytest.raises(ConfigError) as told:
        load({"database": database})

    assert "s3cret" not in str(told.value)


@pytest.mark.parametrize("text", [b"lake: [", b"- lake", b"", b"5", b"lake: \xe4"])
def test_file_that_is_no_mapping_of_settings_is_refused(tmp_path, text):
    (tmp_path / "broken.yml").write_bytes(text)

    with pytest.raises(ConfigError, match=r"conf .*broken\.yml"):
        Settings.load(str(tmp_path / "broken.yml"))


def test_environment_that_does_not_exist_is_named():
    with pytest.raises(ConfigError, match=r"conf staging: .*give dev, prod or a YAML file"):
        Settings.load("staging")


def test_f30_variable_that_is_not_set_is_named(load, monkeypatch):
    monkeypatch.delenv("FAB_WORD", raising=False)

    with pytest.raises(ConfigError, match=r"database\.password: .* FAB_WORD is not set"):
        load({"database": {"password": "${FAB_WORD}"}})


def test_variables_are_filled_in_wherever_a_text_stands(load, monkeypatch):
    monkeypatch.setenv("FAB_NAME", "F7")
    rules = [["^${FAB_NAME}-", ""]]

    settings = load({"lake": "s3a://${FAB_NAME}/lake", "fab": {"wafer_id_rules": rules}})

    assert settings.lake == "s3a://F7/lake"
    assert settings.fab.wafer_id_rules == [["^F7-", ""]]


def test_f30_secrets_stand_in_no_text_of_the_settings(load, monkeypatch):
    monkeypatch.setenv("WORD", "hunter2")
    database = {"password": "${WORD}", "url": "jdbc:postgresql://db/fab?password=${WORD}"}
    spark = {"spark.hadoop.fs.s3a.secret.key": "${WORD}"}

    settings = load({"database": database, "ingest": {"operator_key": "${WORD}"}, "spark": spark})

    assert settings.database.password == settings.ingest.operator_key == "hunter2"
    assert not re.search("hunter2", repr(settings) + str(settings) + f"{settings.database}")


def test_steps_of_the_night_are_files_of_jobs():
    jobs = PROJECT / "jobs"

    assert [step for step in steps() if not (jobs / f"{step}.py").is_file()] == []
