"""The command line of the benches."""

from dataclasses import replace

import pytest

from benchmarks import __main__ as command
from benchmarks.__main__ import BENCHES, TRY, main
from benchmarks.harness.process import NotRunError


@pytest.fixture
def asked(monkeypatch):
    """What each bench is asked to measure, in the place of measuring; join cannot be run."""
    seen = {}

    def measure(name):
        def measured(chosen, _before):
            seen[name] = chosen
            if name == "join":
                raise NotRunError("no room")
            return {"versions": {}, "contenders": [], "size": {"times": [1]}}

        return measured

    benches = {n: replace(bench, measure=measure(n)) for n, bench in BENCHES.items()}
    monkeypatch.setattr(command, "BENCHES", benches)
    return seen


def test_without_a_name_all_are_run_though_one_cannot_be(asked, tmp_path):
    assert main(["--into", str(tmp_path), "--folder", str(tmp_path / "data")]) == 1

    assert list(asked) == list(BENCHES)
    assert (tmp_path / "history.json").exists()
    assert not (tmp_path / "join.json").exists()


def test_one_is_run_by_its_name_with_options_of_its_own(asked, tmp_path):
    given = ["night", "--into", str(tmp_path), "--folder", str(tmp_path), "--lots", "2", "3"]

    assert main(given) == 0
    assert list(asked) == ["night"]
    assert asked["night"].lots == [2, 3]


def test_a_try_is_small_and_kept_apart(asked, tmp_path, monkeypatch):
    monkeypatch.setattr(command, "TRY", tmp_path / "try")

    main(["validate", "--try", "--folder", str(tmp_path)])

    assert (tmp_path / "try" / "validate.json").exists()
    assert asked["validate"].rows < 1_000_000
    assert asked["validate"].repeats == 1
    assert TRY.parent.name == "var"


@pytest.mark.parametrize("given", [["nothing"], ["join", "--lots", "2"], ["--repeats", "0"]])
def test_wrong_usage_measures_nothing(given, asked):
    with pytest.raises(SystemExit, match="2"):
        main(given)

    assert not asked


@pytest.mark.parametrize("name", BENCHES)
def test_every_bench_has_help(name, capsys):
    with pytest.raises(SystemExit, match="0"):
        main([name, "--help"])

    assert "--repeats" in capsys.readouterr().out
