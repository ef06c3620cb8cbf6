"""Time STDF readers beside one another; `make bench NAME=stdf OPTIONS=--help` for the options."""

import argparse
import json
import os
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.stdf import lake, large, show
from benchmarks.stdf.contenders import CONTENDERS, OURS
from benchmarks.stdf.content import KINDS
from benchmarks.stdf.homes import ROOT, Homes, machine
from benchmarks.stdf.race import MEGA, File, Row, raced

RESULTS = ROOT / "benchmarks" / "results" / "stdf.json"
PARTS = ("race", "large", "spark")


def options(given: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="benchmarks.stdf", description=__doc__)
    add = parser.add_argument
    var = ROOT / "var"
    add("--parts", nargs="+", choices=PARTS, default=["race"], help="what to measure")
    add("--files", nargs="+", choices=KINDS, default=list(KINDS), help="kinds of files")
    add("--contenders", nargs="+", choices=CONTENDERS, default=list(CONTENDERS))
    add("--mb", type=int, default=200, help="size of a file in millions of bytes")
    add("--slow-mb", type=int, default=5, help="size of the files that slow readers are given")
    add("--repeats", type=int, default=5, help="runs of each contender on each file")
    add("--core", type=int, default=max(os.sched_getaffinity(0)), help="the one that all run on")
    add("--others", type=Path, default=var / "bench-venv" / "bin" / "python")
    add("--folder", type=Path, default=var / "bench", help="where files are written")
    add("--large-mb", type=int, default=5000, help="size of the file of --parts large")
    add("--large-file", choices=KINDS, default="long", help="and its kind")
    add("--spark-files", type=int, default=48, help="how many files --parts spark takes in")
    add("--spark-mb", type=int, default=25, help="size of each of them")
    add("--results", type=Path, default=RESULTS, help="where the numbers are kept")
    add("--write-docs", action="store_true", help="write docs/performance.md, measure nothing")
    return parser.parse_args(given)


def main(given: Sequence[str] | None = None) -> None:
    """Measure the parts asked for; those measured before keep their numbers."""
    chosen = options(given)
    if chosen.write_docs:
        show.write_docs(json.loads(chosen.results.read_text()), ROOT / "docs" / "performance.md")
        return
    results = json.loads(chosen.results.read_text()) if chosen.results.exists() else {}
    chosen.folder.mkdir(parents=True, exist_ok=True)
    homes = Homes(chosen.others, chosen.folder, chosen.core)
    parts = {"race": _race, "large": large.measured, "spark": lake.measured}
    for part in chosen.parts:
        results |= parts[part](chosen, homes) | {f"{part}_at": _now()}
        results |= {"machine": machine(), "versions": homes.versions()}
        chosen.results.parent.mkdir(parents=True, exist_ok=True)
        chosen.results.write_text(json.dumps(results, indent=1) + "\n")
    show.screen(results, chosen.parts)


def _race(chosen: argparse.Namespace, homes: Homes) -> dict[str, Any]:
    slow = [name for name in chosen.contenders if CONTENDERS[name].is_slow]
    fast = [name for name in chosen.contenders if not CONTENDERS[name].is_slow]
    rows: list[Row] = []
    for kind in chosen.files:
        for names, size in ((fast, chosen.mb), (slow, chosen.slow_mb)):
            if names:
                file = File.written(kind, chosen.folder, size * MEGA)
                beside = [OURS, *(name for name in names if name != OURS)]
                rows += raced(file, beside, homes, chosen.repeats, show.progress)
                file.remove()
    sizes = {"mb": chosen.mb, "slow_mb": chosen.slow_mb, "repeats": chosen.repeats}
    return {"sizes": sizes, "kinds": KINDS, "contenders": rows}


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


if __name__ == "__main__":
    main()
