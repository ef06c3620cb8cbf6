"""One insertion of a simulated fab's lots, made in this process alone."""

import gzip
from typing import Any

from benchmarks.harness.clock import timed
from fabsim import load_plan
from fabsim.line.history import LineRun
from fabsim.testers.sessions import sessions
from fabsim.testers.write_stdf import stdf_file
from fabsim.work import LEVEL, LotUnit, Work

OURS, FLOOR = "fabsim", "gzip alone"
LATE = 3


def run(given: dict[str, Any]) -> dict[str, Any]:
    """Make the files of all lots of night 1 but the first, which is made before time is taken."""
    plan = load_plan(scenario=given["scenario"])
    plan = plan.changed(lots_per_night=given["lots"] + 1, wafers_per_lot=given["wafers_per_lot"])
    number = [one.insertion for one in plan.insertions].index(given["insertion"])
    # A lot may be a little late.
    nights = range(1, 1 + plan.insertions[number].after_nights + LATE)
    built = LineRun.until(plan, nights.stop - 1)
    warm, *units = (LotUnit(lot, number) for lot in range(given["lots"] + 1))
    work = Work(built, f"{given['out']}/landing", f"{given['out']}/truth", nights)
    work.run(warm)
    if given["name"] == OURS:
        made, taken = timed(lambda: [work.run(unit).content_bytes for unit in units])
        return {**taken, "mb": sum(made) / 1e6, "told": made}
    contents = [
        stdf_file(one) for unit in units for one in sessions(built, built.lots[unit.lot], number)
    ]
    _, taken = timed(lambda: [len(gzip.compress(one, LEVEL, mtime=0)) for one in contents])
    return {**taken, "mb": sum(map(len, contents)) / 1e6}
