"""The retest rules have two implementations, for Spark and for numpy: they must agree."""

import random
from datetime import UTC, datetime

import pyarrow as pa
import pytest

from fabyield.lake.catalog import PARTS, WAFER_RUNS
from fabyield.stdf.tools import retest
from fabyield.stdf.tools.sessions import RUNS
from fabyield.transforms.shared.keys import DIE
from fabyield.transforms.silver.die_results import die_results
from fabyield.transforms.silver.touchdowns import touchdowns

TURN = ("identified_by", "touchdown_num", "is_first", "is_final", "superseded_by", "decided_by")
FLAGS = [0, 0, 0, 1, 2, 3, 8, 16]


def drawn_runs(draw):
    """Three files with two wafer runs each, on two wafers or none, and two insertions."""
    return [
        {
            "file_key": file,
            "wafer_num": number,
            "wafer_key": (key := draw.randint(1, 3)),
            "wafer_id": "-" if key == 3 else f"0{key}",
            "insertion": draw.choice(["CP1", "CP2"]),
            "session_id": draw.choice("ab"),
            "sblot_id": draw.choice([None, "a", "b"]),
            "started_at": (start := draw.choice([None, 60, 7200, 7260])),
            "finished_at": start and start + draw.choice([30, 9000]),
            "rtst_cod": draw.choice([None, "N", "Y"]),
            "retest_bins": draw.choice([None, None, [], [5]]),
            "pcr_rtst_cnt": draw.choice([None, 0, 3]),
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
        row |= {"head_num": 1, "site_num": draw.randint(0, 1), "hard_bin": draw.choice([1, 5])}
        row |= {"record_offset": 10 * part_num, "pir_offset": 10 * part_num - draw.choice([5, 15])}
        row |= {"part_txt": draw.choice([None, "-", "k1/1/2/3", "k1/1/2/4"])}
        parts.append(row | {key: run[key] for key in ("file_key", "wafer_num")})
    return sorted(parts, key=lambda part: (part["file_key"], part["part_num"]))


def by_spark(rows, parts, runs, rules):
    timed = [
        run
        | {n: run[n] and datetime.fromtimestamp(run[n], UTC) for n in ("started_at", "finished_at")}
        for run in runs
    ]
    touched = touchdowns(rows(PARTS, *parts), rows(WAFER_RUNS, *timed), rules).cache()
    decided = die_results(touched).select(*DIE, "decided_by")
    found = touched.join(decided, DIE).orderBy("file_key", "part_num").select(*TURN)
    return [tuple(row) for row in found.collect()]


def by_numpy(parts, runs, rules):
    keys = {}
    listed = [
        run
        | {"is_on_wafer": run["wafer_id"] != "-"}
        | {"wafer_key": keys.setdefault((run["wafer_key"], run["insertion"]), len(keys))}
        for run in runs
    ]
    place = {(run["file_key"], run["wafer_num"]): n for n, run in enumerate(runs)}
    for part in parts:
        part["run"] = place[part["file_key"], part["wafer_num"]]
    found = retest.touchdowns(
        pa.Table.from_pylist(parts), pa.Table.from_pylist(listed, RUNS), rules
    )
    return list(zip(*(found[name].to_pylist() for name in TURN), strict=True))


@pytest.mark.parametrize("rule", retest.RULES)
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_f07_night_and_command_decide_every_touchdown_alike(rows, rule, seed):
    draw = random.Random(seed)
    runs = drawn_runs(draw)
    parts = drawn_parts(draw, runs)

    rules = retest.PartRules(rule)

    expected = by_spark(rows, parts, runs, rules)

    assert by_numpy([dict(part) for part in parts], runs, rules) == expected
    assert len({row[-1] for row in expected}) >= 5
