"""Parsed lines of tool logs, and the expected ones."""

import re

import numpy as np

from fabsim.calendar import NEVER, utc
from fabsim.equipment.tool_logs import tool_log
from fabsim.equipment.visits import chambers_of

LINE = re.compile(
    r"(?P<at>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ) (?P<level>INFO|WARN|ERROR) "
    r"(?P<tool>\w+)/(?P<chamber>\w+) (?P<event>[A-Z]+_START|[A-Z]+_END|ALARM)(?P<said> .*)?"
)
NIGHTS = range(1, 9)


def log_of(built, tool, nights=NIGHTS):
    """The parsed lines of some nights, and the truth of their alarms."""
    logs = [tool_log(built, night, tool) for night in nights]
    lines = [LINE.fullmatch(line).groupdict() for text, _ in logs for line in text.splitlines()]
    return lines, [row for _, rows in logs for row in rows]


def moment(at):
    return f"{utc(int(at)):%Y-%m-%dT%H:%M:%SZ}"


def is_in(built, at):
    calendar = built.plan.calendar
    return calendar.begins(NIGHTS[0]) <= at < calendar.ends(NIGHTS[-1])


def visits(built, tool):
    """Lot, step and wafer (from 0) of every visit of a tool."""
    return [
        (lot, step, wafer)
        for lot in built.lots
        for step, wafer in np.argwhere(lot.ended < NEVER).tolist()
        if lot.chamber[step, wafer] in chambers_of(built, tool)
    ]
