from collections import defaultdict

import numpy as np
import pytest

from fabsim.calendar import DAY, HOUR
from fabsim.line.tools import Chamber, ChamberList


@pytest.fixture(scope="module")
def tools(plan):
    return ChamberList(plan)


def test_every_tool_of_the_route_has_the_chambers_of_its_area(plan, tools):
    chambers = defaultdict(list)
    for one in tools.chambers:
        chambers[one.equipment_id].append(one.chamber_id)
    areas = {area.area: area for area in plan.areas}

    assert set(chambers) == {tool for step in plan.route for tool in step.equipment}
    for step in plan.route:
        for tool in step.equipment:
            assert tuple(chambers[tool]) == areas[step.area].chambers


def test_a_chamber_is_known_by_its_number(tools):
    number = tools.number("ETCH02", "B")

    assert (tools.chambers[number].equipment_id, tools.chambers[number].chamber_id) == (
        "ETCH02",
        "B",
    )
    assert number in tools.of_steps[tools.step("etch_gate")]
    assert number not in tools.of_steps[tools.step("etch_sti")]


@pytest.mark.parametrize("days", [-2, 0, 3])
def test_a_chamber_is_busy_from_the_beginning_of_its_clean_to_the_end(days):
    chamber = Chamber("T", "A", 0, cleaned_at=1_000, period=DAY, cleaning=6 * HOUR)
    begins = 1_000 + days * DAY
    ends = begins + 6 * HOUR

    for at, free in ((begins, ends), (ends - 1, ends), (ends, ends), (ends + 1, ends + 1)):
        assert chamber.free_at(at, HOUR) == free


def test_a_visit_starts_only_if_no_clean_interrupts_it():
    chamber = Chamber("T", "A", 0, cleaned_at=0, period=DAY, cleaning=6 * HOUR)
    after = DAY + 6 * HOUR

    assert chamber.free_at(22 * HOUR, 2 * HOUR) == 22 * HOUR
    assert chamber.free_at(22 * HOUR, 2 * HOUR + 1) == after
    # What is longer than the time between two cleans begins with it.
    assert chamber.free_at(12 * HOUR, 20 * HOUR) == after


def test_chambers_of_one_tool_are_cleaned_together_and_tools_of_an_area_apart(tools):
    cleaned = defaultdict(set)
    for one in tools.chambers:
        cleaned[one.equipment_id].add(one.cleaned_at % one.period)

    assert {len(times) for times in cleaned.values()} == {1}
    etch = sorted(min(times) for name, times in cleaned.items() if name.startswith("ETCH"))
    assert len(etch) == 8
    assert min(np.diff(etch)) > HOUR


def test_age_grows_from_one_clean_to_the_next(tools):
    number = tools.number("ETCH02", "B")
    chamber = tools.chambers[number]
    at = chamber.cleaned_at + np.array([0, chamber.period // 4, chamber.period - 1, chamber.period])

    ages = tools.ages(np.full(4, number), at)
    assert ages == pytest.approx([0.0, 0.25, 1.0, 0.0], abs=1e-4)
    assert chamber.period == 4 * DAY
