from dataclasses import replace

import pytest

from fabsim import Plan, load_plan
from fabsim.plan.excursions import Dirt
from tests.fabsim.fabs import Fab, small, with_insertions

DIRT = Dirt(
    misspelt=0.3,
    duplicated=0.2,
    renamed=0.2,
    late=0.35,
    late_nights=(1, 2),
    truncated=0.4,
    redelivered=0.7,
    corrupt=0.2,
    clock=0.3,
    split=0.3,
    merged=0.2,
    renumbered=0.2,
)


@pytest.fixture(scope="session")
def plan() -> Plan:
    return load_plan()


@pytest.fixture(scope="session")
def tiny(plan: Plan) -> Plan:
    """Five lots a night, one for each make of prober, of two wafers with much to find."""
    few = small(plan, defects_per_die=0.15).changed(lots_per_night=5, wafers_per_lot=2)
    return with_insertions(few, contact_pct=10.0)


@pytest.fixture(scope="session")
def fab(tiny: Plan, tmp_path_factory: pytest.TempPathFactory) -> Fab:
    """Four nights without dirt: the first lots come to final test in the last."""
    return _delivered(tiny, tmp_path_factory)


@pytest.fixture(scope="session")
def dirty_fab(tiny: Plan, tmp_path_factory: pytest.TempPathFactory) -> Fab:
    """The same with all that can be wrong with files and lots, often."""
    return _delivered(replace(tiny, dirt=DIRT), tmp_path_factory)


def _delivered(plan: Plan, folders: pytest.TempPathFactory) -> Fab:
    fab = Fab(plan, folders.mktemp("fab"), range(1, 5))
    fab.deliver(fab.nights)
    return fab
