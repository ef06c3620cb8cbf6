"""Which tester probes which wafer, and when."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np

from fabyield.simulate.catalogue import Catalogue, WaferMap, catalogue, probe_card, wafer_map
from fabyield.simulate.plan import Plan, Tester
from fabyield.simulate.route import Lot, Wafer
from fabyield.simulate.wafer_sort import Prober, Touches, sort_wafer

SETUP = timedelta(seconds=45)
LOAD = timedelta(seconds=90)


@dataclass(frozen=True)
class Session:
    """One wafer on one tester; times are STDF's: seconds on the tester's local clock."""

    lot: Lot
    wafer: Wafer
    tester: Tester
    prober: Prober
    touches: Touches
    setup_t: int
    start_t: int
    finish_t: int


def sessions(plan: Plan, lots: list[Lot]) -> Iterator[Session]:
    """Probe every lot that is to be sorted; a lot stays on its tester, testers take turns."""
    die, tests = wafer_map(plan.product), catalogue(plan)
    free: dict[int, datetime] = {}
    for lot in lots:
        if lot.is_sorted:
            yield from _probe_lot(plan, lot, die, tests, free)


def _probe_lot(
    plan: Plan, lot: Lot, die: WaferMap, tests: Catalogue, free: dict[int, datetime]
) -> Iterator[Session]:
    number = lot.index % len(plan.testers)
    prober = Prober(plan, die, tests, probe_card(plan, number))
    ready = lot.ready_at + timedelta(hours=plan.line.sort_hours)
    at = max(ready, free.get(number, ready))
    for wafer in lot.wafers:
        touches = sort_wafer(prober, wafer)
        start = at + LOAD
        at = start + _duration(plan, touches)
        times = (_local_seconds(plan, moment) for moment in (start - SETUP, start, at))
        yield Session(lot, wafer, plan.testers[number], prober, touches, *times)
    free[number] = at


def _duration(plan: Plan, touches: Touches) -> timedelta:
    longest = np.zeros(int(touches.touchdown[-1]) + 1)
    np.maximum.at(longest, touches.touchdown, touches.test_ms)
    return timedelta(seconds=int(np.ceil((longest + plan.probe.index_ms).sum() / 1000)))


def _local_seconds(plan: Plan, moment: datetime) -> int:
    offset = moment.astimezone(ZoneInfo(plan.zone)).utcoffset() or timedelta()
    return int((moment + offset).timestamp())
