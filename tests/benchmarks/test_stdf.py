import io
import os
import sys
from itertools import pairwise
from pathlib import Path

import pytest

from benchmarks.harness.process import Limits
from benchmarks.stdf.content import KINDS, content
from benchmarks.stdf.homes import Homes
from benchmarks.stdf.race import File, difference, read_in_turns
from fabyield import stdf

pytestmark = pytest.mark.soak

OURS, PYSTDF = "fabyield read", "pystdf"


def ptr_sizes(data):
    places = [(name, offset) for name, offset, _ in stdf.records(data)]
    return {end - begin for (name, begin), (_, end) in pairwise(places) if name == "PTR"}


@pytest.mark.parametrize("kind", KINDS)
def test_file_is_whole_however_often_its_parts_are_repeated(kind, tmp_path):
    made = content(kind, stretches=1)
    made.write(tmp_path / "a.stdf", len(made.head) + len(made.stretches[0]) + len(made.tail) + 1)

    found = stdf.read(tmp_path / "a.stdf")

    once = stdf.read(io.BytesIO(made.head + made.stretches[0] + made.tail))
    assert found.refused.num_rows == 0
    assert found.parts.num_rows == 2 * once.parts.num_rows > 0
    assert found.test_values.num_rows == 2 * once.test_values.num_rows > 0
    assert found.counts["MRR"] == 1


@pytest.mark.parametrize(("kind", "size"), [("long", 83), ("own_limits", 83), ("short", 25)])
def test_ptrs_are_as_long_as_said(kind, size):
    made = content(kind, stretches=1)

    assert ptr_sizes(made.head + made.stretches[0]) == {size}


def test_readers_that_agree_are_timed_and_others_are_not(tmp_path):
    file = File.written("short", tmp_path, 300_000)
    # The environment of the tests has pystdf, not Semi-ATE-STDF.
    core = min(os.sched_getaffinity(0))
    homes = Homes(Path(sys.executable), tmp_path, tmp_path / "rust", core, Limits())

    rows = read_in_turns(file, [OURS, PYSTDF, "Semi-ATE-STDF"], homes, 1, lambda _: None)

    told = {row["name"]: row for row in rows}
    assert told[OURS]["told"] == told[PYSTDF]["told"]
    assert told[PYSTDF]["rows"] == 12_800
    assert told[OURS]["times_ours"] == 1
    assert told[OURS]["file"] == told["Semi-ATE-STDF"]["file"] == "short"
    assert "Semi_ATE" in told["Semi-ATE-STDF"]["failed"]
    assert "seconds" not in told["Semi-ATE-STDF"]


def test_a_difference_names_the_numbers_that_differ():
    assert difference({"PTR": 1, "FTR": 2}, {"PTR": 1, "FTR": 3}) == (
        "FTR 2 where fabyield read reads 3"
    )
