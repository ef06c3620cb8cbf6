"""How a night is run, whatever its steps do."""

import os
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import pytest

from fabyield.errors import DataQualityError
from fabyield.lake.catalog import RUNS
from fabyield.pipeline.launch import run_job
from fabyield.pipeline.night import nightly, one_night
from fabyield.pipeline.night_modes import Kind, NightMode
from fabyield.pipeline.run import Run
from fabyield.pipeline.run_history import NIGHT, Attempt, RunHistory, State
from fabyield.pipeline.spark import SMALL_NIGHT
from tests.conftest import FAB

STEPS = ["stdf_files", "fab_tables"]


class Nights:
    """Nights of two steps that only tell which settings they have."""

    def __init__(self, run, monkeypatch):
        self.run, self.seen = run, []
        monkeypatch.setattr("fabyield.pipeline.night.steps", lambda: STEPS)
        monkeypatch.setattr("fabyield.pipeline.night.run_step", self.step)

    def step(self, run, history):
        conf = run.spark.conf
        self.seen.append({name: conf.get(name, None) for name in SMALL_NIGHT})
        history.record(run.attempt, State.DONE)

    def night(self, mode=None, most=0.001):
        policy = replace(self.run.settings.night, parallel_steps=1, small_mb=most)
        settings = replace(self.run.settings, night=policy)
        history, self.seen = RunHistory(self.run.store, FAB), []
        attempt = Attempt(history.next_batch(), NIGHT)
        one_night(Run(self.run.store, settings, attempt, mode=mode or NightMode()), history)
        small = [seen == SMALL_NIGHT for seen in self.seen]
        assert len(small) == len(STEPS) and len(set(small)) == 1
        return small[0]


@pytest.fixture
def nights(run, monkeypatch):
    return Nights(run, monkeypatch)


def test_plans_of_a_night_of_few_bytes_are_made_for_few_rows(nights, spark):
    before = {name: spark.conf.get(name, None) for name in SMALL_NIGHT}
    assert not nights.night(), "the first night takes all that is there"
    assert nights.night()
    assert {name: spark.conf.get(name, None) for name in SMALL_NIGHT} == before

    small = Path(nights.run.settings.landing) / "stdf" / "small.stdf"
    deliver(small, 999)
    assert nights.night()
    assert not nights.night(NightMode(Kind.REPLAY))
    assert not nights.night(most=0)
    deliver(small, 1000)
    assert not nights.night()


def deliver(file, size):
    file.write_bytes(bytes(size))
    os.utime(file, (1_700_000_000, 1_700_000_000))


def test_night_after_one_that_was_stopped_has_more_to_do(nights, monkeypatch):
    nights.night()

    def stopping(run, history):
        if run.attempt.step == STEPS[1]:
            raise ZeroDivisionError
        nights.step(run, history)

    with monkeypatch.context() as patch:
        patch.setattr("fabyield.pipeline.night.run_step", stopping)
        with pytest.raises(ZeroDivisionError):
            nights.night()

    assert not nights.night()
    assert nights.night()


def test_night_that_fails_is_summed_up_once_and_its_own_error_is_raised(nights, monkeypatch):
    failed = []

    def summary(night):
        failed.append(night.attempt.batch)
        raise KeyError("no page either")

    def stopping(run, history):
        raise ZeroDivisionError

    monkeypatch.setattr("fabyield.pipeline.night.run_step", stopping)
    history = RunHistory(nights.run.store, FAB)
    night = Run(nights.run.store, nights.run.settings, Attempt(7, NIGHT))

    with pytest.raises(ZeroDivisionError):
        one_night(night, history, summary)

    assert failed == [7]


