"""The work of a simulated fab, in units that run in any order on any number of cores."""

import gzip
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, field
from io import BytesIO
from multiprocessing import get_context

import pyarrow as pa
import pyarrow.parquet as pq

from fabsim import truth
from fabsim.equipment.sensor_traces import traces
from fabsim.equipment.tool_logs import tool_log
from fabsim.equipment.visits import all_tools
from fabsim.line.history import LineRun
from fabsim.line.lots import wafer_id
from fabsim.line.schedule import booking, sort_night
from fabsim.testers.delivery_faults import Change, Delivery, apply_change, cut_transfer, max_delay
from fabsim.testers.sessions import Session, sessions
from fabsim.testers.write_stdf import stdf_file
from fabsim.truth import Row
from fabyield.lake.storage import write_bytes, write_text

# The fastest level of gzip, as the hosts of testers use it.
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


@dataclass
class UnitResult:
    """What a unit has delivered; `rows` has its truth by table."""

    files: int = 0
    content_bytes: int = 0
    rows: dict[str, list[Row]] = field(default_factory=dict)


@dataclass(frozen=True)
class Work:
    """The deliveries of `nights` and the folders they go to, as paths or URIs."""

    line: LineRun
    landing: str
    truth: str
    nights: range

    def units(self) -> list[WorkUnit]:
        """Return all units, with the lots of earlier nights whose files may be late."""
        plan, first = self.line.plan, self.nights.start - max_delay(self.line.plan)
        places = {
            LotUnit(lot.index, number): booking(plan, lot, number)
            for lot in self.line.lots
            for number in range(len(plan.insertions))
        }
        lots = [u for u, p in places.items() if p and first <= p.night < self.nights.stop]
        tools = [ToolUnit(night, tool) for night in self.nights for tool in all_tools(self.line)]
        return [*lots, *tools]

    def run(self, unit: WorkUnit) -> UnitResult:
        """Make and write the files of one unit."""
        return self._lot(unit) if isinstance(unit, LotUnit) else self._tool(unit)

    def _lot(self, unit: LotUnit) -> UnitResult:
        lot, plan = self.line.lots[unit.lot], self.line.plan
        files: list[Row] = []
        rows: dict[str, list[Row]] = {"files": files, "yields": []}
        for session in sessions(self.line, lot, unit.number, self.nights):
            content, deliveries = stdf_file(session), session.flaws.deliveries
            due = [one for one in deliveries if one.night in self.nights]
            files += [self._deliver(session, one, content) for one in due]
            if not session.run.place and deliveries[0].night in self.nights:
                rows["yields"].append(truth.yield_row(session))
        night = sort_night(plan, lot)
        if unit.number == 0 and night is not None and night in self.nights:
            rows["wafers"] = truth.wafer_rows(self.line, lot, plan.calendar.night_on(night))
            die = truth.die_table(self.line, lot)
            write_parquet(f"{self.truth}/die/{lot.lot_id}.parquet", die)
        return UnitResult(len(files), sum(row["content_bytes"] for row in files), rows)

    def _deliver(self, session: Session, one: Delivery, content: bytes) -> Row:
        plan = self.line.plan
        night_on = plan.calendar.night_on(one.night)
        path = f"{night_on}/{one.name}"
        delivered = apply_change(plan, session.key, one.change, content)
        packed = gzip.compress(delivered, compresslevel=LEVEL, mtime=0)
        if one.change is Change.CUT_STREAM:
            packed = cut_transfer(plan, session.key, packed)
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

    def _tool(self, unit: ToolUnit) -> UnitResult:
        samples, faults = traces(self.line, unit.night, unit.equipment_id)
        text, alarms = tool_log(self.line, unit.night, unit.equipment_id)
        name = f"{self.line.plan.calendar.night_on(unit.night)}/{unit.equipment_id}"
        write_parquet(f"{self.landing}/sensors/{name}.parquet", samples)
        write_text(f"{self.landing}/logs/{name}.log", text)
        return UnitResult(files=2, rows={"sensor_faults": faults, "alarms": alarms})


def write_parquet(uri: str, rows: pa.Table) -> None:
    """Write `rows` to a Parquet file."""
    out = BytesIO()
    pq.write_table(rows, out)
    write_bytes(uri, out.getbuffer())


# Runs units in any order and yields each result when it is done.
Runner = Callable[[Work, Sequence[WorkUnit]], Iterator[UnitResult]]
_WORK: list[Work] = []


def in_processes(cores: int) -> Runner:
    """Return a runner on `cores` processes; one core is this process."""

    def run_units(work: Work, units: Sequence[WorkUnit]) -> Iterator[UnitResult]:
        if cores == 1:
            yield from map(work.run, units)
            return
        context = get_context("spawn")
        with ProcessPoolExecutor(cores, context, _set_work, (work,)) as pool:
            futures = [pool.submit(_run_unit, unit) for unit in units]
            try:
                for done in as_completed(futures):
                    yield done.result()
            finally:
                pool.shutdown(wait=True, cancel_futures=True)

    return run_units


def _set_work(work: Work) -> None:
    _WORK[:] = [work]


def _run_unit(unit: WorkUnit) -> UnitResult:
    return _WORK[0].run(unit)
