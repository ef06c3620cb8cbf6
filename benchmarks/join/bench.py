"""The bench `join`: test results joined to their wafers, then summarised."""

import argparse
import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from itertools import chain
from pathlib import Path

from benchmarks.harness.bench import Bench, cases
from benchmarks.harness.machine import versions
from benchmarks.harness.process import Limits, Row, run_module
from benchmarks.harness.race import Race, raced
from benchmarks.harness.scratch import scratch
from benchmarks.harness.tables import Table, figure, progress
from benchmarks.join import summary
from benchmarks.join.contenders import CONTENDERS, FLOOR, OURS
from benchmarks.join.data import Data, skewed, thinned
from benchmarks.join.limits import limits
from benchmarks.join.summary import Paths
from benchmarks.simulated import Wafer, fab

WARM_ROWS = 1
SKEWED = ", skewed"
ON_SKEW = (OURS, "Spark by names", "DuckDB")
HEADS = ["best s", "median s", "CPU s", "session s", "peak MiB", "x ours"]
PACKAGES = ("pyspark", "pyarrow", "numpy")
THEIRS = ("pandas", "polars", "duckdb", "pyarrow", "numpy")


@dataclass(frozen=True)
class Ring:
    """Files that contenders read, and where and within which limits they run."""

    folder: Path
    data: Data
    warm: Data
    others: Path
    limits: Limits

    def run(self, name: str) -> Row:
        """Let a contender summarise the files, and read what it wrote."""
        out = self.folder / "summary.csv"
        out.unlink(missing_ok=True)
        python = sys.executable if CONTENDERS[name].is_spark else self.others
        given = {"name": name, "paths": _paths(self.data, out), "warm": _paths(self.warm, out)}
        row = run_module(python, "benchmarks.join.once", given, self.limits)
        return {**row, "told": summary.read(out)}


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add what can be chosen."""
    add = parser.add_argument
    sizes = [20_000_000, 100_000_000]
    add("--results", type=int, nargs="+", default=sizes, help="test results")
    add("--slow-results", type=int, nargs="*", default=[250_000, 2_000_000], help="of slow ones")
    add("--slow-wafers", type=int, default=250, help="wafers that those are of")
    add("--contenders", nargs="+", choices=CONTENDERS, default=list(CONTENDERS), help="who runs")


def measure(chosen: argparse.Namespace, _: Row) -> Row:
    """Let the slow ones run beside ours on few rows, then all others on many."""
    slow = [name for name in chosen.contenders if CONTENDERS[name].is_slow]
    fast = [name for name in chosen.contenders if not CONTENDERS[name].is_slow]
    rows: list[Row] = []
    with scratch(chosen.folder / "join") as folder:
        made = fab(folder / "fab", max(chosen.results))
        for size in chosen.slow_results if slow else ():
            few = thinned(made.wafers(), -(-size // chosen.slow_wafers))
            rows += _raced(chosen, _ring(chosen, folder, few, size), slow)
        for size in sorted(chosen.results):
            rows += _raced(chosen, _ring(chosen, folder, made.wafers(), size), fast)
        skew = _ring(chosen, folder, skewed(made.wafers()), min(chosen.results))
        rows += _raced(chosen, skew, [name for name in fast if name in ON_SKEW], SKEWED)
    names = ("results", "slow_results", "slow_wafers", "repeats")
    told = {"versions": versions(PACKAGES, chosen.others, THEIRS)}
    return {**told, "size": {n: getattr(chosen, n) for n in names}, "contenders": rows}


def _ring(chosen: argparse.Namespace, folder: Path, made: Iterable[Wafer], size: int) -> Ring:
    wafers = iter(made)
    first = next(wafers)
    warm = Data.written(folder / "warm", [first], WARM_ROWS)
    data = Data.written(folder, chain([first], wafers), size)
    progress(f"join: {data.rows:,} test results are written")
    return Ring(folder, data, warm, chosen.others, Limits(chosen.longest, chosen.most_mib))


def _raced(
    chosen: argparse.Namespace, ring: Ring, names: Sequence[str], shape: str = ""
) -> list[Row]:
    rows, order = ring.data.rows, [OURS, *(name for name in names if name != OURS)]
    title = f"join {rows:,}{shape}"
    race = Race(title, order, ring.run, chosen.repeats, summary.unlike, floors=[FLOOR])
    return [_row(row, rows, shape) for row in raced(race, progress)]


def _row(row: Row, rows: int, shape: str) -> Row:
    found = row.pop("told", None) or {}
    case = {"case": f"{rows:,} results{shape}", "about": CONTENDERS[row["name"]].about}
    return {**case, **row, "rows": rows, "is_skewed": bool(shape), "groups": len(found)}


def _paths(data: Data, out: Path) -> dict[str, str]:
    return asdict(Paths(str(data.results), str(data.wafers), str(out)))


def tables(results: Row) -> list[Table]:
    """Put all in one table, case after case."""
    rows = [_cells(row) for row in results["contenders"]]
    return [Table("Joined and summarised", ["case", "contender", *HEADS], rows)]


def _cells(row: Row) -> list[str]:
    if "failed" in row:
        return [row["case"], row["name"], row["failed"], *[""] * (len(HEADS) - 1)]
    seconds = [figure(row[name]) for name in ("seconds", "median_seconds", "cpu_seconds")]
    session = figure(row.get("session_seconds"), 1)
    rest = [session, figure(row["peak_mib"], 0), figure(row["times_ours"])]
    return [row["case"], row["name"], *seconds, *rest]


BENCH = Bench(
    name="join",
    title="Test results joined to their wafers",
    about=Path(__file__).with_name("about.md"),
    add_options=add_options,
    small={"results": [500_000, 1_000_000], "slow_results": [50_000]},
    measure=measure,
    tables=tables,
    groups=lambda results: cases(results["contenders"], OURS),
    limits=limits,
)