class Failing:
    """Nights of which some steps fail, each in its own way; `ran` has (batch, step, since)."""

    def __init__(self, run, monkeypatch):
        self.run, self.ways, self.ran, self.summed_up = run, {}, [], []
        steps = ["stdf_files", "yield_model", "report", "maintain"]
        monkeypatch.setattr("fabyield.pipeline.night.steps", lambda: steps)
        monkeypatch.setattr("fabyield.pipeline.night.run_step", self.step)
        monkeypatch.setattr("fabyield.pipeline.night.is_unchanged", lambda run, last: False)

    def step(self, run, history):
        def job(run):
            self.ran.append((run.attempt.batch, run.attempt.step, run.since))
            if (error := self.ways.get(run.attempt.step)) is not None:
                raise error

        run_job(job, run, history)

    def night(self, **ways):
        """The steps that ran, in order, after a night that raised the first of `ways`, if any."""
        self.ways, self.ran, self.summed_up = ways, [], []
        policy = replace(self.run.settings.night, parallel_steps=1)
        settings = replace(self.run.settings, night=policy)
        with pytest.raises(type(next(iter(ways.values())))) if ways else nullcontext():
            nightly(settings, on_failure=lambda night: self.summed_up.append(night.attempt.batch))
        return [(batch, step) for batch, step, _ in self.ran]

    def states(self, batch, step):
        rows = [r for r in self.run.store.rows(RUNS) if (r["batch"], r["step"]) == (batch, step)]
        return [row["state"] for row in sorted(rows, key=lambda row: row["ended_at"])]


@pytest.fixture
def failing(run, monkeypatch):
    return Failing(run, monkeypatch)


def test_step_that_nothing_needs_fails_each_night_without_holding_back_the_next(failing, caplog):
    failing.night()
    for batch in (2, 3):
        caplog.clear()

        ran = failing.night(yield_model=ValueError("no bin"))

        names = ["stdf_files", "yield_model", "report", "maintain"]
        assert ran == [(batch, name) for name in names]
        assert failing.states(batch, "yield_model") == ["failed"]
        assert failing.states(batch, NIGHT) == ["running", "incomplete"]
        [alarm] = [row.message for row in caplog.records if "ALERT" in row.message]
        assert "critical gold.yield_prediction (owner yield-engineering): step yield_model" in alarm
        assert "no bin; last done for batch 1" in alarm
        assert failing.summed_up == []

    failing.night()
    assert (4, "yield_model", 1) in failing.ran, "it takes all that it missed"
    assert failing.states(4, NIGHT) == ["running", "done"]


def test_night_without_its_page_is_summed_up_and_has_ended(failing):
    assert failing.night(report=OSError("disk full"))[-1] == (1, "maintain")
    assert failing.summed_up == [1]

    assert (2, "stdf_files") in failing.night(report=OSError("disk full"))


def test_of_a_broken_step_and_one_that_data_quality_stopped_the_night_raises_the_broken(failing):
    failing.night(report=KeyError(), yield_model=DataQualityError("no"))

    assert failing.states(1, "yield_model") == ["stopped"]
    assert failing.states(1, NIGHT) == ["running", "incomplete"]


def test_failure_of_a_step_that_others_need_is_resumed(failing):
    assert failing.night(stdf_files=ValueError()) == [(1, "stdf_files")]

    assert failing.night()[:2] == [(1, "stdf_files"), (1, "yield_model")]


@pytest.mark.parametrize("later", [{}, {"report": OSError("disk full")}])
def test_killed_night_is_resumed_and_the_next_one_follows_whatever_its_page_does(failing, later):
    failing.night(report=KeyboardInterrupt())
    deliver(Path(failing.run.settings.landing) / "stdf" / "new.stdf", 999)

    ran = failing.night(**later)

    assert ran[:3] == [(1, "report"), (1, "maintain"), (2, "stdf_files")]


def test_step_that_failed_alone_does_not_hold_back_the_night(failing):
    RunHistory(failing.run.store, FAB).record(Attempt(1, "report"), State.FAILED)

    ran = failing.night(report=OSError("disk full"))

    assert ran[:2] == [(1, "report"), (2, "stdf_files")]
