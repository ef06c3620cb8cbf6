"""Wafers made by hand, so that only the simulator's own tests know the simulator."""

import pyarrow as pa
import pytest

from benchmarks.simulated import Wafer

TESTS = (1000, 1010)


def wafer(lot_id, wafer_id, chamber, dies=30):
    rows = range(dies * len(TESTS))
    columns = {
        "lot_id": [lot_id] * len(rows),
        "wafer_id": [wafer_id] * len(rows),
        "x_coord": pa.array([row // 2 for row in rows], pa.int32()),
        "y_coord": pa.array([0 for _ in rows], pa.int32()),
        "test_num": pa.array([TESTS[row % 2] for row in rows], pa.int64()),
        "result": pa.array([0.1 * row + len(chamber) for row in rows], pa.float32()),
        "test_pass": [row % 7 > 0 for row in rows],
    }
    return Wafer(lot_id, wafer_id, "P1", chamber, pa.table(columns))


@pytest.fixture
def few_wafers():
    """Three wafers of 60 test results each, in the place of the simulated ones."""
    return [wafer("L1", "01", "E1-A"), wafer("L1", "02", "E1-BB"), wafer("L2", "01", "E1-A")]
