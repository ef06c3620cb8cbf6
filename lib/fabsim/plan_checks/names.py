"""What things of a plan may be called."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from fabsim.plan.insertions import Unit
from fabsim.plan.plan import Plan
from fabsim.plan_checks.bounds import first_value
from fabsim.wafer.defects import causes

# Records that are called by their first field; excursions are causes too.
NAMED = ("products", "areas", "route", "pcm", "insertions", "groups", "habits")
# Names stand in files and in their paths.
NAME = re.compile(r"[!-.0-\[\]-~][ -.0-\[\]-~]{0,39}")
Words = Mapping[str, tuple[object, object]]
# What stands in a format, with two values that must make a difference.
NUMBER: Words = {"number": (1, 2)}
SLOT: Words = {"slot": (1, 2), "lot": ("K1", "K1")}
PRODUCT: Words = {"product": ("m1", "m1")}


def wrong_names(plan: Plan) -> Iterator[str]:
    """Name what is called as it may not be, or as something else."""
    for where, (text, words) in _formats(plan).items():
        yield from _wrong_format(where, text, words)
    for where, name in _identifiers(plan):
        yield from _unprintable(where, name)
    for where, names in _lists(plan):
        known = Counter(names)
        yield from (f"{where}: {one} stands {n} times" for one, n in known.items() if n > 1)
        if not known:
            yield f"{where}: name at least one"
    if plan.line.lot_id == plan.line.assembly_lot_id:
        yield f"line.assembly_lot_id: {plan.line.assembly_lot_id!r} is lot_id too"
    areas: dict[str, str] = {}
    for step in plan.route:
        for tool in step.equipment:
            if areas.setdefault(tool, step.area) != step.area:
                yield f"route {step.process_step}: {tool} is of area {areas[tool]} already"


def _formats(plan: Plan) -> dict[str, tuple[str, Words]]:
    found: dict[str, tuple[str, Words]] = {
        f"line.{name}": (getattr(plan.line, name), NUMBER)
        for name in ("lot_id", "assembly_lot_id", "material_id")
    }
    for number, one in enumerate(plan.habits):
        found[f"habits[{number}].node_nam"] = one.node_nam, NUMBER
        if one.unit is Unit.WAFER:
            found[f"habits[{number}].wafer_id"] = one.wafer_id, SLOT
    for insertion in plan.insertions:
        found[f"insertions {insertion.insertion}: job_nam"] = insertion.job_nam, PRODUCT
    return found


def _wrong_format(where: str, text: str, words: Words) -> Iterator[str]:
    changes = next(iter(words))
    try:
        first, second = (
            text.format(**{word: values[turn] for word, values in words.items()}) for turn in (0, 1)
        )
    except (LookupError, ValueError, AttributeError, TypeError) as error:
        yield f"{where}: {text!r} is no format of {{{changes}}}: {error!r}"
        return
    yield from _unprintable(where, first)
    if first == second and words is not PRODUCT:
        yield f"{where}: {text!r} is the same for every {changes}; it lacks {{{changes}}}"


def _unprintable(where: str, name: str) -> Iterator[str]:
    if not NAME.fullmatch(name):
        yield f"{where}: {name!r} is not 1 to 40 printable ASCII characters without / and \\"


def _identifiers(plan: Plan) -> Iterator[tuple[str, str]]:
    for where, names in _lists(plan):
        yield from ((where, str(name)) for name in names)
    for one in plan.excursions:
        yield from ((f"excursions {one.name}: at.{name}", value) for name, value in one.at.items())
    for known in plan.known_wafers:
        yield "known_wafers: lot_id", known.lot_id


def _lists(plan: Plan) -> Iterator[tuple[str, Iterable[object]]]:
    """Names that must differ from each other, and of which there must be some."""
    for name in NAMED:
        yield name, [first_value(record) for record in getattr(plan, name)]
    yield "excursions", causes(plan)
    for area in plan.areas:
        yield f"areas {area.area}: chambers", area.chambers
        yield f"areas {area.area}: sensors", [one.sensor for one in area.sensors]
    for step in plan.route:
        yield f"route {step.process_step}: equipment", step.equipment
