"""The line as it has run up to a night."""

from dataclasses import dataclass
from functools import cached_property
from typing import Self

from fabsim.arrays import Floats
from fabsim.line.excursion_hits import hits
from fabsim.line.lots import StartedLot, run_line
from fabsim.line.tools import ChamberList
from fabsim.plan.plan import Plan
from fabsim.plan.program import Program, program


@dataclass(frozen=True)
class LineRun:
    """All lots that have started, in order; `hits`: per lot, excursions x wafers from 0 to 1."""

    plan: Plan
    tools: ChamberList
    lots: list[StartedLot]
    hits: list[Floats]

    @classmethod
    def until(cls, plan: Plan, night: int) -> Self:
        """Run the line to the end of `night`."""
        tools = ChamberList(plan)
        lots = run_line(plan, tools, plan.calendar.ends(night))
        return cls(plan, tools, lots, hits(plan, tools, lots))

    @cached_property
    def programs(self) -> tuple[Program, ...]:
        """The test program of each insertion."""
        return tuple(program(self.plan, number) for number in range(len(self.plan.insertions)))
