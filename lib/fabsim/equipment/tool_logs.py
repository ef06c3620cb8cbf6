"""The log of one tool in one night."""

from collections.abc import Iterator

from fabsim.calendar import utc
from fabsim.equipment.alarms import DRIFT, TEXTS, Alarm, alarm_row, alarms
from fabsim.equipment.sensor_faults import Row
from fabsim.equipment.visits import (
    WHOLE_LOT,
    Visits,
    area_of,
    carrier_visits,
    chambers_of,
    wafer_visits,
)
from fabsim.line.history import LineRun
from fabsim.line.lots import wafer_id
from fabsim.line.tools import Chamber

# The order of a chamber's events within one second.
ENDS, CLEANED, CLEANS, STARTS, ALARMS = range(5)

# Time, order within that second, and the text after the time.
Event = tuple[int, int, str]


def tool_log(line: LineRun, night: int, equipment_id: str) -> tuple[str, list[Row]]:
    """Return the log of the night's day in order of time, and one row per alarm.

    A batch tool logs lots instead of wafers. A visit over midnight starts in the log of one night
    and ends in that of the next.
    """
    day, wafers = line.plan.calendar.span(night), wafer_visits(line, night, equipment_id)
    raised = [one for one in alarms(line, wafers) if day.contains(one.at)]
    events = [
        *_visits(line, carrier_visits(line, night, equipment_id)),
        *_cleans(line, night, equipment_id),
        *(_alarm(line, equipment_id, wafers, one) for one in raised),
    ]
    text = "".join(
        f"{utc(at):%Y-%m-%dT%H:%M:%SZ} {text}\n"
        for at, _, text in sorted(events)
        if day.contains(at)
    )
    ordered = sorted(raised, key=lambda one: one.at)
    return text, [alarm_row(line, night, wafers, one) for one in ordered]


def _visits(line: LineRun, visits: Visits) -> Iterator[Event]:
    for visit, (started, ended) in enumerate(zip(visits.started, visits.ended, strict=True)):
        is_lot = bool(visits.slot[visit] == WHOLE_LOT)
        step = line.plan.route[visits.step[visit]].process_step
        place, kind = (
            _place(line.tools.chambers[visits.chamber[visit]]),
            "LOT" if is_lot else "WAFER",
        )
        unit = f"{_unit(visits, visit, is_lot)} step={step} recipe={visits.recipe_id[visit]}"
        yield int(started), STARTS, f"INFO {place} {kind}_START {unit}"
        yield int(ended), ENDS, f"INFO {place} {kind}_END {unit}"


def _cleans(line: LineRun, night: int, equipment_id: str) -> Iterator[Event]:
    day = line.plan.calendar.span(night)
    for number in chambers_of(line, equipment_id):
        one = line.tools.chambers[number]
        last = day.begins - (day.begins - one.cleaned_at) % one.period
        for at in range(last, day.ends, one.period):
            yield at, CLEANS, f"INFO {_place(one)} CLEAN_START"
            yield at + one.cleaning, CLEANED, f"INFO {_place(one)} CLEAN_END"


def _alarm(line: LineRun, equipment_id: str, wafers: Visits, one: Alarm) -> Event:
    level = "WARN" if one.code == DRIFT else "ERROR"
    place = _place(line.tools.chambers[wafers.chamber[one.visit]])
    unit = _unit(wafers, one.visit, area_of(line, equipment_id).is_batch)
    text = f'{level} {place} ALARM code={one.code} {unit}{one.detail} text="{TEXTS[one.code]}"'
    return one.at, ALARMS, text


def _unit(visits: Visits, visit: int, is_lot: bool) -> str:
    lot = f"lot={visits.lot_id[visit]}"
    return lot if is_lot else f"{lot} wafer={wafer_id(int(visits.slot[visit]))}"


def _place(one: Chamber) -> str:
    return f"{one.equipment_id}/{one.chamber_id}"
