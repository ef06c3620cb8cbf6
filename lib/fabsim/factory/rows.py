"""The rows of the factory database that change from one night to another."""

from collections.abc import Callable, Iterator

from fabsim.calendar import DAY, MICROSECONDS, NEVER, Span
from fabsim.line.history import LineRun
from fabsim.line.lot_renames import lot_history, lot_ids, lot_ids_at, renamed_at, renamings
from fabsim.line.lots import StartedLot, wafer_id
from fabsim.line.pcm import measure_pcm, measured_at
from fabsim.line.schedule import booking, sort_night
from fabsim.plan.excursions import PLACES, Kind
from fabsim.plan.insertions import Unit
from fabsim.plan.wafer_map import wafer_map

Row = tuple[str | int | float | None, ...]
# Time from the last wafer insertion to packages.
ASSEMBLY = DAY // 2


def delivery_span(line: LineRun, nights: range) -> Span:
    """Return the span of changes that `nights` deliver; the first night also has all before it."""
    calendar = line.plan.calendar
    begins = calendar.ends(nights.start - 1) if nights.start > 1 else -NEVER
    return Span(begins, calendar.ends(nights.stop - 1))


def changed_rows(line: LineRun, table: str, span: Span) -> Iterator[Row]:
    """Return the rows of `table` that are new or may have changed in `span`."""
    return _ROWS[table](line, span)


def recipes(line: LineRun, lot: StartedLot, step: int) -> list[str]:
    """Return the recipe of each wafer of a lot at a step."""
    here = line.plan.route[step]
    return _replaced(line, lot, here.recipe_id, Kind.WRONG_RECIPE, here.process_step)


