"""What the plan says of everything that goes wrong: patterns, excursions, and dirty data."""

from dataclasses import dataclass, field
from enum import StrEnum


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
    share: float
    kill_ratio: tuple[float, ...]


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

    loss_pct: float
    loss_sigma_pct: float
    shape: Shape
    group: str
    shifted_tests: int = 0
    shift_sigma: float = 0.0
    pcm_sigma: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Excursion:
    """A cause, where it is, and the nights whose lots it can hit.

    It begins when the first lot of `from_night` comes to its place (blanks: as that lot starts),
    and ends when the first lot of `until_night` does; 0: never. Of the wafers (probe sites: of the
    touch-downs) there it hits `share`; if `product_id` is given, of that product's alone. A
    drifting sensor drifts by `drift` of its sigmas a day.
    """

    name: str
    kind: Kind
    at: dict[str, str]
    from_night: int
    until_night: int
    share: float
    effect: Effect
    drift: float = 0.0
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
    share_of_hit: float
    share_of_others: float


@dataclass(frozen=True)
class Dirt:
    """How much of what is delivered is not as it should be, as shares (0-1).

    Of files: wafer IDs that no rule can mend, second deliveries under the same and under another
    name, deliveries `late_nights` too late, files cut off (`redelivered` of them come whole the
    next night) and damaged. Of a tester's nights: those with a wrong clock. Of lots: split, split
    and merged again, re-numbered. Of a chamber's sensors a night: without trace, stuck, with
    spikes. Of a tool's nights: traces of a wrong clock.
    """

    misspelt: float = 0.0
    duplicated: float = 0.0
    renamed: float = 0.0
    late: float = 0.0
    late_nights: tuple[int, ...] = (1, 7)
    truncated: float = 0.0
    redelivered: float = 0.5
    corrupt: float = 0.0
    clock: float = 0.0
    split: float = 0.0
    merged: float = 0.0
    renumbered: float = 0.0
    sensor_missing: float = 0.0
    sensor_stuck: float = 0.0
    sensor_spiking: float = 0.0
    sensor_clock: float = 0.0


@dataclass(frozen=True)
class Scarcity:
    """If `defective` is not 0, so many die of `among` are bad, and none for any other reason."""

    defective: int
    among: int
