"""What the plan says of products, of the line they go through, and of what its tools sense."""

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True)
class Product:
    """A device: its die, its share of the lot starts from a night on, and its random defects.

    Killer defects per die are negative binomial with this mean and alpha, alike within a square
    of `cluster_die` x `cluster_die` die. `shift_sigma` moves all its tests, in their sigmas.
    """

    product_id: str
    variant_of: str
    from_night: int
    share: float
    wafer_diameter_mm: float
    die_width_mm: float
    die_height_mm: float
    edge_mm: float
    reticle: tuple[int, ...]
    defects_per_die: float
    alpha: float
    cluster_die: int
    shift_sigma: float


@dataclass(frozen=True)
class Line:
    """When lots start and how they wait; a lot is sorted `cycle_days` after its start, or later.

    `queue_sigma` spreads the waiting times (log-normal). A material lot serves `lots_per_material`
    lots. Where more lots start a night than `capacity_lots`, all tools are faster in proportion.
    """

    first_night_on: date
    cycle_days: int
    lots_per_night: int
    capacity_lots: float
    wafers_per_lot: int
    lot_id: str
    assembly_lot_id: str
    material_id: str
    first_lot_number: int
    lots_per_material: int
    queue_sigma: float
    pcm_hours: float

    @property
    def hurry(self) -> float:
        """What tools take of their usual time, at most 1."""
        return min(1.0, self.capacity_lots / self.lots_per_night)


@dataclass(frozen=True)
class Sensor:
    """One signal of a chamber while it processes: its set point, noise, and drift between cleans.

    `ramp_seconds` is how long it takes from 0 to the set point.
    """

    sensor: str
    unit: str
    set_point: float
    sigma: float
    drift: float
    ramp_seconds: float


@dataclass(frozen=True)
class Area:
    """Tools of one kind; each has the same chambers.

    Every `clean_every_days` a tool is cleaned for `clean_hours`. From one clean to the next its
    wafers' tests of `drift_group` move by `drift_sigma` of their sigmas, half of it either way.
    Wafers of a batch tool are processed at once, and its first and last slots are off by
    `slot_sigma`.
    """

    area: str
    chambers: tuple[str, ...]
    wafer_minutes: float
    queue_hours: float
    is_batch: bool
    clean_every_days: float
    clean_hours: float
    drift_group: str
    drift_sigma: float
    slot_sigma: float
    sensors: tuple[Sensor, ...]


@dataclass(frozen=True)
class ProcessStep:
    """One process step and the equipment that can do it."""

    process_step: str
    area: str
    equipment: tuple[str, ...]
    recipe_id: str


@dataclass(frozen=True)
class Pcm:
    """One parameter measured on every wafer at the end of the line."""

    pcm_test: str
    unit: str
    mean: float
    sigma: float


@dataclass(frozen=True)
class SensorPlan:
    """How traces are sampled, and how often a tool logs an alarm of a wafer it has not harmed."""

    sample_seconds: float
    alarms_per_1000_wafers: float


@dataclass(frozen=True)
class RealWafers:
    """Wafers of real files, of which only names and the number of die are known."""

    product_id: str
    gross_die: int
    lot_id: str
    slots: tuple[int, ...]
