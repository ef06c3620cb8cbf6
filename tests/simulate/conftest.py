from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from fabyield.simulate import Plan, simulate
from fabyield.stdf import StdfTables, read

PLAN = Path(__file__).parents[2] / "conf" / "simulate.yml"


@dataclass(frozen=True)
class Fab:
    """A simulated fab on disk."""

    plan: Plan
    landing: Path
    database: Path
    truth: Path

    def files(self) -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in self.landing.iterdir()}

    def read(self, lot_id: str, wafer_id: str) -> StdfTables:
        return read(self.landing / f"M16G_{lot_id}_{wafer_id}_cp1.stdf.gz")

    def wafers(self) -> list[dict]:
        return pq.read_table(self.truth / "wafers.parquet").to_pylist()


@pytest.fixture(scope="session")
def plan() -> Plan:
    return Plan.load(PLAN)


@pytest.fixture(scope="session")
def tiny(plan: Plan) -> Plan:
    """Five lots (one for each tester) of two wafers of 61 die and 8 tests, and one unsorted lot."""
    product = replace(plan.product, die_width_mm=29.0, die_height_mm=30.0)
    probe = replace(plan.probe, tests=8)
    return replace(plan, product=product, probe=probe).sized(lots=5, wafers_per_lot=2)


@pytest.fixture(scope="session")
def build(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Plan], Fab]:
    def make(plan: Plan) -> Fab:
        root = tmp_path_factory.mktemp("fab")
        fab = Fab(plan, root / "landing", root / "fab.sqlite", root / "truth")
        simulate(plan, fab.landing, fab.database, fab.truth, lambda _: None)
        return fab

    return make


@pytest.fixture(scope="session")
def fab(tiny: Plan, build: Callable[[Plan], Fab]) -> Fab:
    return build(tiny)
