"""Every number of the simulated fab, as conf/simulate.yml names it."""

from dataclasses import dataclass, field, replace
from typing import Annotated, Any, Self

from fabsim.calendar import Calendar
from fabsim.plan.bounds import Percent, Share, unique
from fabsim.plan.excursions import Bystander, Dirt, Excursion, Pattern, Scarcity
from fabsim.plan.final_test import FinalTest
from fabsim.plan.insertions import Group, Habits, Insertion, Spread
from fabsim.plan.line import Area, Line, Pcm, ProcessStep, Product, RealWafers, SensorPlan
from fabyield.settings.typed import between, sized, time_zone


@dataclass(frozen=True)
class Plan:
    """The whole simulated fab; equal plans make equal bytes.

    Of the die in the outermost rim of every wafer, `edge_loss_pct` are lost. `functional_weight` is
    the share of bad die that fail a functional test, beside the weights of the groups.
    """

    seed: Annotated[int, between(0, 2**63 - 1)]
    zone: Annotated[str, time_zone]
    line: Line
    products: Annotated[tuple[Product, ...], sized(1), unique]
    areas: Annotated[tuple[Area, ...], sized(1), unique]
    route: Annotated[tuple[ProcessStep, ...], sized(1), unique]
    tools: SensorPlan
    pcm_lot_share: Share
    pcm: tuple[Pcm, ...]
    edge_loss_pct: Percent
    insertions: Annotated[tuple[Insertion, ...], sized(1), unique]
    spread: Spread
    groups: Annotated[tuple[Group, ...], sized(1), unique]
    functional_weight: Annotated[float, between(0, 1_000)]
    habits: Annotated[tuple[Habits, ...], sized(1), unique]
    patterns: tuple[Pattern, ...]
    excursions: tuple[Excursion, ...]
    bystanders: tuple[Bystander, ...]
    dirt: Dirt
    scarcity: Scarcity
    known_wafers: tuple[RealWafers, ...]
    final_test: FinalTest = field(default_factory=FinalTest)

    @property
    def calendar(self) -> Calendar:
        """The nights of the plan."""
        return Calendar(self.line.first_night_on, self.zone)

    def group_number(self, group: str) -> int:
        """The place of a group of tests in `groups`."""
        return [one.group for one in self.groups].index(group)

    def changed(
        self,
        seed: int | None = None,
        lots_per_night: int | None = None,
        wafers_per_lot: int | None = None,
    ) -> Self:
        """Return the same fab with another seed, number of lots a night or of wafers in each."""
        asked = {"lots_per_night": lots_per_night, "wafers_per_lot": wafers_per_lot}
        given: dict[str, Any] = {name: n for name, n in asked.items() if n is not None}
        kept = self.seed if seed is None else seed
        return replace(self, seed=kept, line=replace(self.line, **given))
