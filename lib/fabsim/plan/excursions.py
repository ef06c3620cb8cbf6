"""Everything that goes wrong in a plan: patterns, excursions, and dirty data."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated

from fabsim.plan.bounds import (
    MOST_NIGHTS,
    Name,
    Night,
    Percent,
    Share,
    ShareRange,
    Sigmas,
    ordered,
)
from fabyield.settings.typed import between, sized


class Shape(StrEnum):
    """Where on a wafer die are lost; the names of wafer-map patterns."""

    CENTRE = "centre"
    DONUT = "donut"
    EDGE_RING = "edge_ring"
    EDGE_LOC = "edge_loc"
    LOC = "loc"
    SCRATCH = "scratch"
    RANDOM = "random"
    NEAR_FULL = "near_full"


@dataclass(frozen=True)
class Pattern:
    """The share of wafers that show a shape, and the range of die lost inside it (0-1)."""

    shape: Shape
    share: Share
    kill_ratio: ShareRange


class Kind(StrEnum):
    """What an excursion's cause is."""

    BAD_CHAMBER = "bad_chamber"
    WRONG_RECIPE = "wrong_recipe"
    DRIFTING_SENSOR = "drifting_sensor"
    PROBE_SITE = "probe_site"
    MATERIAL_LOT = "material_lot"
    PROGRAM_CHANGE = "program_change"


# What must be said of where each kind of cause is.
PLACES: dict[Kind, tuple[str, ...]] = {
    Kind.BAD_CHAMBER: ("process_step", "equipment_id", "chamber_id"),
    Kind.WRONG_RECIPE: ("process_step", "recipe_id"),
    Kind.DRIFTING_SENSOR: ("process_step", "equipment_id", "chamber_id", "sensor"),
    Kind.PROBE_SITE: ("insertion", "node_nam", "site_num"),
    Kind.MATERIAL_LOT: ("material_id",),
    Kind.PROGRAM_CHANGE: ("insertion", "job_rev"),
}
IN_A_CHAMBER = (Kind.BAD_CHAMBER, Kind.DRIFTING_SENSOR)
AT_TESTERS = (Kind.PROBE_SITE, Kind.PROGRAM_CHANGE)


@dataclass(frozen=True)
class Effect:
    """What a cause does to a wafer that it hits.

    It loses `loss_pct` of its die (mean, with spread `loss_sigma_pct`), all inside `shape`. They
    fail tests of `group`; the first `shifted_tests` of that group move by `shift_sigma` on all
    die. PCM parameters move by their own sigmas.
    """

    loss_pct: Percent
    loss_sigma_pct: Percent
    shape: Shape
    group: str
    shifted_tests: Annotated[int, between(0, 10_000)] = 0
    shift_sigma: Sigmas = 0.0
    pcm_sigma: dict[str, Sigmas] = field(default_factory=dict)


@dataclass(frozen=True)
class Excursion:
    """A cause, where it is, and the nights whose lots it can hit.

    It starts when the first lot of `from_night` reaches its place (blanks: when that lot starts),
    and ends when the first lot of `until_night` does; 0: never. It hits the share `share` of the
    wafers there (probe sites: touch-downs), of `product_id` only if that is given. A drifting
    sensor drifts by `drift` of its sigmas a day.
    """

    name: Name
    kind: Kind
    at: dict[str, Name]
    from_night: Night
    until_night: Annotated[int, between(0, MOST_NIGHTS)]
    share: Share
    effect: Effect
    drift: Annotated[float, between(-100, 100)] = 0.0
    product_id: str = ""

    def concerns(self, product_id: str) -> bool:
        """Whether it can hit wafers of a product."""
        return self.product_id in ("", product_id)


@dataclass(frozen=True)
class Bystander:
    """A chamber that saw most of the wafers an excursion hit, and harmed none."""

    excursion: str
    process_step: str
    equipment_id: str
    chamber_id: str
    share_of_hit: Share
    share_of_others: Share


@dataclass(frozen=True)
class Dirt:
    """The shares (0-1) of deliveries with a fault.

    Files: wafer IDs that no rule can correct, delivered twice under the same or another name,
    `late_nights` late, cut off (`redelivered` of them come whole the next night), damaged. Nights
    of a tester with a wrong clock. Lots split, split and merged, renumbered. Sensors of a chamber
    per night without trace, stuck, with spikes. Nights of a tool with a wrong clock in its traces.
    """

    misspelt: Share = 0.0
    duplicated: Share = 0.0
    renamed: Share = 0.0
    late: Share = 0.0
    late_nights: Annotated[tuple[Night, ...], sized(2, 2), ordered] = (1, 7)
    truncated: Share = 0.0
    redelivered: Share = 0.5
    corrupt: Share = 0.0
    clock: Share = 0.0
    split: Share = 0.0
    merged: Share = 0.0
    renumbered: Share = 0.0
    sensor_missing: Share = 0.0
    sensor_stuck: Share = 0.0
    sensor_spiking: Share = 0.0
    sensor_clock: Share = 0.0


@dataclass(frozen=True)
class Scarcity:
    """If `defective` is not 0, that many die of `among` are bad, and none for another reason."""

    defective: Annotated[int, between(0, 10**12)]
    among: Annotated[int, between(1, 10**12)]
