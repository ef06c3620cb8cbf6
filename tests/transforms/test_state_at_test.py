from datetime import UTC, datetime

import pytest

from fabyield.lake.catalog import INSERTIONS, PCM_RESULTS, PROCESS_HISTORY
from fabyield.transforms.silver import state_at_test

WAFER = {"fab_id": "F1", "wafer_key": 5}
STEP = WAFER | {"process_step": "etch", "ended_at": None}


def at(hour):
    return datetime(2026, 3, 2, hour, tzinfo=UTC)


@pytest.fixture
def tested(rows):
    """A wafer that came to CP1 at 6 and to CP2 at 12, and one of another fab."""
    other = {"fab_id": "F2", "wafer_key": 5, "insertion": "CP1", "tested_at": at(12)}
    hours = {"CP1": 6, "CP2": 12}
    ours = [WAFER | {"insertion": name, "tested_at": at(hour)} for name, hour in hours.items()]
    return rows(INSERTIONS, other, *ours)


def chambers(df):
    return {(r["fab_id"], r["insertion"]): (r["chamber_id"], r["visits"]) for r in df.collect()}


def test_reworked_wafer_has_the_chamber_of_its_last_visit_before_each_test(rows, tested):
    visits = {"A": (1, 2), "B": (4, 5), "C": (7, 8), "D": (12, 13)}
    steps = [
        STEP | {"chamber_id": name, "step_seq": seq, "started_at": at(a), "ended_at": at(b)}
        for seq, (name, (a, b)) in enumerate(visits.items())
    ]

    found = state_at_test.process_history_at_test(tested, rows(PROCESS_HISTORY, *steps))

    assert chambers(found) == {("F1", "CP1"): ("B", 2), ("F1", "CP2"): ("C", 3)}


def test_visit_without_an_end_counts_from_its_start_and_without_times_not_at_all(rows, tested):
    steps = [
        STEP | {"chamber_id": "A", "started_at": at(5)},
        STEP | {"chamber_id": "B", "step_seq": 2, "started_at": None},
    ]

    found = state_at_test.process_history_at_test(tested, rows(PROCESS_HISTORY, *steps))

    assert set(chambers(found).values()) == {("A", 1)}


def test_of_visits_that_end_together_the_later_step_is_the_last(rows, tested):
    steps = [
        STEP | {"chamber_id": str(seq), "step_seq": seq, "ended_at": at(5)} for seq in (2, 3, 1)
    ]

    found = state_at_test.process_history_at_test(tested, rows(PROCESS_HISTORY, *steps))

    assert set(chambers(found).values()) == {("3", 3)}


def test_pcm_is_the_last_measured_before_the_test(rows, tested):
    values = {2: 0.2, 5: 0.5, 8: 0.8}
    results = [
        WAFER | {"pcm_test": "vth", "pcm_value": value, "measured_at": at(hour)}
        for hour, value in values.items()
    ]

    found = state_at_test.pcm_at_test(tested, rows(PCM_RESULTS, *results)).collect()

    assert {(row["insertion"], row["pcm_value"]) for row in found} == {("CP1", 0.5), ("CP2", 0.8)}
