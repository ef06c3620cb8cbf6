"""What types cannot say of a plan: what it names must exist in it."""

from collections.abc import Iterator
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from fabsim.plan.excursions import IN_A_CHAMBER, PLACES, Excursion
from fabsim.plan.plan import Plan
from fabsim.plan_checks.bounds import out_of_bounds
from fabsim.plan_checks.consistency import misfits
from fabsim.plan_checks.names import wrong_names
from fabyield.errors import ConfigError

# As far as testers of one make are looked for.
TESTERS = 1_000


def check(plan: Plan) -> None:
    """Raise ConfigError where a plan names what it does not have, or a number is out of bounds."""
    checks = (out_of_bounds, wrong_names, _names, _places, misfits, _zone)
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
    products = {one.product_id for one in plan.products}
    effects = [(f"excursion {one.name}", one.effect) for one in plan.excursions]
    asked = [
        *((f"area of step {step.process_step}", step.area, _areas(plan)) for step in plan.route),
        *((f"drift_group of area {one.area}", one.drift_group, groups) for one in plan.areas),
        *((f"pcm of group {one.group}", one.pcm, parameters) for one in plan.groups),
        *((f"group of {name}", effect.group, groups) for name, effect in effects),
        *((f"pcm_sigma of {name}", one, parameters) for name, e in effects for one in e.pcm_sigma),
        *(
            (f"product_id of excursion {one.name}", one.product_id, products)
            for one in plan.excursions
            if one.product_id
        ),
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
        if any(
            one.name == other.excursion and one.at.get("process_step") == other.process_step
            for one in plan.excursions
        ):
            yield f"bystander: {other.process_step} is the step of its excursion; name another"


def _lost(plan: Plan, one: Excursion) -> str | None:
    """What of an excursion's place the plan does not have; None if it has all of it."""
    known = {
        "process_step": {step.process_step for step in plan.route},
        "insertion": {insertion.insertion for insertion in plan.insertions},
        "sensor": _sensors(plan, one.at.get("process_step", "")),
        "site_num": _sites(plan, one.at.get("insertion", "")),
        "node_nam": _testers(plan) if "node_nam" in one.at else set(),
    }
    for name, value in one.at.items():
        if value not in known.get(name, {value}):
            return f"{name} {value!r}"
    names = ("process_step", "equipment_id", "chamber_id")
    place = tuple(one.at[name] for name in names if name in one.at)
    is_lost = len(place) == len(names) and place not in chambers(plan)
    return f"chamber {'/'.join(place)}" if is_lost else None


def _testers(plan: Plan) -> set[str]:
    numbers = range(1, TESTERS)
    return {habits.node_nam.format(number=n) for habits in plan.habits for n in numbers}


def _sensors(plan: Plan, process_step: str) -> set[str]:
    areas = {step.area for step in plan.route if step.process_step == process_step}
    return {one.sensor for area in plan.areas if area.area in areas for one in area.sensors}


def _sites(plan: Plan, insertion: str) -> set[str]:
    mine = [one.sites for one in plan.insertions if one.insertion == insertion]
    return {str(site) for sites in mine for site in range(1, sites + 1)}


def _zone(plan: Plan) -> Iterator[str]:
    try:
        ZoneInfo(plan.zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        yield f"zone: {plan.zone!r} is no IANA zone"
