"""Products, the line that they go through, its tools and their sensors."""

from dataclasses import dataclass
from datetime import date
from typing import Annotated

from fabsim.plan.bounds import (
    Count,
    Hours,
    Level,
    Name,
    Names,
    Night,
    Numbered,
    Percent,
    Positive,
    Share,
    Sigmas,
    Slot,
    Spreads,
)
from fabyield.settings.typed import between, sized


@dataclass(frozen=True)
class Product:
    """A device: its die, its share of the lots that start from `from_night` on, its defects.

    The number of killer defects per die is negative binomial with this mean and alpha, and equal
    within squares of `cluster_die` x `cluster_die` die. `shift_sigma` shifts all its tests.
    """

    product_id: Name
    variant_of: str
    from_night: Night
    share: Share
    wafer_diameter_mm: Annotated[float, between(10, 1_000)]
    die_width_mm: Annotated[float, between(0.1, 1_000)]
    die_height_mm: Annotated[float, between(0.1, 1_000)]
    edge_mm: Percent
    reticle: Annotated[tuple[Annotated[int, between(1, 1_000)], ...], sized(2, 2)]
    defects_per_die: Annotated[float, between(0, 1_000)]
    alpha: Annotated[float, between(0.001, 1e6)]
    cluster_die: Annotated[int, between(1, 10_000)]
    shift_sigma: Sigmas


@dataclass(frozen=True)
class Line:
    """When lots start and how they wait; a lot is sorted `cycle_days` after its start, or later.

    `queue_sigma` spreads the waiting times (log-normal). A material lot serves `lots_per_material`
    lots. Where more lots start a night than `capacity_lots`, all tools are faster in proportion.
    """

    first_night_on: date
    cycle_days: Annotated[int, between(1, 1_000)]
    lots_per_night: Annotated[int, between(1, 100_000)]
    capacity_lots: Annotated[float, between(0.01, 1e6)]
    wafers_per_lot: Slot
    lot_id: Numbered
    assembly_lot_id: Numbered
    material_id: Numbered
    first_lot_number: Annotated[int, between(0, 10**9)]
    lots_per_material: Count
    queue_sigma: Annotated[float, between(0, 3)]
    pcm_hours: Hours

    @property
    def hurry(self) -> float:
        """Return the factor on the usual time of tools, at most 1."""
        return min(1.0, self.capacity_lots / self.lots_per_night)


@dataclass(frozen=True)
class Sensor:
    """One signal of a chamber while it processes: its set point, noise, and drift between cleans.

    `ramp_seconds` is how long it takes from 0 to the set point.
    """

    sensor: Name
    unit: str
    set_point: Level
    sigma: Annotated[float, between(0, 1e15)]
    drift: Level
    ramp_seconds: Annotated[float, between(0, 1e6)]


@dataclass(frozen=True)
class Area:
    """Tools of one kind; each has the same chambers.

    Every `clean_every_days` a tool is cleaned for `clean_hours`. From one clean to the next its
    wafers' tests of `drift_group` move by `drift_sigma` of their sigmas, half of it either way.
    Wafers of a batch tool are processed at once, and its first and last slots are off by
    `slot_sigma`.
    """

    area: Name
    chambers: Names
    wafer_minutes: Annotated[float, between(0.01, 100_000)]
    queue_hours: Hours
    is_batch: bool
    clean_every_days: Annotated[float, between(0.1, 10_000)]
    clean_hours: Hours
    drift_group: str
    drift_sigma: Spreads
    slot_sigma: Sigmas
    sensors: tuple[Sensor, ...]


@dataclass(frozen=True)
class ProcessStep:
    """One process step and the equipment that can do it."""

    process_step: Name
    area: str
    equipment: Names
    recipe_id: str


@dataclass(frozen=True)
class Pcm:
    """One parameter measured on every wafer at the end of the line."""

    pcm_test: Name
    unit: str
    mean: Level
    sigma: Positive


@dataclass(frozen=True)
class SensorPlan:
    """How traces are sampled, and how often a tool logs an alarm of a wafer it has not harmed."""

    sample_seconds: Annotated[float, between(0.001, 86_400)]
    alarms_per_1000_wafers: Annotated[float, between(0, 1_000)]


@dataclass(frozen=True)
class RealWafers:
    """Wafers of real files, of which only names and the number of die are known."""

    product_id: Name
    gross_die: Count
    lot_id: Name
    slots: tuple[Slot, ...]
