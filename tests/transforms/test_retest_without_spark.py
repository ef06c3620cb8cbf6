"""The retest rules have two implementations, for Spark and for numpy: they must agree."""

import random
from datetime import UTC, datetime

import pyarrow as pa
import pytest

from fabyield.lake.catalog import PARTS, WAFER_RUNS
from fabyield.stdf.tools import retest
from fabyield.transforms.silver.die_results import die_results
from fabyield.transforms.silver.touchdowns import touchdowns

TURN = ("touchdown_num", "is_first", "is_final", "superseded_by", "decided_by")
FLAGS = [0, 0, 0, 1, 2, 3, 8, 16]


def drawn_runs(draw):
    """Three files with two wafer runs each, on two wafers and two insertions."""
    return [
        {
            "file_key": file,
            "wafer_num": number,
            "wafer_key": draw.randint(1, 2),
            "insertion": draw.choice(["CP1", "CP2"]),
            "sblot_id": draw.choice([None, "a", "b"]),
            "started_at": draw.choice([None, 60, 7200, 7260]),
            "is_retest_file": draw.random() < 0.3,
        }
        for file in range(3)
        for number in (-1, 0)
    ]


def drawn_parts(draw, runs, size=400):
    """Parts at few places, so that most die are touched again; some have no place or no ID."""
    parts = []
    for part_num in range(size):
        run = draw.choice(runs)
        placed = draw.random() < 0.6
        x, y = (draw.randint(-3, 3), draw.randint(-2, 2)) if placed else (None, 5)
        verdict = draw.choice([True, False, None])
        row = {"x_coord": x, "y_coord": y, "part_flg": draw.choice(FLAGS), "part_pass": verdict}
        row |= {"part_id": draw.choice([None, *"123456789"]), "part_num": part_num}
        parts.append(row | {key: run[key] for key in ("file_key", "wafer_num")})
    return sorted(parts, key=lambda part: (part["file_key"], part["part_num"]))


def by_spark(rows, parts, runs, rule):
    clock = {r["started_at"]: r["started_at"] for r in runs}
    times = {at: at and datetime.fromtimestamp(at, UTC) for at in clock}
    timed = [run | {"started_at": times[run["started_at"]]} for run in runs]
    touched = touchdowns(rows(PARTS, *parts), rows(WAFER_RUNS, *timed), rule).cache()
    die = ["wafer_key", "insertion", "die_id"]
    rules = die_results(touched).select(*die, "decided_by")
    found = touched.join(rules, die).orderBy("file_key", "part_num").select(*TURN)
    return [tuple(row) for row in found.collect()]


def by_numpy(parts, runs, rule):
    keys = {}
    listed = [
        {name: run[name] for name in ("sblot_id", "started_at", "is_retest_file")}
        | {"wafer_key": keys.setdefault((run["wafer_key"], run["insertion"]), len(keys))}
        for run in runs
    ]
    place = {(run["file_key"], run["wafer_num"]): n for n, run in enumerate(runs)}
    for part in parts:
        part["run"] = place[part["file_key"], part["wafer_num"]]
    found = retest.touchdowns(pa.Table.from_pylist(parts), pa.Table.from_pylist(listed), rule)
    return list(zip(*(found[name].to_pylist() for name in TURN), strict=True))


@pytest.mark.parametrize("rule", retest.RULES)
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_f07_numpy_decides_every_touchdown_as_spark_does(rows, rule, seed):
    draw = random.Random(seed)
    runs = drawn_runs(draw)
    parts = drawn_parts(draw, runs)

    expected = by_spark(rows, parts, runs, rule)

    assert by_numpy([dict(part) for part in parts], runs, rule) == expected
    assert len({row[-1] for row in expected}) >= 5
