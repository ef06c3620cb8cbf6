"""The bench `history`: what one more night costs, as the lake holds more and more of them."""

import argparse
from pathlib import Path

from benchmarks.harness.bench import Bench, cases
from benchmarks.harness.machine import versions
from benchmarks.harness.picture import Group
from benchmarks.harness.process import Limits, Row
from benchmarks.harness.race import Race, compare, raced
from benchmarks.harness.race import unlike as differs
from benchmarks.harness.scratch import scratch
from benchmarks.harness.tables import Table, figure, progress
from benchmarks.history.limits import limits
from benchmarks.history.line import Line
from benchmarks.simulated import nights

HEADS = [
    "best s",
    "median s",
    "CPU s",
    "session s",
    "peak MiB",
    "rows written",
    "x first",
    "CPU x first",
]
PACKAGES = ("pyspark", "delta-spark", "great-expectations", "pyarrow", "xgboost-cpu")
# Their rows of a night follow from the night's files alone.
OF_THE_NIGHT = (
    "bronze.parts",
    "bronze.test_values",
    "silver.die_results",
    "silver.parametric_results",
    "gold.wafer_yield",
)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add what can be chosen."""
    add = parser.add_argument
    add("--times", type=int, nargs="+", default=[1, 3, 10], help="nights that the lake holds")
    add("--lots", type=int, default=6, help="lots of a night")
    add("--wafers-per-lot", type=int, default=12, help="wafers of a lot")


def measure(chosen: argparse.Namespace, _: Row) -> Row:
    """Build each history in one night over many lots, then measure the same next night on all."""
    times = sorted(set(chosen.times))
    with scratch(chosen.folder / "history") as folder:
        every = nights(folder / "made", times[-1] + 1, chosen.lots, chosen.wafers_per_lot)
        made = every.first_sort()
        megabytes = made.megabytes(-1)
        progress(f"history: {len(made.files)} nights are written, the last of {megabytes:,.0f} MB")
        given = Limits(chosen.longest, chosen.most_mib)
        line = Line(folder, made, given)
        names = [f"{count}x" for count in times]
        race = Race("history", names, line.run, chosen.repeats, unlike)
        rows = [_row(row, megabytes) for row in raced(race, progress)]
        compare(rows, "cpu_times_ours", names[0], "cpu_seconds")
    told = {"versions": versions(PACKAGES, chosen.others, ())}
    size = {name: getattr(chosen, name) for name in ("times", "lots", "wafers_per_lot", "repeats")}
    return {**told, "size": size, "contenders": rows}


def unlike(found: dict[str, int], expected: dict[str, int]) -> str:
    """Say which tables got another number of rows from the night."""
    return differs(_of_the_night(found), _of_the_night(expected))


def _of_the_night(told: dict[str, int]) -> dict[str, int]:
    return {table: told.get(table, 0) for table in OF_THE_NIGHT}


def _row(row: Row, megabytes: float) -> Row:
    told = row.pop("told", None) or {}
    case = {"case": f"one more night of {megabytes:,.0f} MB", "history": row["name"]}
    return {**case, **row, "rows": sum(_of_the_night(told).values())}


def tables(results: Row) -> list[Table]:
    """Give the night after each history, and its steps."""
    rows = [row for row in results["contenders"] if "seconds" in row]
    cells = [_cells(row) for row in results["contenders"]]
    return [Table("One more night", ["contender", *HEADS], cells), _stages(rows)]


def _cells(row: Row) -> list[str]:
    if "failed" in row:
        return [row["name"], row["failed"], *[""] * (len(HEADS) - 1)]
    names = ("seconds", "median_seconds", "cpu_seconds", "session_seconds")
    seconds = [figure(row[name], 1) for name in names]
    ratios = [figure(row["times_ours"]), figure(row["cpu_times_ours"])]
    return [row["name"], *seconds, figure(row["peak_mib"], 0), f"{row['rows']:,}", *ratios]


def _stages(rows: list[Row]) -> Table:
    heads = [f"{row['name']} {what}" for row in rows for what in ("s", "x first")]
    names = list(rows[0]["stages"]) if rows else []
    cells = [[name, *_growths(rows, name)] for name in names]
    return Table("By step", ["step", *heads], cells)


def _growths(rows: list[Row], name: str) -> list[str]:
    return [cell for row in rows for cell in _growth(row, rows[0], name)]


def _growth(row: Row, first: Row, name: str) -> list[str]:
    seconds, before = row["stages"][name], first["stages"][name]
    return [figure(seconds, 1), figure(seconds / before if before else None)]


def _groups(results: Row) -> list[Group]:
    return cases(results["contenders"], f"{min(results['size']['times'])}x")


BENCH = Bench(
    name="history",
    title="One more night, as history grows",
    about=Path(__file__).with_name("about.md"),
    add_options=add_options,
    small={"times": [1, 2], "lots": 1, "wafers_per_lot": 2},
    measure=measure,
    tables=tables,
    groups=_groups,
    limits=limits,
    repeats=1,
)
