"""The one place that knows the simulator."""

from itertools import islice

import pytest

from benchmarks import simulated
from benchmarks.simulated import nights

pytestmark = pytest.mark.soak


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Two nights of one lot of two wafers; in the second, the first lot is tested again."""
    return nights(tmp_path_factory.mktemp("fab") / "fab", 2, 1, 2)


def lots(files):
    return {file.name.split("_")[1] for file in files}


def test_nights_are_told_apart_and_have_their_lots(made):
    first, second = made.first_sort().files

    assert len(first) == len(second) == 2
    assert not lots(first) & lots(second)
    assert len(made.files[1]) > len(second)
    assert made.megabytes(0) > 0.5


def test_wafers_come_again_in_other_lots(made):
    found = list(islice(made.wafers(), 4))

    assert len({(wafer.lot_id, wafer.wafer_id) for wafer in found}) == 4
    assert found[0].results.num_rows == found[2].results.num_rows > 10_000
    assert found[2].results["lot_id"][0].as_py() == found[2].lot_id
    assert {wafer.product_id for wafer in found} == {"M16G"}
    assert all("-" in wafer.chamber for wafer in found)


def test_most_results_pass_and_some_fail(made):
    results = next(made.wafers()).results

    share = sum(results["test_pass"].to_pylist()) / results.num_rows
    assert 0.9 < share < 1
    assert results["result"].null_count == results["x_coord"].null_count == 0


def test_no_more_lots_are_simulated_than_come_again(monkeypatch, tmp_path):
    asked = []
    monkeypatch.setattr(simulated, "nights", lambda *given: asked.append(given))

    simulated.fab(tmp_path, 1)
    simulated.fab(tmp_path, 100_000_000)

    assert [given[2] for given in asked] == [1, simulated.MOST_LOTS]
