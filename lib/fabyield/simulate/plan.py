"""Every number of the simulated fab, as conf/simulate.yml names it."""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from importlib.resources import files
from pathlib import Path
from typing import Self, cast

import yaml

from fabyield.errors import ConfigError
from fabyield.simulate.typed import build


@dataclass(frozen=True)
class Product:
    """A device, its die and wafer sizes, and the program that probes it."""

    product_id: str
    wafer_diameter_mm: float
    die_width_mm: float
    die_height_mm: float
    edge_mm: float
    job_nam: str
    job_rev: str
    flow_id: str


@dataclass(frozen=True)
class Line:
    """How many lots start, how often, and how long they wait."""

    lots: int
    unsorted_lots: int
    wafers_per_lot: int
    first_lot_at: datetime
    lot_every_hours: tuple[float, ...]
    lot_id: str
    first_lot_number: int
    queue_sigma: float
    pcm_hours: float
    sort_hours: float


@dataclass(frozen=True)
class Step:
    """One process step and the equipment that can do it."""

    process_step: str
    equipment: tuple[str, ...]
    recipe_id: str
    wafer_minutes: float
    queue_hours: float


@dataclass(frozen=True)
class Bad:
    """The chamber that costs yield, from when on, and what it does to a wafer."""

    process_step: str
    equipment_id: str
    chamber_id: str
    after_lots: int
    effect_pct: float
    effect_sigma_pct: float
    ring_from: float
    shifted_group: str
    shifted_tests: int
    shift_sigma: float
    pcm_sigma: dict[str, float]


@dataclass(frozen=True)
class Innocent:
    """A chamber that saw most of the bad wafers, and harmed none."""

    process_step: str
    equipment_id: str
    chamber_id: str
    share_of_bad: float
    share_of_others: float


@dataclass(frozen=True)
class Yields:
    """What kills die on every wafer, in percent of its die."""

    defect_pct: float
    wafer_sigma_pct: float
    lot_sigma_pct: float
    contact_pct: float
    contact_cured: float
    random_low_share: float
    random_low_pct: tuple[float, ...]


@dataclass(frozen=True)
class Pcm:
    """One parameter measured on every wafer at the end of the line."""

    pcm_test: str
    unit: str
    mean: float
    sigma: float


@dataclass(frozen=True)
class Probe:
    """Wafer sort: how many sites and tests, and how they scatter."""

    sites: int
    tests: int
    functional_tests: int
    functional_weight: float
    limit_sigma: float
    radial_sigma: float
    site_sigma: float
    test_ms: float
    test_sigma_ms: float
    index_ms: float


@dataclass(frozen=True)
class Group:
    """Tests of one kind: they share a unit, a bin and the PCM parameter that they follow."""

    group: str
    units: str
    res_scal: int
    nominal: float
    sigma: float
    step: float
    weight: float
    pcm: str
    pcm_sigma: float
    high_only: bool


class ByteOrder(StrEnum):
    """How a tester's computer stores numbers."""

    LITTLE = "little"
    BIG = "big"


class Retest(StrEnum):
    """What a tester says of a second touch-down: PRR.PART_FLG bit 0, bit 1, or nothing."""

    SAME_PART_ID = "same_part_id"
    SAME_XY = "same_xy"
    NONE = "none"


@dataclass(frozen=True)
class Tester:
    """One prober cell and its habits; `wafer_id` is a format of {lot} and {slot}."""

    node_nam: str
    tstr_typ: str
    byte_order: ByteOrder
    oper_nam: str
    wafer_id: str
    retest: Retest


@dataclass(frozen=True)
class KnownWafers:
    """Wafers of real files, of which only names and the number of die are known."""

    product_id: str
    gross_die: int
    lot_id: str
    slots: tuple[int, ...]


@dataclass(frozen=True)
class Plan:
    """The whole simulated fab; equal plans make equal bytes."""

    seed: int
    zone: str
    product: Product
    line: Line
    chambers: tuple[str, ...]
    route: tuple[Step, ...]
    bad: Bad
    innocent: Innocent
    yields: Yields
    pcm_lot_share: float
    pcm: tuple[Pcm, ...]
    probe: Probe
    groups: tuple[Group, ...]
    testers: tuple[Tester, ...]
    known_wafers: tuple[KnownWafers, ...]

    @classmethod
    def load(cls, path: Path | None = None) -> Self:
        """Read a plan from YAML, by default conf/simulate.yml; ConfigError names a wrong field."""
        source = path if path is not None else files("fabyield.conf").joinpath("simulate.yml")
        try:
            values = yaml.safe_load(source.read_text())
        except (OSError, yaml.YAMLError) as error:
            raise ConfigError(f"plan {source}: {error}; give a YAML file") from error
        plan = cast(Self, build(cls, values, "plan"))
        _check_names(plan)
        return plan

    def sized(self, lots: int, wafers_per_lot: int) -> Self:
        """Give the same fab with another number of sorted lots and of wafers in each."""
        if lots < 1 or wafers_per_lot < 1:
            raise ConfigError(f"{lots} lots of {wafers_per_lot} wafers: use at least one of each")
        line = replace(self.line, lots=lots, wafers_per_lot=wafers_per_lot)
        return replace(self, line=line)


def _check_names(plan: Plan) -> None:
    equipment = {(step.process_step, tool) for step in plan.route for tool in step.equipment}
    parameters = {one.pcm_test for one in plan.pcm}
    wanted = {
        "bad.equipment_id": (plan.bad.process_step, plan.bad.equipment_id) in equipment,
        "bad.chamber_id": plan.bad.chamber_id in plan.chambers,
        "bad.shifted_group": plan.bad.shifted_group in {one.group for one in plan.groups},
        "bad.pcm_sigma": plan.bad.pcm_sigma.keys() <= parameters,
        "innocent.equipment_id": (plan.innocent.process_step, plan.innocent.equipment_id)
        in equipment,
        "innocent.chamber_id": plan.innocent.chamber_id in plan.chambers,
        "groups.pcm": {one.pcm for one in plan.groups} <= parameters,
    }
    lost = [name for name, is_known in wanted.items() if not is_known]
    if lost:
        raise ConfigError(f"plan: {', '.join(lost)} names nothing in the same file; correct it")
