"""How the numbers of a plan fit together."""

from collections.abc import Iterator
from datetime import date
from itertools import pairwise
from math import pi

from fabsim.calendar import HOUR
from fabsim.line.schedule import BUSY, lot_seconds
from fabsim.plan.insertions import CONTACT_TESTS, Unit
from fabsim.plan.line import Product
from fabsim.plan.plan import Plan

# STDF counts seconds since 1970 in 32 bits, and lots start long before the first night.
FIRST_NIGHTS = date(1975, 1, 1), date(2100, 1, 1)
MOST_DIE = 100_000
# A split is merged again at a later step than it happened, and neither at the first.
LEAST_STEPS = 3
# Single precision resolves a ten-millionth; the way to a limit must be far more.
LEAST_REACH = 1e-3


def misfits(plan: Plan) -> Iterator[str]:
    """Name what cannot be together."""
    least, most = FIRST_NIGHTS
    if not least <= plan.line.first_night_on <= most:
        yield f"line.first_night_on: {plan.line.first_night_on} is not between {least} and {most}"
    if len(plan.route) < LEAST_STEPS:
        yield f"route: {len(plan.route)} steps, at least {LEAST_STEPS} are needed"
    for check in (_sums, _pairs, _tests, _insertions, _groups, _sizes):
        yield from check(plan)


def _sums(plan: Plan) -> Iterator[str]:
    dirt = plan.dirt
    sums = {
        "all patterns: share": sum(one.share for one in plan.patterns),
        "dirt.truncated + corrupt": dirt.truncated + dirt.corrupt,
        "dirt.split + merged + renumbered": dirt.split + dirt.merged + dirt.renumbered,
        "dirt.sensor_missing + stuck + spiking": dirt.sensor_missing
        + dirt.sensor_stuck
        + dirt.sensor_spiking,
    }
    for name, share in sums.items():
        if share > 1:
            yield f"{name}: {share} is not between 0 and 1"


def _pairs(plan: Plan) -> Iterator[str]:
    pairs = {f"patterns {one.shape}: kill_ratio": one.kill_ratio for one in plan.patterns}
    pairs |= {"dirt.late_nights": plan.dirt.late_nights}
    for name, pair in pairs.items():
        if len(pair) != 2 or pair[0] > pair[1]:
            yield f"{name}: {list(pair)} is not the least and the most"
    for product in plan.products:
        if len(product.reticle) != 2:
            reticle = list(product.reticle)
            yield f"products {product.product_id}: reticle: {reticle} is not across and down"
    for one in plan.excursions:
        if one.until_night and one.until_night <= one.from_night:
            nights = f"until_night: {one.until_night} is not after from_night {one.from_night}"
            yield f"excursions {one.name}: {nights}"
    for area in plan.areas:
        if area.clean_hours >= 24 * area.clean_every_days:
            yield (
                f"areas {area.area}: clean_hours: {area.clean_hours} leaves nothing of "
                f"clean_every_days {area.clean_every_days}"
            )


def _tests(plan: Plan) -> Iterator[str]:
    least = CONTACT_TESTS + len(plan.groups) - 1
    for one in plan.insertions:
        if one.tests < least:
            yield f"insertions {one.insertion}: tests: {one.tests}, at least {least} are needed"
    for unit in {one.unit for one in plan.insertions}:
        if not any(habits.unit is unit for habits in plan.habits):
            yield f"habits: nobody tests the unit {unit}"
    if not any(one.weight > 0 for one in plan.groups):
        yield "groups: weight: at least one must be more than 0"
    if not any(one.from_night <= 1 and one.share > 0 for one in plan.products):
        yield "products: none is made from night 1 on"
    if plan.scarcity.defective >= plan.scarcity.among:
        yield f"scarcity: {plan.scarcity.defective} of {plan.scarcity.among} is no share"


def _insertions(plan: Plan) -> Iterator[str]:
    first = plan.insertions[0]
    if first.unit is not Unit.WAFER:
        yield f"insertions: the first, {first.insertion}, must test wafers"
    if first.share != 1:
        yield f"insertions {first.insertion}: share: the first tests all die, use 1.0"
    for before, after in pairwise(plan.insertions):
        if (before.unit, after.unit) == (Unit.PACKAGE, Unit.WAFER):
            yield f"insertions {after.insertion}: no wafer is left after {before.insertion}"
        apart = 1 if before.unit is not after.unit else 0
        if after.after_nights < before.after_nights + apart:
            yield (
                f"insertions {after.insertion}: after_nights: {after.after_nights} is not at least "
                f"{before.after_nights + apart}, {apart} after {before.insertion}"
            )


def _groups(plan: Plan) -> Iterator[str]:
    if len(plan.groups) < 2:
        yield f"groups: {len(plan.groups)}, at least 2 are needed"
    most = max(one.tests for one in plan.insertions)
    for one in plan.groups:
        largest = abs(one.nominal) * (1 + abs(one.step) * most)
        if one.sigma * plan.spread.limit_sigma < LEAST_REACH * largest:
            yield (
                f"groups {one.group}: sigma: {one.sigma} is too small beside nominal "
                f"{one.nominal}; use at least {LEAST_REACH * largest / plan.spread.limit_sigma:.3g}"
            )


def _sizes(plan: Plan) -> Iterator[str]:
    for product in plan.products:
        if wrong := _wrong_size(product):
            yield f"products {product.product_id}: {wrong}"
            continue
        for one in plan.insertions:
            seconds = lot_seconds(plan, one, product)
            if seconds > BUSY:
                yield (
                    f"insertions {one.insertion}: a lot of {product.product_id} takes "
                    f"{seconds / HOUR:.1f} h, more than the {BUSY // HOUR} h of a tester's day; "
                    "use more sites, fewer wafers or less test_ms"
                )


def _wrong_size(product: Product) -> str | None:
    limit = product.wafer_diameter_mm / 2 - product.edge_mm
    if limit <= 0:
        return f"edge_mm: {product.edge_mm} leaves nothing of {product.wafer_diameter_mm} mm"
    if pi * limit**2 / (product.die_width_mm * product.die_height_mm) > MOST_DIE:
        return f"die_width_mm: more than {MOST_DIE:,} die on a wafer"
    squared = product.die_width_mm**2 / 4 + product.die_height_mm**2 / 4
    return "die_width_mm: no whole die fits on a wafer" if squared > limit**2 else None
