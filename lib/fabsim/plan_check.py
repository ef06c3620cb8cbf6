"""What the types of a plan cannot say: its names must exist in it, and testers must have time."""

from collections.abc import Iterator

from fabsim.calendar import HOUR
from fabsim.line.schedule import BUSY, lot_seconds
from fabsim.plan.excursions import IN_A_CHAMBER, PLACES, Excursion
from fabsim.plan.insertions import Unit
from fabsim.plan.plan import Plan
from fabyield.errors import ConfigError, near

# As many testers of one make are looked for.
TESTERS = 1_000
CHAMBER = ("process_step", "equipment_id", "chamber_id")


def check(plan: Plan) -> None:
    """Raise ConfigError for a name that is not in the plan, or a lot that takes over a day."""
    for where, name, known in _names(plan):
        if name not in known:
            raise ConfigError(f"plan: {where}: {name!r} is not in the plan{near(name, known)}")
    _check_final_test(plan)
    for product in plan.products:
        for insertion in plan.insertions:
            if (seconds := lot_seconds(plan, insertion, product)) > BUSY:
                raise ConfigError(
                    f"plan: a lot of {product.product_id} takes {seconds / HOUR:.1f} h at "
                    f"{insertion.insertion}, but testers have {BUSY // HOUR} h a day: use more "
                    "sites, fewer wafers or less test_ms"
                )


def _check_final_test(plan: Plan) -> None:
    habits = plan.final_test
    if mixed := habits.mixed_numbers:
        raise ConfigError(
            f"plan: final_test.rescreen_numbering: 'first', but with {mixed} two rejects may have "
            "one number: use anew"
        )
    packages = {one.insertion for one in plan.insertions if one.unit is Unit.PACKAGE}
    for one in plan.excursions:
        if habits.testers > 1 and one.at.get("node_nam") and one.at["insertion"] in packages:
            raise ConfigError(
                f"plan: final_test.testers: {habits.testers}, but excursion {one.name} is at one "
                f"tester of {one.at['insertion']}: use 1"
            )


def _names(plan: Plan) -> Iterator[tuple[str, str, set[str]]]:
    """Each name that refers to another part of the plan: where, the name, and those that exist."""
    groups, parameters = {one.group for one in plan.groups}, {one.pcm_test for one in plan.pcm}
    areas, products = {one.area for one in plan.areas}, {one.product_id for one in plan.products}
    for step in plan.route:
        yield f"route {step.process_step}: area", step.area, areas
    for area in plan.areas:
        yield f"areas {area.area}: drift_group", area.drift_group, groups
    for group in plan.groups:
        yield f"groups {group.group}: pcm", group.pcm, parameters
    for one in plan.excursions:
        where = f"excursions {one.name}"
        yield f"{where}: product_id", one.product_id, {"", *products}
        yield f"{where}: effect.group", one.effect.group, groups
        for parameter in one.effect.pcm_sigma:
            yield f"{where}: effect.pcm_sigma", parameter, parameters
        yield from _place(plan, one, f"{where}: at")
    for other in plan.bystanders:
        in_chambers = {one.name for one in plan.excursions if one.kind in IN_A_CHAMBER}
        yield "bystanders: excursion", other.excursion, in_chambers
        place = "/".join((other.process_step, other.equipment_id, other.chamber_id))
        yield "bystanders: chamber", place, _chambers(plan)


def _place(plan: Plan, one: Excursion, where: str) -> Iterator[tuple[str, str, set[str]]]:
    if set(one.at) != set(PLACES[one.kind]):
        raise ConfigError(f"plan: {where}: a {one.kind} is at {', '.join(PLACES[one.kind])}")
    step, insertion = one.at.get("process_step"), one.at.get("insertion")
    area = {done.area for done in plan.route if done.process_step == step}
    known = {
        "process_step": {done.process_step for done in plan.route},
        "insertion": {test.insertion for test in plan.insertions},
        "sensor": {s.sensor for a in plan.areas if a.area in area for s in a.sensors},
        "site_num": {
            str(site)
            for test in plan.insertions
            if test.insertion == insertion
            for site in range(1, test.sites + 1)
        },
        "node_nam": {
            habits.node_nam.format(number=n) for habits in plan.habits for n in range(1, TESTERS)
        },
    }
    yield from ((f"{where}.{name}", one.at[name], known[name]) for name in known if name in one.at)
    if set(CHAMBER) <= set(one.at):
        yield where, "/".join(one.at[name] for name in CHAMBER), _chambers(plan)


def _chambers(plan: Plan) -> set[str]:
    """The chambers of the route, as process step/equipment/chamber."""
    chambers = {area.area: area.chambers for area in plan.areas}
    return {
        f"{step.process_step}/{tool}/{chamber}"
        for step in plan.route
        for tool in step.equipment
        for chamber in chambers[step.area]
    }
