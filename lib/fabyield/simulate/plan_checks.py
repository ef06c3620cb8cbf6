"""What types cannot say of a plan: names that must exist in it, and numbers in their bounds."""

from collections.abc import Iterator
from dataclasses import fields
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from fabyield.errors import ConfigError
from fabyield.simulate.plan import MOST, Plan
from fabyield.simulate.plan_causes import IN_A_CHAMBER, PLACES, Excursion
from fabyield.simulate.plan_test import Unit

CONTACT_TESTS = 3


def check(plan: Plan) -> None:
    """Raise ConfigError where a plan names what it does not have, or a number is out of bounds."""
    checks = (_names, _places, _shares, _pairs, _numbers, _zone)
    for wrong in (wrong for one in checks for wrong in one(plan)):
        raise ConfigError(f"plan: {wrong}")


def chambers(plan: Plan) -> set[tuple[str, str, str]]:
    """Process step, equipment and chamber of every place on the route."""
    areas = {area.area: area for area in plan.areas}
    return {
        (step.process_step, tool, chamber)
        for step in plan.route
        for tool in step.equipment
        for chamber in areas[step.area].chambers
    }


def _names(plan: Plan) -> Iterator[str]:
    groups, parameters = {one.group for one in plan.groups}, {one.pcm_test for one in plan.pcm}
    effects = [(f"excursion {one.name}", one.effect) for one in plan.excursions]
    asked = [
        *((f"area of step {step.process_step}", step.area, _areas(plan)) for step in plan.route),
        *((f"drift_group of area {one.area}", one.drift_group, groups) for one in plan.areas),
        *((f"pcm of group {one.group}", one.pcm, parameters) for one in plan.groups),
        *((f"group of {name}", effect.group, groups) for name, effect in effects),
        *((f"pcm_sigma of {name}", one, parameters) for name, e in effects for one in e.pcm_sigma),
        *(
            ("excursion of a bystander", one.excursion, {e.name for e in plan.excursions})
            for one in plan.bystanders
        ),
    ]
    for where, name, known in asked:
        if name not in known:
            yield f"{where}: {name!r} is none of {', '.join(sorted(known))}"


def _areas(plan: Plan) -> set[str]:
    return {area.area for area in plan.areas}


def _places(plan: Plan) -> Iterator[str]:
    for one in plan.excursions:
        if set(one.at) != set(PLACES[one.kind]):
            yield (
                f"excursion {one.name}: at: {', '.join(sorted(one.at))}, but a {one.kind} is at "
                f"{', '.join(PLACES[one.kind])}"
            )
        elif lost := _lost(plan, one):
            yield f"excursion {one.name}: at: {lost} is not in the same plan"
    in_chambers = {one.name for one in plan.excursions if one.kind in IN_A_CHAMBER}
    for other in plan.bystanders:
        if other.excursion not in in_chambers:
            yield f"bystander: excursion {other.excursion} is in no chamber"
        place = (other.process_step, other.equipment_id, other.chamber_id)
        if place not in chambers(plan):
            yield f"bystander: {'/'.join(place)} is on no step"


def _lost(plan: Plan, one: Excursion) -> str | None:
    """What of an excursion's place the plan does not have; None if it has all of it."""
    known = {
        "process_step": {step.process_step for step in plan.route},
        "insertion": {insertion.insertion for insertion in plan.insertions},
        "sensor": _sensors(plan, one.at.get("process_step", "")),
        "site_num": _sites(plan, one.at.get("insertion", "")),
    }
    for name, value in one.at.items():
        if value not in known.get(name, {value}):
            return f"{name} {value!r}"
    names = ("process_step", "equipment_id", "chamber_id")
    place = tuple(one.at[name] for name in names if name in one.at)
    is_lost = len(place) == len(names) and place not in chambers(plan)
    return f"chamber {'/'.join(place)}" if is_lost else None


def _sensors(plan: Plan, process_step: str) -> set[str]:
    areas = {step.area for step in plan.route if step.process_step == process_step}
    return {one.sensor for area in plan.areas if area.area in areas for one in area.sensors}


def _sites(plan: Plan, insertion: str) -> set[str]:
    mine = [one.sites for one in plan.insertions if one.insertion == insertion]
    return {str(site) for sites in mine for site in range(1, sites + 1)}


def _shares(plan: Plan) -> Iterator[str]:
    shares = {f"dirt.{one.name}": getattr(plan.dirt, one.name) for one in fields(plan.dirt)}
    shares |= {f"excursions {one.name}: share": one.share for one in plan.excursions}
    shares |= {f"insertions {one.insertion}: share": one.share for one in plan.insertions}
    shares |= {f"insertions {one.insertion}: coverage": one.coverage for one in plan.insertions}
    shares |= {f"patterns {one.shape}: share": one.share for one in plan.patterns}
    shares["all patterns: share"] = sum(one.share for one in plan.patterns)
    dirt = plan.dirt
    shares["dirt.truncated + corrupt"] = dirt.truncated + dirt.corrupt
    shares["dirt.split + merged + renumbered"] = dirt.split + dirt.merged + dirt.renumbered
    for name, share in shares.items():
        if isinstance(share, float) and not 0 <= share <= 1:
            yield f"{name}: {share} is not between 0 and 1"


def _pairs(plan: Plan) -> Iterator[str]:
    pairs = {f"patterns {one.shape}: kill_ratio": one.kill_ratio for one in plan.patterns}
    pairs |= {"dirt.late_nights": plan.dirt.late_nights}
    for name, pair in pairs.items():
        if len(pair) != 2 or pair[0] > pair[1]:
            yield f"{name}: {list(pair)} is not the least and the most"
    for one in plan.products:
        if len(one.reticle) != 2 or min(one.reticle) < 1:
            yield f"products {one.product_id}: reticle: {list(one.reticle)} is not across and down"


def _numbers(plan: Plan) -> Iterator[str]:
    for name, most in MOST.items():
        if not 1 <= getattr(plan.line, name) <= most:
            yield f"line.{name}: {getattr(plan.line, name)} is not between 1 and {most:,}"
    least = CONTACT_TESTS + len(plan.groups) - 1
    for one in plan.insertions:
        if one.tests < least:
            yield f"insertions {one.insertion}: tests: {one.tests}, at least {least} are needed"
        if one.functional_tests < 1:
            yield f"insertions {one.insertion}: functional_tests: at least 1 is needed"
        if not 1 <= one.sites <= 255:
            yield f"insertions {one.insertion}: sites: {one.sites} is not between 1 and 255"
    if not any(one.from_night <= 1 and one.share > 0 for one in plan.products):
        yield "products: none is made from night 1 on"
    for unit in {one.unit for one in plan.insertions}:
        if not any(habits.unit is unit for habits in plan.habits):
            yield f"habits: nobody tests the unit {unit}"
    if plan.insertions[0].unit is not Unit.WAFER:
        yield f"insertions: the first, {plan.insertions[0].insertion}, must test wafers"
    if not 0 <= plan.scarcity.defective < plan.scarcity.among:
        yield f"scarcity: {plan.scarcity.defective} of {plan.scarcity.among} is no share"


def _zone(plan: Plan) -> Iterator[str]:
    try:
        ZoneInfo(plan.zone)
    except (ZoneInfoNotFoundError, ValueError):
        yield f"zone: {plan.zone!r} is no IANA zone"
