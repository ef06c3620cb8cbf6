"""The bench `stdf`: STDF readers beside one another, a large file, and the way to Delta."""

import argparse
import os
import sys
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.harness.bench import Bench
from benchmarks.harness.clock import MEGA
from benchmarks.harness.picture import Group
from benchmarks.harness.process import Limits, Row, run_module
from benchmarks.harness.scratch import scratch
from benchmarks.harness.tables import progress
from benchmarks.stdf import large
from benchmarks.stdf.contenders import CONTENDERS, OURS
from benchmarks.stdf.content import KINDS
from benchmarks.stdf.homes import Homes
from benchmarks.stdf.limits import limits
from benchmarks.stdf.race import File, read_in_turns
from benchmarks.stdf.show import tables

PARTS = ("race", "large", "spark")


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add what can be chosen."""
    add = parser.add_argument
    add("--parts", nargs="+", choices=PARTS, default=["race"], help="what to measure")
    add("--files", nargs="+", choices=KINDS, default=list(KINDS), help="kinds of files")
    add("--contenders", nargs="+", choices=CONTENDERS, default=list(CONTENDERS), help="who reads")
    add("--mb", type=int, default=200, help="size of a file in millions of bytes")
    add("--slow-mb", type=int, default=5, help="size of the files that slow readers are given")
    add("--core", type=int, default=max(os.sched_getaffinity(0)), help="the one that all run on")
    add("--large-mb", type=int, default=5000, help="size of the file of --parts large")
    add("--large-file", choices=KINDS, default="long", help="and its kind")
    add("--spark-files", type=int, default=48, help="how many files --parts spark takes in")
    add("--spark-mb", type=int, default=25, help="size of each of them")


def measure(chosen: argparse.Namespace, before: Row) -> Row:
    """Measure the parts asked for; those measured before keep their numbers."""
    results = dict(before)
    parts = {"race": _race, "large": large.measured, "spark": _spark}
    with scratch(chosen.folder / "stdf") as folder:
        given = Limits(chosen.longest, chosen.most_mib)
        homes = Homes(chosen.others, folder, chosen.folder / "rust", chosen.core, given)
        for part in chosen.parts:
            now = datetime.now(UTC).isoformat(timespec="seconds")
            results |= parts[part](chosen, homes) | {f"{part}_at": now}
        return results | {"versions": homes.versions()}


def _race(chosen: argparse.Namespace, homes: Homes) -> Row:
    slow = [name for name in chosen.contenders if CONTENDERS[name].is_slow]
    fast = [name for name in chosen.contenders if not CONTENDERS[name].is_slow]
    rows: list[Row] = []
    for kind in chosen.files:
        for names, size in ((fast, chosen.mb), (slow, chosen.slow_mb)):
            if names:
                file = File.written(kind, homes.folder, size * MEGA)
                beside = [OURS, *(name for name in names if name != OURS)]
                rows += read_in_turns(file, beside, homes, chosen.repeats, progress)
                file.remove()
    sizes = {"mb": chosen.mb, "slow_mb": chosen.slow_mb, "repeats": chosen.repeats}
    return {"size": sizes, "kinds": KINDS, "contenders": rows}


def _spark(chosen: argparse.Namespace, homes: Homes) -> Row:
    """Have a process of its own take the files in; its session ends with it."""
    size = {"count": chosen.spark_files, "size": chosen.spark_mb * MEGA}
    given = {"folder": str(homes.folder / "spark"), **size}
    return {"spark": run_module(sys.executable, "benchmarks.stdf.lake", given, homes.limits)}


def _groups(results: Row) -> list[Group]:
    cases: dict[str, list[Row]] = {}
    for row in results.get("contenders", ()):
        cases.setdefault(f"{row['file']}, {row['file_mb']:,.0f} MB", []).append(row)
    return [Group(title, rows, OURS) for title, rows in cases.items()]


BENCH = Bench(
    name="stdf",
    title="STDF readers",
    about=Path(__file__).with_name("about.md"),
    add_options=add_options,
    small={"mb": 8, "slow_mb": 2},
    measure=measure,
    tables=tables,
    groups=_groups,
    limits=limits,
    repeats=5,
)
