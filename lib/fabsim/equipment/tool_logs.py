"""What one tool writes to its log in one night."""

from collections.abc import Iterator

from fabsim.calendar import utc
from fabsim.equipment.alarms import DRIFT, TEXTS, Alarm, alarms, truth
from fabsim.equipment.sensor_faults import Row
from fabsim.equipment.visits import (
    WHOLE_LOT,
    Visits,
    area_of,
    carrier_visits,
    chambers_of,
    wafer_visits,
)
from fabsim.line.history import Built
from fabsim.line.lots import wafer_id
from fabsim.line.tools import Chamber

# In which order a chamber does what happens in the same second.
ENDS, CLEANED, CLEANS, STARTS, ALARMS = range(5)

# When, in which order within that second, and what is written behind the time.
Event = tuple[int, int, str]


def tool_log(built: Built, night: int, equipment_id: str) -> tuple[str, list[Row]]:
    """Lines in order of time, from the night's first second to its last, and a row per alarm.

    A batch tool logs lots, not wafers. A visit that goes on at midnight starts in the log of one
    night and ends in that of the next.
    """
    wafers = wafer_visits(built, night, equipment_id)
    raised = [one for one in alarms(built, wafers) if _is_in(built, night, one.at)]
    events = [
        *_visits(built, carrier_visits(built, night, equipment_id)),
        *_cleans(built, night, equipment_id),
        *(_alarm(built, equipment_id, wafers, one) for one in raised),
    ]
    lines = [_line(*one) for one in sorted(events) if _is_in(built, night, one[0])]
    rows = [truth(built, night, wafers, one) for one in sorted(raised, key=lambda one: one.at)]
    return "".join(lines), rows


def _is_in(built: Built, night: int, at: int) -> bool:
    return built.plan.calendar.begins(night) <= at < built.plan.calendar.ends(night)


def _line(at: int, _: int, said: str) -> str:
    return f"{utc(at):%Y-%m-%dT%H:%M:%SZ} {said}\n"


def _visits(built: Built, seen: Visits) -> Iterator[Event]:
    for visit, (started, ended) in enumerate(zip(seen.started, seen.ended, strict=True)):
        unit = "LOT" if seen.slot[visit] == WHOLE_LOT else "WAFER"
        place, done = _place(built.tools.chambers[seen.chamber[visit]]), _done(built, seen, visit)
        yield int(started), STARTS, f"INFO {place} {unit}_START {done}"
        yield int(ended), ENDS, f"INFO {place} {unit}_END {done}"


def _cleans(built: Built, night: int, equipment_id: str) -> Iterator[Event]:
    begins, ends = built.plan.calendar.begins(night), built.plan.calendar.ends(night)
    for number in chambers_of(built, equipment_id):
        one = built.tools.chambers[number]
        last = begins - (begins - one.cleaned_at) % one.period
        for at in range(last, ends, one.period):
            yield at, CLEANS, f"INFO {_place(one)} CLEAN_START"
            yield at + one.cleaning, CLEANED, f"INFO {_place(one)} CLEAN_END"


def _alarm(built: Built, equipment_id: str, wafers: Visits, one: Alarm) -> Event:
    level = "WARN" if one.code == DRIFT else "ERROR"
    place = _place(built.tools.chambers[wafers.chamber[one.visit]])
    unit = _unit(wafers, one.visit, area_of(built, equipment_id).is_batch)
    said = f'{level} {place} ALARM code={one.code} {unit}{one.detail} text="{TEXTS[one.code]}"'
    return one.at, ALARMS, said


def _done(built: Built, seen: Visits, visit: int) -> str:
    unit = _unit(seen, visit, bool(seen.slot[visit] == WHOLE_LOT))
    step = built.plan.route[seen.step[visit]].process_step
    return f"{unit} step={step} recipe={seen.recipe_id[visit]}"


def _unit(seen: Visits, visit: int, is_lot: bool) -> str:
    lot = f"lot={seen.lot_id[visit]}"
    return lot if is_lot else f"{lot} wafer={wafer_id(int(seen.slot[visit]))}"


def _place(one: Chamber) -> str:
    return f"{one.equipment_id}/{one.chamber_id}"
