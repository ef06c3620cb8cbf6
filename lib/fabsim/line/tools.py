"""The tools of the line: their chambers and cleans."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from fabsim.arrays import Floats, Ints, column
from fabsim.calendar import DAY, HOUR
from fabsim.plan.line import Area
from fabsim.plan.plan import Plan

# Spreads the cleans of any number of tools evenly over their period.
GOLDEN = 0.6180339887


@dataclass(frozen=True)
class Chamber:
    """One chamber of one tool."""

    equipment_id: str
    chamber_id: str
    area: int
    cleaned_at: int
    period: int
    cleaning: int

    def free_at(self, at: int, takes: int) -> int:
        """Return when a visit of `takes` seconds can start: at `at`, or after the clean in its way.

        A visit that is longer than the time between two cleans starts after the next clean.
        """
        since = (at - self.cleaned_at) % self.period
        if since + takes > self.period:
            return at - since + self.period + self.cleaning
        return at + max(self.cleaning - since, 0)


@dataclass(frozen=True)
class ChamberList:
    """All chambers of a plan; the position of a chamber is its number."""

    plan: Plan

    @cached_property
    def chambers(self) -> tuple[Chamber, ...]:
        """Every chamber, sorted by tool."""
        areas = {one.area: number for number, one in enumerate(self.plan.areas)}
        tools = {tool: areas[step.area] for step in self.plan.route for tool in step.equipment}
        chambers = []
        for turn, (tool, number) in enumerate(sorted(tools.items())):
            area = self.plan.areas[number]
            period, cleaning = round(area.clean_every_days * DAY), round(area.clean_hours * HOUR)
            first = self.plan.calendar.begins(1) + round(turn * GOLDEN % 1 * period)
            rest = number, first, period, cleaning
            chambers += [Chamber(tool, chamber_id, *rest) for chamber_id in area.chambers]
        return tuple(chambers)

    @cached_property
    def of_steps(self) -> tuple[Ints, ...]:
        """Per step of the route, the numbers of the chambers that can run it."""
        tools = column(self.chambers, "equipment_id")
        return tuple(np.flatnonzero(np.isin(tools, step.equipment)) for step in self.plan.route)

    @cached_property
    def areas_of_steps(self) -> tuple[Area, ...]:
        """Per step of the route, its area."""
        areas = {one.area: one for one in self.plan.areas}
        return tuple(areas[step.area] for step in self.plan.route)

    @cached_property
    def groups_of_steps(self) -> Ints:
        """Per step of the route, the index of the test group that the drift of its area shifts."""
        return np.array([self.plan.group_number(one.drift_group) for one in self.areas_of_steps])

    def number(self, equipment_id: str, chamber_id: str) -> int:
        """Return the number of a chamber."""
        names = [(one.equipment_id, one.chamber_id) for one in self.chambers]
        return names.index((equipment_id, chamber_id))

    def step(self, process_step: str) -> int:
        """Return the index of a step in the route."""
        return [one.process_step for one in self.plan.route].index(process_step)

    def ages(self, chamber: Ints, at: Ints) -> Floats:
        """Return how far each chamber is between its last clean (0) and the next (1) at `at`."""
        cleaned, period = column(self.chambers, "cleaned_at"), column(self.chambers, "period")
        return np.asarray(((at - cleaned[chamber]) % period[chamber]) / period[chamber])
