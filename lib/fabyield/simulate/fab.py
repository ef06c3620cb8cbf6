"""One simulated fab, from the first lot start to the files a pipeline finds."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from fabyield.errors import ConfigError
from fabyield.simulate.database import write_database
from fabyield.simulate.plan import Plan
from fabyield.simulate.prober_queue import sessions
from fabyield.simulate.route import Lot, start_lots
from fabyield.simulate.testers import file_name, stdf_file
from fabyield.simulate.truth import wafer_truth, write_truth


def simulate(
    plan: Plan, landing: Path, database: Path, truth: Path, progress: Callable[[str], None]
) -> None:
    """Write STDF files, factory database and truth; files get their names last, at once.

    Raises ConfigError if the truth would stand where the pipeline reads.
    """
    if truth.resolve().is_relative_to(landing.resolve()):
        raise ConfigError(f"truth {truth} is inside landing {landing}; choose a folder outside")
    landing.mkdir(parents=True, exist_ok=True)
    lots = start_lots(plan)
    finished, wafers = _write_files(plan, lots, landing, progress)
    for unfinished, name in finished:
        os.replace(unfinished, name)
    write_truth(plan, lots, wafers + _unsorted(lots), truth)
    write_database(plan, lots, database)
    progress(f"{len(finished)} files in {landing}, {len(lots)} lots in {database}")


def _write_files(
    plan: Plan, lots: list[Lot], landing: Path, progress: Callable[[str], None]
) -> tuple[list[tuple[Path, Path]], list[dict[str, Any]]]:
    finished, wafers = [], []
    for session in sessions(plan, lots):
        name = landing / file_name(session)
        unfinished = name.with_name(f".{name.name}.tmp")
        unfinished.write_bytes(stdf_file(session))
        finished.append((unfinished, name))
        wafers.append(wafer_truth(session.lot, session.wafer, session.touches))
        if session.wafer is session.lot.wafers[-1]:
            progress(f"lot {session.lot.lot_id}: {len(session.lot.wafers)} wafers sorted")
    return finished, wafers


def _unsorted(lots: list[Lot]) -> list[dict[str, Any]]:
    waiting = [lot for lot in lots if not lot.is_sorted]
    return [wafer_truth(lot, wafer, None) for lot in waiting for wafer in lot.wafers]
