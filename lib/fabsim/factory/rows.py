"""What the factory knows of its wafers, as rows of its database, from one night to another."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from fabsim.calendar import DAY, MICROSECONDS, NEVER
from fabsim.line.history import Built
from fabsim.line.lot_renames import known_at, lot_history, lot_ids, renamed_at, renamings
from fabsim.line.lots import StartedLot, wafer_id
from fabsim.line.pcm import measure_pcm, measured_at
from fabsim.line.schedule import booking, sort_night
from fabsim.plan.excursions import Kind
from fabsim.plan.insertions import Unit
from fabsim.plan.wafer_map import wafer_map

Row = tuple[str | int | float | None, ...]
# From the last wafer insertion to packages.
ASSEMBLY = DAY // 2


@dataclass(frozen=True)
class Span:
    """Seconds from `begins` on, before `ends`; what is older is known already."""

    begins: int
    ends: int

    @classmethod
    def of(cls, built: Built, nights: range) -> "Span":
        """From the end of the night before; the first night brings all that was before it too."""
        calendar = built.plan.calendar
        begins = calendar.ends(nights.start - 1) if nights.start > 1 else -NEVER
        return cls(begins, calendar.ends(nights.stop - 1))

    def holds(self, at: int) -> bool:
        """Whether `at` lies in it."""
        return self.begins <= at < self.ends


def rows_of(built: Built, table: str, span: Span) -> Iterator[Row]:
    """The rows of `table` that are new, or may have changed, in `span`."""
    return _ROWS[table](built, span)


def recipes(built: Built, lot: StartedLot, step: int) -> list[str]:
    """The recipe that each wafer of a lot had at a step."""
    one = built.plan.route[step]
    names = [one.recipe_id] * len(lot.slots)
    for excursion, strength in zip(built.plan.excursions, built.hits[lot.index], strict=True):
        if excursion.kind is Kind.WRONG_RECIPE and excursion.at["process_step"] == one.process_step:
            wrong = excursion.at["recipe_id"]
            names = [wrong if hit > 0 else n for n, hit in zip(names, strength, strict=True)]
    return names


def materials(built: Built, lot: StartedLot) -> list[str]:
    """The material lot of each wafer's blank."""
    line = built.plan.line
    usual = line.material_id.format(number=1 + lot.index // line.lots_per_material)
    names = [usual] * len(lot.slots)
    for excursion, strength in zip(built.plan.excursions, built.hits[lot.index], strict=True):
        if excursion.kind is Kind.MATERIAL_LOT:
            bad = excursion.at["material_id"]
            names = [bad if hit > 0 else n for n, hit in zip(names, strength, strict=True)]
    return names


def _products(built: Built, span: Span) -> Iterator[Row]:
    for one in built.plan.products:
        if built.plan.calendar.begins(one.from_night) < span.ends:
            size = (one.die_width_mm, one.die_height_mm, one.wafer_diameter_mm)
            yield (one.product_id, wafer_map(one).gross_die, *size, one.variant_of or None)
    for known in built.plan.known_wafers:
        yield (known.product_id, known.gross_die, None, None, None, None)


def _lots(built: Built, span: Span) -> Iterator[Row]:
    for lot in built.lots:
        product = built.plan.products[lot.product].product_id
        status, since = _status(built, lot, span.ends)
        born = {lot.lot_id: lot.started_at}
        for one in renamings(built.plan, lot):
            born.setdefault(one.to_lot_id, renamed_at(lot, one))
        for name, at in born.items():
            if at < span.ends:
                times = lot.started_at * MICROSECONDS, max(since, at) * MICROSECONDS
                yield (name, product, times[0], status, times[1])
        for name, at in _packages(built, lot):
            if at < span.ends:
                yield (name, product, at * MICROSECONDS, "assembled", at * MICROSECONDS)
    for known in built.plan.known_wafers:
        yield (known.lot_id, known.product_id, None, "sorted", None)


def _status(built: Built, lot: StartedLot, now: int) -> tuple[str, int]:
    """Where a lot stands, and since when."""
    night = sort_night(built.plan, lot)
    if night is not None and built.plan.calendar.ends(night) <= now:
        return "sorted", built.plan.calendar.ends(night)
    ended = int(lot.ended[-1].max())
    return ("processed", ended) if ended < now else ("in process", lot.started_at)


def _wafers(built: Built, span: Span) -> Iterator[Row]:
    for lot in built.lots:
        of_wafer = list(zip(lot.slots.tolist(), materials(built, lot), strict=True))
        names = {slot: [(lot.lot_id, lot.started_at)] for slot, _ in of_wafer}
        for one in renamings(built.plan, lot):
            for slot in one.slots:
                names[slot].append((one.to_lot_id, renamed_at(lot, one)))
        for slot, material in of_wafer:
            for name, at in names[slot]:
                if span.holds(at):
                    times = lot.started_at * MICROSECONDS, at * MICROSECONDS
                    yield (name, wafer_id(slot), slot, times[0], material, times[1])
    for known in built.plan.known_wafers if span.begins < 0 else ():
        for slot in known.slots:
            yield (known.lot_id, wafer_id(slot), slot, None, None, None)


def _process_history(built: Built, span: Span) -> Iterator[Row]:
    for lot in built.lots:
        fate = renamings(built.plan, lot)
        for step, one in enumerate(built.plan.route):
            new = (lot.ended[step] >= span.begins) & (lot.ended[step] < span.ends)
            if not new.any():
                continue
            names, recipe = known_at(lot, fate, step), recipes(built, lot, step)
            for place in new.nonzero()[0].tolist():
                chamber = built.tools.chambers[int(lot.chamber[step, place])]
                where = (one.process_step, chamber.equipment_id, chamber.chamber_id, recipe[place])
                started, ended = (int(t[step, place]) for t in (lot.started, lot.ended))
                times = (at * MICROSECONDS for at in (started, ended, ended))
                yield (names[place], wafer_id(1 + place), step + 1, *where, *times)


def _pcm(built: Built, span: Span) -> Iterator[Row]:
    parameters = built.plan.pcm
    for lot in built.lots:
        if not lot.is_finished:
            continue
        times = measured_at(built.plan, lot).tolist()
        if not any(span.holds(at) for at in times):
            continue
        names = lot_ids(built.plan, lot, len(built.plan.route))
        values = measure_pcm(built.plan, lot, built.hits[lot.index]).tolist()
        for slot, (name, at, row) in enumerate(zip(names, times, values, strict=True), start=1):
            if span.holds(at):
                for one, value in zip(parameters, row, strict=True):
                    times = (at * MICROSECONDS,) * 2
                    yield (name, wafer_id(slot), one.pcm_test, value, one.unit, *times)


def _lot_history(built: Built, span: Span) -> Iterator[Row]:
    for lot in built.lots:
        for *names, at in lot_history(built.plan, lot):
            if span.holds(int(at)):
                yield (*names, *(int(at) * MICROSECONDS,) * 2)


def _assembly(built: Built, span: Span) -> Iterator[Row]:
    for lot in built.lots:
        for name, at in _packages(built, lot):
            if span.holds(at):
                for lot_id in sorted(set(lot_ids(built.plan, lot, len(built.plan.route)))):
                    yield (name, lot_id, *(at * MICROSECONDS,) * 2)


def _packages(built: Built, lot: StartedLot) -> Iterator[tuple[str, int]]:
    """The lot that a lot's good die become in assembly, and when; nothing if not yet known."""
    line, insertions = built.plan.line, built.plan.insertions
    packaged = [n for n, one in enumerate(insertions) if one.unit is Unit.PACKAGE]
    place = booking(built.plan, lot, packaged[0]) if packaged else None
    if place is not None:
        name = line.assembly_lot_id.format(number=line.first_lot_number + lot.index)
        yield name, place.starts_at - ASSEMBLY


_ROWS: dict[str, Callable[[Built, Span], Iterator[Row]]] = {
    "products": _products,
    "lots": _lots,
    "wafers": _wafers,
    "process_history": _process_history,
    "pcm": _pcm,
    "lot_history": _lot_history,
    "assembly": _assembly,
}
