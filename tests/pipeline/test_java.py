"""Java is looked at before Spark is started, and never started for that."""

import pytest

from fabyield.errors import ConfigError
from fabyield.pipeline.java import check_java


@pytest.fixture
def java(tmp_path, monkeypatch):
    """`java("17.0.9")` makes a folder with that Java, and is its path; no Java is on PATH."""
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("SPARK_CONF_DIR", str(tmp_path / "conf"))

    def make(version, mode=0o755):
        (tmp_path / "bin").mkdir()
        (tmp_path / "bin" / "java").touch(mode)
        if version:
            (tmp_path / "release").write_text(f'IMPLEMENTOR="X"\nJAVA_VERSION="{version}"\n')
        return str(tmp_path)

    return make


def test_home_without_java_is_named_with_what_to_do(java, monkeypatch):
    monkeypatch.setenv("JAVA_HOME", "/nonexistent")

    with pytest.raises(ConfigError) as failed:
        check_java()

    assert str(failed.value) == (
        "JAVA_HOME is /nonexistent, but /nonexistent/bin/java does not exist: install Java 17 or "
        "newer (Debian: apt install openjdk-17-jre-headless), or set JAVA_HOME to its folder"
    )


def test_java_that_cannot_be_executed_is_named(java, monkeypatch):
    monkeypatch.setenv("JAVA_HOME", java("17.0.9", mode=0o644))

    with pytest.raises(ConfigError, match="bin/java cannot be executed: install Java 17"):
        check_java()


def test_no_java_anywhere_is_told(java):
    with pytest.raises(ConfigError, match="JAVA_HOME is not set, and there is no java on PATH"):
        check_java()


@pytest.mark.parametrize(("version", "is_old"), [("1.8.0_392", 8), ("11.0.2", 11)])
def test_java_on_the_path_that_is_too_old_is_named(java, version, is_old):
    java(version)

    with pytest.raises(ConfigError, match=f"bin/java is Java {is_old}: install Java 17"):
        check_java()


@pytest.mark.parametrize("version", ["17", "17.0.9", "21.0.1", None])
def test_java_that_may_do_is_let_pass(java, version):
    java(version)

    check_java()


def test_nothing_is_said_where_spark_sets_java_by_itself(java, monkeypatch, tmp_path):
    monkeypatch.setenv("JAVA_HOME", "/nonexistent")
    (tmp_path / "conf").mkdir()
    (tmp_path / "conf" / "spark-env.sh").touch()

    check_java()
