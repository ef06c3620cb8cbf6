"""The bench `simulate`: how fast one core simulates a fab's STDF files."""

import argparse
import sys
from pathlib import Path

from benchmarks.harness.bench import Bench, cases
from benchmarks.harness.machine import versions
from benchmarks.harness.process import Limits, Row, run_module
from benchmarks.harness.race import Race, raced
from benchmarks.harness.scratch import scratch
from benchmarks.harness.tables import Table, figure, progress
from benchmarks.simulate.once import FLOOR, OURS

INSERTIONS = ("CP1", "CP2", "FT1")
HEADS = ["MB", "best s", "median s", "MB/s and core", "peak MiB", "x ours"]


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add what can be chosen."""
    add = parser.add_argument
    add("--scenarios", nargs="+", default=["quiet", "big"], help="fabs")
    add("--lots", type=int, default=5, help="lots; five are of all makes of testers")
    add("--wafers-per-lot", type=int, default=5, help="wafers of a lot")


def measure(chosen: argparse.Namespace, _: Row) -> Row:
    """Have each insertion of each fab made by one core."""
    rows: list[Row] = []
    with scratch(chosen.folder / "simulate") as folder:
        for scenario in chosen.scenarios:
            for insertion in INSERTIONS:
                rows += _raced(chosen, folder, scenario, insertion)
    told = {"versions": versions(("numpy", "pyarrow"), chosen.others, ())}
    size = {name: getattr(chosen, name) for name in ("lots", "wafers_per_lot", "repeats")}
    return {**told, "size": size, "contenders": rows}


def _raced(chosen: argparse.Namespace, folder: Path, scenario: str, insertion: str) -> list[Row]:
    asked = {"scenario": scenario, "insertion": insertion, "out": str(folder / scenario)}
    asked |= {"lots": chosen.lots, "wafers_per_lot": chosen.wafers_per_lot}
    limits = Limits(chosen.longest, chosen.most_mib)

    def run(name: str) -> Row:
        module = "benchmarks.simulate.once"
        return run_module(sys.executable, module, {**asked, "name": name}, limits)

    race = Race(f"{scenario} {insertion}:", [OURS, FLOOR], run, chosen.repeats, floors=[FLOOR])
    return [{"case": f"{scenario} {insertion}", **_row(row)} for row in raced(race, progress)]


def _row(row: Row) -> Row:
    told = row.pop("told", None) or ()
    if "seconds" not in row:
        return row
    return {**row, "rows": len(told), "mb_per_core_second": row["mb"] / row["cpu_seconds"]}


def tables(results: Row) -> list[Table]:
    """Put all in one table."""
    rows = [_cells(row) for row in results["contenders"]]
    return [Table("Simulated by one core", ["case", "contender", *HEADS], rows)]


def _cells(row: Row) -> list[str]:
    named = [row["case"], row["name"]]
    if "failed" in row:
        return [*named, row["failed"], *[""] * (len(HEADS) - 1)]
    seconds = [figure(row["mb"], 0), figure(row["seconds"]), figure(row["median_seconds"])]
    rest = [figure(row["mb_per_core_second"], 0), figure(row["peak_mib"], 0)]
    return [*named, *seconds, *rest, figure(row["times_ours"])]


def limits(results: Row) -> list[str]:
    """Say how fast each insertion of each fab is made, and what compressing takes of it."""
    ours = [row for row in results["contenders"] if row["name"] == OURS and "seconds" in row]
    floors = {row["case"]: row for row in results["contenders"] if row["name"] == FLOOR}
    return [_said(row, floors.get(row["case"], {})) for row in ours]


def _said(row: Row, floor: Row) -> str:
    said = f"{row['case']}: {row['mb_per_core_second']:.0f} MB of STDF a second and core"
    if "cpu_seconds" not in floor:
        return f"{said}."
    share = 100 * floor["cpu_seconds"] / row["cpu_seconds"]
    return f"{said}, of which gzip takes {share:.0f} %."


BENCH = Bench(
    name="simulate",
    title="Simulated files",
    about=Path(__file__).with_name("about.md"),
    add_options=add_options,
    small={"scenarios": ["quiet"], "lots": 1, "wafers_per_lot": 1},
    measure=measure,
    tables=tables,
    groups=lambda results: cases(results["contenders"], OURS),
    limits=limits,
)
