"""How a night is run, whatever its steps do."""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from fabyield.pipeline.night import one_night
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
