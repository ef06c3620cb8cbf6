"""Small simulated fabs in memory and on disk, and bounds of chance."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from fabsim import Destination, Plan, in_processes, simulate
from fabsim.line.history import LineRun
from fabsim.plan.excursions import Effect, Excursion, Kind, Shape
from fabsim.testers.sessions import Session, sessions
from fabsim.testers.write_stdf import stdf_file
from fabyield.stdf import StdfTables, read
from tests.plans import small_plan

CP1, CP2, FT1 = 0, 1, 2
HARMLESS = Effect(0.0, 0.0, Shape.RANDOM, "vth")
ETCH = {"process_step": "etch_gate", "equipment_id": "ETCH02", "chamber_id": "B"}


def small(plan: Plan, die: float = 29.0, tests: int = 9, **of_product: Any) -> Plan:
    """The same fab with 61 large die on a wafer, and the fewest tests."""
    large = {"die_width_mm": die, "die_height_mm": die + 1.0, **of_product}
    plan = replace(plan, products=tuple(replace(one, **large) for one in plan.products))
    return with_insertions(plan, tests=tests)


def with_insertions(plan: Plan, **changes: Any) -> Plan:
    return replace(plan, insertions=tuple(replace(one, **changes) for one in plan.insertions))


def calm(plan: Plan) -> Plan:
    """A plan in which no die is lost and every contact is good."""
    products = tuple(replace(one, defects_per_die=0.0) for one in plan.products)
    plan = replace(plan, products=products, patterns=(), edge_loss_pct=0.0)
    return with_insertions(plan, contact_pct=0.0)


def level(plan: Plan, **spread: float) -> Plan:
    """A calm plan with no scatter of results but that in `spread`."""
    none = dict.fromkeys(("radial", "edge", "reticle", "site", "wafer", "repeat"), 0.0)
    areas = tuple(replace(one, drift_sigma=0.0, slot_sigma=0.0) for one in plan.areas)
    groups = tuple(replace(one, pcm_sigma=0.0) for one in plan.groups)
    chosen = replace(plan.spread, **(none | spread))
    return replace(calm(plan), areas=areas, groups=groups, spread=chosen)


def excursion(kind: Kind, at: dict[str, str], effect: Effect = HARMLESS, **rest: Any) -> Excursion:
    """An excursion that hits every wafer at its place, from night 1 on."""
    always = {"from_night": 1, "until_night": 0, "share": 1.0}
    return Excursion(name="story", kind=kind, at=at, effect=effect, **(always | rest))


def with_excursion(plan: Plan, one: Excursion) -> Plan:
    return replace(plan, excursions=(one,))


def first_lots(built: LineRun, count: int) -> LineRun:
    """The same line with its first lots only."""
    return replace(built, lots=built.lots[:count])


def all_sessions(built: LineRun, number: int) -> Iterator[Session]:
    """All sessions at an insertion that are known by now."""
    for lot in built.lots:
        yield from sessions(built, lot, number)


def packages_plan() -> Plan:
    """One lot a night of some eighty packages, a third of which fail at first."""
    few = small_plan(lots_per_night=1)
    few = replace(few, products=tuple(replace(p, defects_per_die=0.3) for p in few.products))
    return with_insertions(few, contact_pct=25.0, contact_cured=0.6, coverage=0.5, share=1.0)


def packages_tested(built: LineRun, folder: Path) -> dict[Path, Session]:
    """Write the files of the first lot's final test; its sessions in order of delivery."""
    found = sessions(built, built.lots[0], FT1)
    files = {folder / one.flaws.deliveries[0].name.removesuffix(".gz"): one for one in found}
    for path, session in files.items():
        path.write_bytes(stdf_file(session))
    return files


def in_sigmas(session: Session) -> Any:
    """Results of every touch-down in sigmas off nominal: touch-downs x tests."""
    program = session.program
    return (session.readings.results - program.nominal) / program.sigma


def is_share(count: int, of: int, share: float) -> bool:
    """Whether `count` of `of` is within 4 sigmas of a binomial, as all but 6 of 100,000 are."""
    return abs(count - of * share) <= 4 * np.sqrt(of * share * (1 - share))


def error(values: Any) -> float:
    """The standard error of the mean of independent values."""
    return float(np.std(values) / np.sqrt(len(values)))


@dataclass(frozen=True)
class Fab:
    """A simulated fab on disk."""

    plan: Plan
    root: Path
    nights: range

    @cached_property
    def built(self) -> LineRun:
        return LineRun.until(self.plan, self.nights[-1])

    def deliver(self, nights: range, cores: int = 1) -> None:
        simulate(self.plan, Destination.in_folder(str(self.root)), nights, in_processes(cores))

    def stdf(self) -> dict[str, bytes]:
        """The landed STDF files by their path below landing/stdf."""
        return _below(self.root / "landing" / "stdf")

    def everything(self) -> dict[str, bytes]:
        """Every file of the landing zone and of the truth, by its path there."""
        return _below(self.root / "landing") | _below(self.root / "truth")

    def read(self, path: str) -> StdfTables:
        return read(self.root / "landing" / "stdf" / path)

    def true(self, name: str) -> list[dict[str, Any]]:
        """All rows of a truth, of all nights."""
        whole = self.root / "truth" / f"{name}.parquet"
        paths = [whole] if whole.exists() else sorted((self.root / "truth" / name).iterdir())
        return [row for path in paths for row in pq.read_table(path).to_pylist()]

    def query(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(self.root / "fab.db")) as connection:
            return connection.execute(sql, values).fetchall()

    def dump(self) -> list[str]:
        with closing(sqlite3.connect(self.root / "fab.db")) as connection:
            return sorted(connection.iterdump())


def _below(root: Path) -> dict[str, bytes]:
    files = (path for path in root.rglob("*") if path.is_file())
    return {str(path.relative_to(root)): path.read_bytes() for path in files}
