"""The bench `validate`: one table judged by its expectations in three ways."""

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.harness.bench import Bench, cases
from benchmarks.harness.machine import versions
from benchmarks.harness.process import Limits, Row, run_module
from benchmarks.harness.race import Race, raced
from benchmarks.harness.scratch import scratch
from benchmarks.harness.shares import busy, disk
from benchmarks.harness.tables import Table, figure, progress
from benchmarks.simulated import Nights, fab
from benchmarks.validate import data
from benchmarks.validate.names import ABOUT, FLOOR, OURS

CASES = {"all met": False, "two broken": True}
HEADS = ["best s", "median s", "CPU s", "session s", "peak MiB", "not met", "x ours"]
PACKAGES = ("great-expectations", "pyspark", "delta-spark", "pyarrow")


@dataclass(frozen=True)
class Ring:
    """The tables that are judged."""

    path: Path
    warm: Path
    limits: Limits

    def run(self, name: str) -> Row:
        """Have them judged in one of the ways."""
        given = {"name": name, "path": str(self.path), "warm": str(self.warm)}
        return run_module(sys.executable, "benchmarks.validate.once", given, self.limits)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add what can be chosen."""
    add = parser.add_argument
    add("--rows", type=int, default=10_000_000, help="rows of the table")
    add("--cases", nargs="+", choices=CASES, default=list(CASES), help="what the rows are like")
    add("--contenders", nargs="+", choices=ABOUT, default=list(ABOUT), help="who judges")


def measure(chosen: argparse.Namespace, _: Row) -> Row:
    """Have each kind of table judged in all ways, in turns."""
    rows: list[Row] = []
    with scratch(chosen.folder / "validate") as folder:
        made = fab(folder / "fab", chosen.rows)
        for case in chosen.cases:
            rows += _raced(chosen, folder, made, case)
    told = {"versions": versions(PACKAGES, chosen.others, ())}
    size = {"rows": chosen.rows, "repeats": chosen.repeats}
    return {**told, "size": size, "contenders": rows}


def _raced(chosen: argparse.Namespace, folder: Path, made: Nights, case: str) -> list[Row]:
    path, warm = folder / "parametric_results.parquet", folder / "warm.parquet"
    count = data.write(path, made.wafers(), chosen.rows, CASES[case])
    data.write(warm, made.wafers(), 1, CASES[case])
    progress(f"validate, {case}: {count:,} rows are written")
    ring = Ring(path, warm, Limits(chosen.longest, chosen.most_mib))
    order = [OURS, *(name for name in chosen.contenders if name != OURS)]
    race = Race(f"validate, {case}:", order, ring.run, chosen.repeats, unlike)
    return [{"case": case, **_told(row, count)} for row in raced(race, progress)]


def unlike(found: dict[str, Any], expected: dict[str, Any]) -> str:
    """Say which verdicts differ."""
    names = sorted(found.keys() | expected.keys())
    wrong = [name for name in names if found.get(name) != expected.get(name)]
    told = (f"{name}: {found.get(name)}, expected {expected.get(name)}" for name in wrong[:2])
    return f"{len(wrong)} verdicts, such as {'; '.join(told)}" if wrong else ""


def _told(row: Row, count: int) -> Row:
    verdicts = row.get("told") or {}
    not_met = sum(not met for met, *_ in verdicts.values())
    judged = {"rows": count, "expectations": len(verdicts), "not_met": not_met}
    return {**row, "about": ABOUT[row["name"]], **judged}


def tables(results: Row) -> list[Table]:
    """Put all in one table, case after case."""
    rows = [_cells(row) for row in results["contenders"]]
    return [Table("The same verdicts", ["case", "contender", *HEADS], rows)]


def _cells(row: Row) -> list[str]:
    if "failed" in row:
        return [row["case"], row["name"], row["failed"], *[""] * (len(HEADS) - 1)]
    seconds = [figure(row[name]) for name in ("seconds", "median_seconds", "cpu_seconds")]
    rest = [figure(row["session_seconds"], 1), figure(row["peak_mib"], 0)]
    judged = f"{row['not_met']} of {row['expectations']}"
    return [row["case"], row["name"], *seconds, *rest, judged, figure(row["times_ours"])]


def limits(results: Row) -> list[str]:
    """Hold ours against the aggregate alone, case by case."""
    return [line for case in CASES for line in _limits(results, case)]


def _limits(results: Row, case: str) -> list[str]:
    rows = [row for row in results["contenders"] if row["case"] == case and "seconds" in row]
    found = {row["name"]: row for row in rows}
    if not found.keys() >= {OURS, FLOOR}:
        return []
    ours, floor = found[OURS], found[FLOOR]
    share = 100 * floor["seconds"] / ours["seconds"]
    return [
        f"{case}: counting alone, in one pass, is {share:.0f} % of `{OURS}`; Great Expectations "
        f"adds the rest, {ours['seconds'] - floor['seconds']:.2f} s. "
        f"{busy(ours, results['machine']['cores'])}; {disk(ours)}."
    ]


BENCH = Bench(
    name="validate",
    title="A table judged by its expectations",
    about=Path(__file__).with_name("about.md"),
    add_options=add_options,
    small={"rows": 200_000},
    measure=measure,
    tables=tables,
    groups=lambda results: cases(results["contenders"], OURS),
    limits=limits,
)