def materials(line: LineRun, lot: StartedLot) -> list[str]:
    """Return the material lot of each wafer's blank."""
    plan = line.plan.line
    usual = plan.material_id.format(number=1 + lot.index // plan.lots_per_material)
    return _replaced(line, lot, usual, Kind.MATERIAL_LOT)


def _replaced(line: LineRun, lot: StartedLot, usual: str, kind: Kind, step: str = "") -> list[str]:
    """Return `usual` per wafer, or what the excursions of a kind put in its place."""
    names = [usual] * len(lot.slots)
    for one, strength in zip(line.plan.excursions, line.hits[lot.index], strict=True):
        if one.kind is kind and one.at.get("process_step", step) == step:
            wrong = one.at[PLACES[kind][-1]]
            names = [wrong if hit > 0 else n for n, hit in zip(names, strength, strict=True)]
    return names


def _products(line: LineRun, span: Span) -> Iterator[Row]:
    for one in line.plan.products:
        if line.plan.calendar.begins(one.from_night) < span.ends:
            size = (one.die_width_mm, one.die_height_mm, one.wafer_diameter_mm)
            yield (one.product_id, wafer_map(one).gross_die, *size, one.variant_of or None)
    for known in line.plan.known_wafers:
        yield (known.product_id, known.gross_die, None, None, None, None)


def _lots(line: LineRun, span: Span) -> Iterator[Row]:
    for lot in line.lots:
        product = line.plan.products[lot.product].product_id
        status, since = _status(line, lot, span.ends)
        named_at = {lot.lot_id: lot.started_at}
        for one in renamings(line.plan, lot):
            named_at.setdefault(one.to_lot_id, renamed_at(lot, one))
        for name, at in named_at.items():
            if at < span.ends:
                started, updated = (t * MICROSECONDS for t in (lot.started_at, max(since, at)))
                yield (name, product, started, status, updated)
        for name, at in _packages(line, lot):
            if at < span.ends:
                yield (name, product, at * MICROSECONDS, "assembled", at * MICROSECONDS)
    for known in line.plan.known_wafers:
        yield (known.lot_id, known.product_id, None, "sorted", None)


def _status(line: LineRun, lot: StartedLot, now: int) -> tuple[str, int]:
    """Return the status of a lot, and since when it has it."""
    night = sort_night(line.plan, lot)
    if night is not None and line.plan.calendar.ends(night) <= now:
        return "sorted", line.plan.calendar.ends(night)
    ended = int(lot.ended[-1].max())
    return ("processed", ended) if ended < now else ("in process", lot.started_at)


def _wafers(line: LineRun, span: Span) -> Iterator[Row]:
    for lot in line.lots:
        started, material = lot.started_at * MICROSECONDS, materials(line, lot)
        names = {slot: [(lot.lot_id, lot.started_at)] for slot in lot.slots.tolist()}
        for one in renamings(line.plan, lot):
            for slot in one.slots:
                names[slot].append((one.to_lot_id, renamed_at(lot, one)))
        for slot, known_as in names.items():
            for name, at in known_as:
                if span.contains(at):
                    times = started, material[slot - 1], at * MICROSECONDS
                    yield (name, wafer_id(slot), slot, *times)
    for known in line.plan.known_wafers if span.begins < 0 else ():
        for slot in known.slots:
            yield (known.lot_id, wafer_id(slot), slot, None, None, None)


def _process_history(line: LineRun, span: Span) -> Iterator[Row]:
    for lot in line.lots:
        renames = renamings(line.plan, lot)
        for step, one in enumerate(line.plan.route):
            new = span.mask(lot.ended[step])
            if not new.any():
                continue
            names, recipe = lot_ids_at(lot, renames, step), recipes(line, lot, step)
            for place in new.nonzero()[0].tolist():
                chamber = line.tools.chambers[int(lot.chamber[step, place])]
                where = (one.process_step, chamber.equipment_id, chamber.chamber_id, recipe[place])
                started, ended = (int(t[step, place]) for t in (lot.started, lot.ended))
                times = (at * MICROSECONDS for at in (started, ended, ended))
                yield (names[place], wafer_id(1 + place), step + 1, *where, *times)


def _pcm(line: LineRun, span: Span) -> Iterator[Row]:
    for lot in line.lots:
        if not lot.is_finished or not span.mask(times := measured_at(line.plan, lot)).any():
            continue
        names = lot_ids(line.plan, lot)
        values = measure_pcm(line.plan, lot, line.hits[lot.index]).tolist()
        rows = zip(names, times.tolist(), values, strict=True)
        for slot, (name, at, row) in enumerate(rows, start=1):
            if span.contains(at):
                for one, value in zip(line.plan.pcm, row, strict=True):
                    updated = (at * MICROSECONDS,) * 2
                    yield (name, wafer_id(slot), one.pcm_test, value, one.unit, *updated)


def _lot_history(line: LineRun, span: Span) -> Iterator[Row]:
    for lot in line.lots:
        for *names, at in lot_history(line.plan, lot):
            if span.contains(at):
                yield (*names, *(at * MICROSECONDS,) * 2)


def _assembly(line: LineRun, span: Span) -> Iterator[Row]:
    for lot in line.lots:
        for name, at in _packages(line, lot):
            if span.contains(at):
                for lot_id in sorted(set(lot_ids(line.plan, lot))):
                    yield (name, lot_id, *(at * MICROSECONDS,) * 2)


def _packages(line: LineRun, lot: StartedLot) -> Iterator[tuple[str, int]]:
    """Yield the assembly lot of a lot's good die and its time, once they are known."""
    plan = line.plan
    packaged = [n for n, one in enumerate(plan.insertions) if one.unit is Unit.PACKAGE]
    place = booking(plan, lot, packaged[0]) if packaged else None
    if place is not None:
        number = plan.line.first_lot_number + lot.index
        yield plan.line.assembly_lot_id.format(number=number), place.starts_at - ASSEMBLY


_ROWS: dict[str, Callable[[LineRun, Span], Iterator[Row]]] = {
    "products": _products,
    "lots": _lots,
    "wafers": _wafers,
    "process_history": _process_history,
    "pcm": _pcm,
    "lot_history": _lot_history,
    "assembly": _assembly,
}
