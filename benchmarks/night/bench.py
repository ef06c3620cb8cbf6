"""The bench `night`: whole nights of several sizes by the real jobs."""

import argparse
import shutil
from pathlib import Path

from benchmarks.harness.bench import Bench, cases
from benchmarks.harness.machine import versions
from benchmarks.harness.process import Limits, Row
from benchmarks.harness.race import Race, raced
from benchmarks.harness.scratch import scratch
from benchmarks.harness.tables import Table, figure, progress
from benchmarks.night.limits import limits, of_nights
from benchmarks.night.place import Place
from benchmarks.simulated import nights

OURS, FLOOR = "nightly", "decode alone"
HEADS = ["MB", "best s", "s per MB", "CPU s", "session s", "peak MiB", "rows written"]
PACKAGES = ("pyspark", "delta-spark", "great-expectations", "pyarrow", "xgboost-cpu")


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add what can be chosen."""
    add = parser.add_argument
    add("--lots", type=int, nargs="+", default=[1, 4], help="lots of each size of night")
    add("--wafers-per-lot", type=int, default=25, help="wafers of a lot")


def measure(chosen: argparse.Namespace, _: Row) -> Row:
    """Run a first night of each size, into an empty lake."""
    rows: list[Row] = []
    with scratch(chosen.folder / "night") as folder:
        for lots in chosen.lots:
            rows += _raced(chosen, folder / str(lots), lots)
    told = {"versions": versions(PACKAGES, chosen.others, ())}
    size = {"lots": chosen.lots, "wafers_per_lot": chosen.wafers_per_lot, "repeats": chosen.repeats}
    return {**told, "size": size, "contenders": rows}


def _raced(chosen: argparse.Namespace, folder: Path, lots: int) -> list[Row]:
    made = nights(folder / "made", 1, lots, chosen.wafers_per_lot)
    megabytes = made.megabytes(0)
    progress(f"night: {lots} lots are written, {megabytes:,.0f} MB unpacked")
    place = Place(folder, Limits(chosen.longest, chosen.most_mib))
    place.land(made.files[0])
    shutil.copy2(made.database, place.database)

    def run(name: str) -> Row:
        place.forget()
        return place.run(name)

    race = Race(f"night of {lots} lots:", [OURS, FLOOR], run, chosen.repeats, floors=[FLOOR])
    case = f"{lots} lots of {chosen.wafers_per_lot} wafers"
    return [
        {"case": case, "mb": megabytes, **_row(row, megabytes)} for row in raced(race, progress)
    ]


def _row(row: Row, megabytes: float) -> Row:
    told = row.pop("told", None) or {}
    if "seconds" not in row:
        return row
    return {**row, "rows": sum(told.values()), "seconds_per_mb": row["seconds"] / megabytes}


def tables(results: Row) -> list[Table]:
    """Give the nights, and how long their steps took."""
    rows = [_cells(row) for row in results["contenders"]]
    told = Table("Whole nights", ["case", "contender", *HEADS], rows)
    return [told, _stages(of_nights(results, OURS))]


def _cells(row: Row) -> list[str]:
    named = [row["case"], row["name"], figure(row["mb"], 0)]
    if "failed" in row:
        return [*named, row["failed"], *[""] * (len(HEADS) - 2)]
    seconds = [figure(row["seconds"], 1), figure(row["seconds_per_mb"], 3)]
    rest = [figure(row["cpu_seconds"], 1), figure(row.get("session_seconds"), 1)]
    return [*named, *seconds, *rest, figure(row["peak_mib"], 0), f"{row['rows']:,}"]


def _stages(rows: list[Row]) -> Table:
    heads = [f"{row['case']} {what}" for row in rows for what in ("s", "%")]
    names = list(rows[0]["stages"]) if rows else []
    cells = [[name, *(cell for row in rows for cell in _share(row, name))] for name in names]
    return Table("By step", ["step", *heads], cells)


def _share(row: Row, name: str) -> list[str]:
    seconds = row["stages"][name]
    return [figure(seconds, 1), figure(100 * seconds / sum(row["stages"].values()), 0)]


BENCH = Bench(
    name="night",
    title="A whole night",
    about=Path(__file__).with_name("about.md"),
    add_options=add_options,
    small={"lots": [1], "wafers_per_lot": 2},
    measure=measure,
    tables=tables,
    groups=lambda results: cases(results["contenders"], OURS),
    limits=limits,
    repeats=2,
)
