"""What types cannot say of a plan: names that must exist in it, and numbers in their bounds."""

from collections import Counter
from collections.abc import Iterator
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from fabyield.errors import ConfigError
from fabyield.simulate.plan import Plan
from fabyield.simulate.plan_bounds import first_value, out_of_bounds
from fabyield.simulate.plan_causes import IN_A_CHAMBER, PLACES, Excursion
from fabyield.simulate.plan_test import Unit

CONTACT_TESTS = 3
# Records that are called by their first field.
NAMED = ("products", "areas", "route", "pcm", "insertions", "groups", "habits", "excursions")
WORDS = {"number": 1, "slot": 1, "lot": "K1"}
# As far as testers of one make are looked for.
TESTERS = 1_000


def check(plan: Plan) -> None:
    """Raise ConfigError where a plan names what it does not have, or a number is out of bounds."""
    checks = (out_of_bounds, _formats, _repeated, _names, _places, _sums, _pairs, _tests, _zone)
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


def _lost(plan: Plan, one: Excursion) -> str | None:
    """What of an excursion's place the plan does not have; None if it has all of it."""
    known = {
        "process_step": {step.process_step for step in plan.route},
        "insertion": {insertion.insertion for insertion in plan.insertions},
        "sensor": _sensors(plan, one.at.get("process_step", "")),
        "site_num": _sites(plan, one.at.get("insertion", "")),
        "node_nam": {
            habits.node_nam.format(number=number)
            for habits in plan.habits
            for number in range(1, TESTERS)
        },
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


def _sums(plan: Plan) -> Iterator[str]:
    dirt = plan.dirt
    sums = {
        "all patterns: share": sum(one.share for one in plan.patterns),
        "dirt.truncated + corrupt": dirt.truncated + dirt.corrupt,
        "dirt.split + merged + renumbered": dirt.split + dirt.merged + dirt.renumbered,
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
    if not plan.insertions or plan.insertions[0].unit is not Unit.WAFER:
        yield "insertions: the first must test wafers"
    if not any(one.weight > 0 for one in plan.groups):
        yield "groups: weight: at least one must be more than 0"
    if not any(one.from_night <= 1 and one.share > 0 for one in plan.products):
        yield "products: none is made from night 1 on"
    if plan.scarcity.defective >= plan.scarcity.among:
        yield f"scarcity: {plan.scarcity.defective} of {plan.scarcity.among} is no share"


def _repeated(plan: Plan) -> Iterator[str]:
    for name in NAMED:
        known = Counter(first_value(record) for record in getattr(plan, name))
        yield from (f"{name}: {one} stands {n} times" for one, n in known.items() if n > 1)


def _formats(plan: Plan) -> Iterator[str]:
    formats = {
        f"line.{name}": (getattr(plan.line, name), "number")
        for name in ("lot_id", "assembly_lot_id", "material_id")
    }
    for number, one in enumerate(plan.habits):
        formats[f"habits[{number}].node_nam"] = one.node_nam, "number"
        if one.unit is Unit.WAFER:
            formats[f"habits[{number}].wafer_id"] = one.wafer_id, "slot"
    for name, (text, changes) in formats.items():
        try:
            alike = text.format(**WORDS) == text.format(**WORDS | {changes: 2})
        except (LookupError, ValueError) as error:
            yield f"{name}: {text!r} is no format of {{{changes}}}: {error!r}"
        else:
            if alike:
                yield f"{name}: {text!r} is the same for every {changes}; it lacks {{{changes}}}"


def _zone(plan: Plan) -> Iterator[str]:
    try:
        ZoneInfo(plan.zone)
    except (ZoneInfoNotFoundError, ValueError):
        yield f"zone: {plan.zone!r} is no IANA zone"
