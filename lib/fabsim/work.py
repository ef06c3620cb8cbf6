"""The work of a simulated fab in units that need no order, on any number of cores."""

import gzip
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, field
from io import BytesIO
from multiprocessing import get_context
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from fabsim import truth
from fabsim.equipment.sensor_traces import traces
from fabsim.equipment.tool_logs import tool_log
from fabsim.equipment.visits import tools_of
from fabsim.line.history import Built
from fabsim.line.lots import wafer_id
from fabsim.line.schedule import booking, sort_night
from fabsim.testers.delivery_faults import Change, Delivery, changed, cut_stream, latest
from fabsim.testers.sessions import Session, sessions
from fabsim.testers.stdf_files import stdf_file
from fabyield.lake.storage import write_bytes, write_text

# Of gzip: the fastest, as testers' hosts have little time.
LEVEL = 1


@dataclass(frozen=True)
class LotUnit:
    """One lot at one insertion."""

    lot: int
    number: int


@dataclass(frozen=True)
class ToolUnit:
    """One tool in one night."""

    night: int
    equipment_id: str


WorkUnit = LotUnit | ToolUnit
Row = dict[str, Any]


@dataclass
class Made:
    """What a unit has delivered, and what is true of it, by the name of the truth."""

    files: int = 0
    content_bytes: int = 0
    rows: dict[str, list[Row]] = field(default_factory=dict)


@dataclass(frozen=True)
class Work:
    """Where what is delivered in `nights` goes; folders are paths or URIs."""

    built: Built
    landing: str
    truth: str
    nights: range

    def units(self) -> list[WorkUnit]:
        """All there is to do; whatever is late comes from an earlier night."""
        plan, first = self.built.plan, self.nights.start - latest(self.built.plan)
        places = {
            LotUnit(lot.index, number): booking(plan, lot, number)
            for lot in self.built.lots
            for number in range(len(plan.insertions))
        }
        lots = [u for u, p in places.items() if p and first <= p.night < self.nights.stop]
        tools = [ToolUnit(night, tool) for night in self.nights for tool in tools_of(self.built)]
        return [*lots, *tools]

    def make(self, unit: WorkUnit) -> Made:
        """Do one unit."""
        return self._lot(unit) if isinstance(unit, LotUnit) else self._tool(unit)

    def _lot(self, unit: LotUnit) -> Made:
        lot, made = self.built.lots[unit.lot], Made(rows={"files": [], "yields": []})
        for session in sessions(self.built, lot, unit.number, self.nights):
            content = stdf_file(session)
            for one in session.flaws.deliveries:
                if one.night in self.nights:
                    made.rows["files"].append(self._deliver(session, one, content))
            if session.flaws.deliveries[0].night in self.nights:
                made.rows["yields"].append(truth.yield_row(session))
        made.files = len(made.rows["files"])
        made.content_bytes = sum(row["content_bytes"] for row in made.rows["files"])
        night = sort_night(self.built.plan, lot)
        if unit.number == 0 and night is not None and night in self.nights:
            on = self.built.plan.calendar.night_on(night)
            made.rows["wafers"] = truth.wafer_rows(self.built, lot, on)
            self._write(f"{self.truth}/die/{lot.lot_id}.parquet", truth.die_table(self.built, lot))
        return made

    def _deliver(self, session: Session, one: Delivery, content: bytes) -> Row:
        night_on = self.built.plan.calendar.night_on(one.night)
        path = f"{night_on}/{one.name}"
        delivered = changed(self.built.plan, session.key, one.change, content)
        packed = gzip.compress(delivered, compresslevel=LEVEL, mtime=0)
        if one.change is Change.CUT_STREAM:
            packed = cut_stream(self.built.plan, session.key, packed)
        write_bytes(f"{self.landing}/stdf/{path}", packed)
        return {
            "night_on": night_on,
            "path": path,
            "insertion": session.program.insertion.insertion,
            "lot_id": session.lot.lot_id,
            "wafer_id": wafer_id(session.slot) if session.slot else None,
            "change": one.change.value,
            "reason": one.reason.value,
            "content_bytes": len(delivered),
            "delivered_bytes": len(packed),
        }

    def _tool(self, unit: ToolUnit) -> Made:
        night_on = self.built.plan.calendar.night_on(unit.night)
        samples, faults = traces(self.built, unit.night, unit.equipment_id)
        text, alarms = tool_log(self.built, unit.night, unit.equipment_id)
        name = f"{night_on}/{unit.equipment_id}"
        self._write(f"{self.landing}/sensors/{name}.parquet", samples)
        write_text(f"{self.landing}/logs/{name}.log", text)
        return Made(files=2, rows={"sensor_faults": faults, "alarms": alarms})

    def _write(self, uri: str, rows: pa.Table) -> None:
        write_bytes(uri, parquet(rows))


def parquet(rows: pa.Table) -> memoryview:
    """`rows` as the bytes of a Parquet file."""
    out = BytesIO()
    pq.write_table(rows, out)
    return out.getbuffer()


Each = Callable[[Work, Sequence[WorkUnit]], Iterator[Made]]
_WORK: list[Work] = []


def in_processes(cores: int) -> Each:
    """Do units in so many processes; in this one, if it is one. They come as they are done."""

    def each(work: Work, units: Sequence[WorkUnit]) -> Iterator[Made]:
        if cores == 1:
            yield from map(work.make, units)
            return
        context = get_context("spawn")
        with ProcessPoolExecutor(cores, context, _begin, (work,)) as pool:
            asked = [pool.submit(_make, unit) for unit in units]
            try:
                for done in as_completed(asked):
                    yield done.result()
            finally:
                pool.shutdown(wait=True, cancel_futures=True)

    return each


def _begin(work: Work) -> None:
    _WORK[:] = [work]


def _make(unit: WorkUnit) -> Made:
    return _WORK[0].make(unit)
