from collections import Counter, defaultdict
from dataclasses import replace
from itertools import pairwise

import pytest

from fabsim.calendar import DAY
from fabsim.equipment.tool_logs import tool_log
from fabsim.equipment.visits import all_tools, area_of, chambers_of
from fabsim.line.history import LineRun
from fabsim.line.lots import wafer_id
from fabsim.scenarios import load_plan
from tests.fabsim.logs import NIGHTS, is_in, log_of, moment, visits


@pytest.fixture(scope="module")
def built():
    return LineRun.until(load_plan().changed(lots_per_night=1, wafers_per_lot=3), NIGHTS[-1])


def test_a_log_reads_as_it_should(built):
    text, _ = tool_log(built, 2, "ETCH03")
    first = next(line for line in text.splitlines() if "WAFER_START" in line)
    lot, step, wafer = next(
        (lot, step, wafer)
        for lot, step, wafer in visits(built, "ETCH03")
        if first.startswith(moment(lot.started[step, wafer]))
        and f"lot={lot.lot_id} wafer={wafer_id(wafer + 1)}" in first
    )
    chamber = built.tools.chambers[lot.chamber[step, wafer]].chamber_id
    recipe = built.plan.route[step]

    assert first == (
        f"{moment(lot.started[step, wafer])} INFO ETCH03/{chamber} WAFER_START lot={lot.lot_id} "
        f"wafer={wafer_id(wafer + 1)} step={recipe.process_step} recipe={recipe.recipe_id}"
    )
    assert text.endswith("\n")
    assert "\n\n" not in text


def test_starts_and_ends_of_a_night_match_the_line(built):
    for tool in (one for one in all_tools(built) if not area_of(built, one).is_batch):
        lines, _ = log_of(built, tool)
        found = Counter(
            (line["at"], line["event"], *line["said"].split()[:3])
            for line in lines
            if line["event"].startswith("WAFER")
        )
        expected = Counter(
            (moment(at), event, f"lot={lot.lot_id}", f"wafer={wafer_id(wafer + 1)}", f"step={name}")
            for lot, step, wafer in visits(built, tool)
            for name in [built.plan.route[step].process_step]
            for event, at in (
                ("WAFER_START", lot.started[step, wafer]),
                ("WAFER_END", lot.ended[step, wafer]),
            )
            if is_in(built, at)
        )
        assert found == expected


def test_lines_are_in_order_and_chambers_take_one_wafer_after_the_other(built):
    for tool in all_tools(built):
        lines, _ = log_of(built, tool)
        assert all(one["at"] <= later["at"] for one, later in pairwise(lines))
        chambers = defaultdict(list)
        for line in lines:
            if line["event"].startswith(("WAFER", "LOT")):
                chambers[line["chamber"]].append((line["event"].split("_")[1], line["said"]))
        for events in chambers.values():
            starts = [one for one in pairwise(events) if one[0][0] == "START"]
            assert all(later == ("END", one[1]) for one, later in starts)
            assert all(one[0] != later[0] for one, later in pairwise(events))


def test_wafers_take_the_steps_of_the_route_in_order(built):
    order = {step.process_step: place for place, step in enumerate(built.plan.route)}
    ways = defaultdict(list)
    for tool in all_tools(built):
        for line in log_of(built, tool)[0]:
            if line["event"] == "WAFER_START":
                lot, wafer, step, _ = line["said"].split()
                ways[lot, wafer].append((line["at"], order[step.removeprefix("step=")]))

    assert len(ways) > 20
    assert max(map(len, ways.values())) > 20
    for way in ways.values():
        steps = [step for _, step in sorted(way)]
        assert steps == sorted(set(steps))


def test_an_event_at_midnight_is_in_the_log_of_the_new_day(built):
    lot, step, wafer = next(
        (lot, step, wafer)
        for lot, step, wafer in visits(built, "ETCH03")
        if built.plan.calendar.night_of(lot.ended[step, wafer]) == 3
    )
    late = built.plan.calendar.ends(3) - lot.ended[step, wafer]
    moved = [replace(one, started=one.started + late, ended=one.ended + late) for one in built.lots]
    midnight = replace(built, lots=moved)
    ends = [
        line["said"].split()[:2]
        for line in log_of(midnight, "ETCH03", [4])[0]
        if line["at"] == moment(built.plan.calendar.begins(4)) and line["event"] == "WAFER_END"
    ]

    assert [f"lot={lot.lot_id}", f"wafer={wafer_id(wafer + 1)}"] in ends
    before, _ = log_of(midnight, "ETCH03", [3])
    assert max(line["at"] for line in before) < moment(built.plan.calendar.begins(4))


def test_a_batch_tool_logs_lots(built):
    lines, _ = log_of(built, "FURN01")
    found = Counter((line["at"], line["chamber"]) for line in lines if line["event"] == "LOT_START")
    expected = {
        (
            moment(lot.started[step, wafer]),
            built.tools.chambers[lot.chamber[step, wafer]].chamber_id,
        )
        for lot, step, wafer in visits(built, "FURN01")
        if is_in(built, lot.started[step, wafer])
    }

    assert found == dict.fromkeys(expected, 1)
    assert not any("wafer=" in (line["said"] or "") for line in lines)


def test_chambers_are_cleaned_when_the_calendar_says(built):
    for tool in all_tools(built):
        lines, _ = log_of(built, tool)
        for number in chambers_of(built, tool):
            one = built.tools.chambers[number]
            starts = [one.cleaned_at + turn * one.period for turn in range(-10, 10)]
            for event, late in (("CLEAN_START", 0), ("CLEAN_END", one.cleaning)):
                found = [
                    line["at"]
                    for line in lines
                    if (line["event"], line["chamber"]) == (event, one.chamber_id)
                ]
                due = [at + late for at in starts if is_in(built, at + late)]
                assert found == list(map(moment, due))
                assert found or one.period > 8 * DAY


def test_the_same_night_is_the_same_however_far_the_fab_was_run(built):
    often = replace(built.plan.tools, alarms_per_1000_wafers=300.0)
    longer = replace(built, plan=replace(built.plan, tools=often))
    shorter = LineRun.until(longer.plan, 4)
    for tool in all_tools(longer):
        assert tool_log(longer, 4, tool) == tool_log(longer, 4, tool) == tool_log(shorter, 4, tool)
