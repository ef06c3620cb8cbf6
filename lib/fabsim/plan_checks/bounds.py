"""Between what every number of a plan must lie."""

from collections.abc import Iterator
from dataclasses import fields, is_dataclass

from fabsim.plan.excursions import Bystander, Dirt, Effect, Excursion, Pattern, Scarcity
from fabsim.plan.insertions import Group, Insertion, Spread
from fabsim.plan.line import Area, Line, Pcm, Product, RealWafers, Sensor, SensorPlan
from fabsim.plan.plan import MOST, Plan

Bounds = tuple[float, float]
SHARE, PERCENT, NIGHT, COUNT = (0, 1), (0, 100), (1, 100_000), (1, 1_000_000)
# A number in the units of whatever is measured.
ANY, POSITIVE = (-1e15, 1e15), (1e-30, 1e15)
SIGMAS, SPREAD, HOURS, MS = (-20, 20), (0, 20), (0, 10_000), (0, 1e7)

BOUNDS: dict[type, dict[str, Bounds]] = {
    Plan: {
        "seed": (0, 2**63 - 1),
        "pcm_lot_share": SHARE,
        "edge_loss_pct": PERCENT,
        "functional_weight": (0, 1_000),
    },
    Line: {
        "cycle_days": (1, 1_000),
        "lots_per_night": (1, MOST["lots_per_night"]),
        "capacity_lots": (0.01, 1e6),
        "wafers_per_lot": (1, MOST["wafers_per_lot"]),
        "first_lot_number": (0, 10**9),
        "lots_per_material": COUNT,
        "queue_sigma": (0, 3),
        "pcm_hours": HOURS,
    },
    Product: {
        "from_night": NIGHT,
        "share": SHARE,
        "wafer_diameter_mm": (10, 1_000),
        "die_width_mm": (0.1, 1_000),
        "die_height_mm": (0.1, 1_000),
        "edge_mm": (0, 100),
        "reticle": (1, 1_000),
        "defects_per_die": (0, 1_000),
        "alpha": (0.001, 1e6),
        "cluster_die": (1, 10_000),
        "shift_sigma": SIGMAS,
    },
    Area: {
        "wafer_minutes": (0.01, 100_000),
        "queue_hours": HOURS,
        "clean_every_days": (0.1, 10_000),
        "clean_hours": HOURS,
        "drift_sigma": SPREAD,
        "slot_sigma": SIGMAS,
    },
    Sensor: {"set_point": ANY, "sigma": (0, 1e15), "drift": ANY, "ramp_seconds": (0, 1e6)},
    Pcm: {"mean": ANY, "sigma": POSITIVE},
    SensorPlan: {"sample_seconds": (0.001, 86_400), "alarms_per_1000_wafers": (0, 1_000)},
    RealWafers: {"gross_die": COUNT, "slots": (1, MOST["wafers_per_lot"])},
    Insertion: {
        "after_nights": (0, 1_000),
        "first_test_num": (0, 2_000_000_000),
        "tests": (1, 800),
        "functional_tests": (1, 1_000),
        "sites": (1, 255),
        "coverage": SHARE,
        "share": SHARE,
        "contact_pct": PERCENT,
        "contact_cured": SHARE,
        "test_ms": (1, 1e7),
        "test_sigma_ms": MS,
        "index_ms": MS,
    },
    Spread: {
        "limit_sigma": (1, 100),
        **dict.fromkeys(("radial", "edge", "reticle", "site", "wafer", "repeat"), SPREAD),
    },
    Group: {
        "res_scal": (-15, 15),
        "nominal": ANY,
        "sigma": POSITIVE,
        "step": (-1, 100),
        "weight": (0, 1_000),
        "rho": SHARE,
        "pcm_sigma": SIGMAS,
    },
    Pattern: {"share": SHARE, "kill_ratio": SHARE},
    Excursion: {
        "from_night": NIGHT,
        "until_night": (0, NIGHT[1]),
        "share": SHARE,
        "drift": (-100, 100),
    },
    Effect: {
        "loss_pct": PERCENT,
        "loss_sigma_pct": PERCENT,
        "shifted_tests": (0, 10_000),
        "shift_sigma": SIGMAS,
        "pcm_sigma": SIGMAS,
    },
    Bystander: {"share_of_hit": SHARE, "share_of_others": SHARE},
    Dirt: {**{one.name: SHARE for one in fields(Dirt)}, "late_nights": (1, 1_000)},
    Scarcity: {"defective": (0, 1e12), "among": (1, 1e12)},
}


def out_of_bounds(plan: Plan) -> Iterator[str]:
    """Name every number that is not between its bounds, with them; NaN is between none."""
    return _wrong("", plan)


def _wrong(where: str, one: object) -> Iterator[str]:
    for name, (low, high) in BOUNDS.get(type(one), {}).items():
        value = getattr(one, name)
        for number in _numbers(value):
            if not low <= number <= high:
                yield f"{where}{name}: {number} is not between {low:,} and {high:,}"
    for field in fields(one) if is_dataclass(one) else ():
        value = getattr(one, field.name)
        if is_dataclass(value):
            yield from _wrong(f"{where}{field.name}.", value)
        for record in value if isinstance(value, tuple) else ():
            if is_dataclass(record):
                yield from _wrong(f"{where}{field.name} {first_value(record)}: ", record)


def first_value(record: object) -> object:
    """What a record of a plan is called."""
    return next(iter(vars(record).values()))


def _numbers(value: object) -> tuple[float, ...]:
    if isinstance(value, dict):
        return tuple(value.values())
    return value if isinstance(value, tuple) else (value,)
