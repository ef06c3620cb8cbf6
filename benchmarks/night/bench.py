"""The bench `night`: whole nights by the real jobs, and by what one might write instead."""

import argparse
import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.harness.bench import Bench, cases
from benchmarks.harness.machine import versions
from benchmarks.harness.process import ROOT, Limits, Row
from benchmarks.harness.race import Race, raced
from benchmarks.harness.race import unlike as differs
from benchmarks.harness.scratch import scratch
from benchmarks.harness.tables import Table, figure, progress
from benchmarks.night.limits import SIZE, limits, of_nights
from benchmarks.night.place import Place
from benchmarks.simulated import Nights, default_nights, nights

OURS, PEER, FLOOR = "nightly", "stdf-convert, DuckDB", "decode alone"
HEADS = ["MB", "best s", "median s", "CPU s", "session s", "session CPU s", "peak MiB"]
HEADS += ["Spark jobs", "queries"]
PACKAGES = ("pyspark", "delta-spark", "great-expectations", "pyarrow", "xgboost-cpu")
THEIRS = ("stdf-convert", "duckdb", "pyarrow")
REAL = sorted((ROOT / "tests" / "data" / "stdf").glob("*.stdf.gz"))


@dataclass(frozen=True)
class Case:
    """What a night brings: in words, as a kind, and MB of STDF, 0 where they are not compared."""

    case: str
    kind: str
    mb: float = 0.0


WAFER, EMPTY = Case("one wafer more", "wafer"), Case("nothing arrives", "empty")


@dataclass(frozen=True)
class Fresh:
    """Nights of one case, each into an empty lake."""

    place: Place
    at_a_time: int | None = None

    def run(self, name: str) -> Row:
        """Run the contender `name`."""
        self.place.forget()
        return self.place.run_peer() if name == PEER else self.place.run(name, self.at_a_time)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add what can be chosen."""
    add = parser.add_argument
    add("--lots", type=int, nargs="+", default=[1, 4], help="lots of each size of night")
    add("--wafers-per-lot", type=int, default=25, help="wafers of a lot")
    add("--nights", type=int, default=4, help="simulated nights of the default landing zone")


def measure(chosen: argparse.Namespace, _: Row) -> Row:
    """Run first nights of each size, then the default night, one of one wafer, and an empty one."""
    rows: list[Row] = []
    with scratch(chosen.folder / "night") as folder:
        for lots in chosen.lots:
            rows += _of_size(chosen, folder / str(lots), lots)
        rows += _default(chosen, folder / "default")
    told = {"versions": versions(PACKAGES, chosen.others, THEIRS)}
    size = {"lots": chosen.lots, "wafers_per_lot": chosen.wafers_per_lot, "repeats": chosen.repeats}
    return {**told, "size": size, "contenders": rows}


def unlike(found: dict[str, int], expected: dict[str, int]) -> str:
    """Say which totals differ, of those that a contender tells."""
    return differs(found, {name: expected.get(name) for name in found})


def _of_size(chosen: argparse.Namespace, folder: Path, lots: int) -> list[Row]:
    made = nights(folder / "made", 1, lots, chosen.wafers_per_lot)
    place = _place(chosen, folder, made)
    place.land(made.files[0])
    # One step at a time, so that what each takes can be told apart.
    run = Fresh(place, at_a_time=1).run
    case = Case(f"{lots} lots of {chosen.wafers_per_lot} wafers", SIZE, made.megabytes(0))
    return _raced(case, [OURS, PEER, FLOOR], run, chosen.repeats)


def _default(chosen: argparse.Namespace, folder: Path) -> list[Row]:
    made = default_nights(folder / "made", chosen.nights)
    simulated = [file for night in made.files for file in night]
    megabytes = sum(made.megabytes(night) for night in range(len(made.files)))
    place = _place(chosen, folder, made)
    # All but one real wafer, the lake of which is kept to come back to.
    place.land([*simulated, *REAL[1:]])
    place.run(OURS)
    place.keep()
    place.land(REAL[:1])
    rows = _raced(WAFER, [OURS], lambda name: _back(place, name), chosen.repeats)
    whole = Case("default night", "default", megabytes)
    rows += _raced(whole, [OURS, PEER, FLOOR], Fresh(place).run, chosen.repeats)
    place.forget()
    place.run(OURS)
    return rows + _raced(EMPTY, [OURS], place.run, chosen.repeats)


def _place(chosen: argparse.Namespace, folder: Path, made: Nights) -> Place:
    place = Place(folder, Limits(chosen.longest, chosen.most_mib), chosen.others)
    place.root.mkdir(parents=True, exist_ok=True)
    shutil.copy2(made.database, place.database)
    return place


def _back(place: Place, name: str) -> Row:
    place.go_back()
    return place.run(name)


def _raced(case: Case, names: list[str], run: Callable[[str], Row], repeats: int) -> list[Row]:
    progress(f"night: {case.case}")
    race = Race(f"{case.case}:", names, run, repeats, unlike, floors=[FLOOR])
    return [{**asdict(case), **_row(row, case.mb)} for row in raced(race, progress)]


def _row(row: Row, megabytes: float) -> Row:
    row.pop("told", None)
    if "seconds" not in row or not megabytes:
        return row
    return {**row, "seconds_per_mb": row["seconds"] / megabytes}


def tables(results: Row) -> list[Table]:
    """Give the nights, and how long their steps took."""
    rows = results["contenders"]
    told = Table("Whole nights", ["case", "contender", *HEADS], [_cells(row) for row in rows])
    counted = [row for row in rows if row.get("kind", SIZE) != SIZE and "by_step" in row]
    found = [told, _stages(of_nights(results, OURS))]
    return [*found, _counts(counted)] if counted else found


def _cells(row: Row) -> list[str]:
    named = [row["case"], row["name"], figure(row["mb"] or None, 0)]
    if "failed" in row:
        return [*named, row["failed"], *[""] * (len(HEADS) - 2)]
    seconds = [figure(row["seconds"], 1), figure(row.get("median_seconds"), 1)]
    rest = [figure(row["cpu_seconds"], 1)]
    rest += [figure(row.get(f"session_{what}"), 1) for what in ("seconds", "cpu_seconds")]
    counts = [_total(row, "jobs"), _total(row, "queries")]
    return [*named, *seconds, *rest, figure(row["peak_mib"], 0), *counts]


def _total(row: Row, what: str) -> str:
    by_step = row.get("by_step")
    return "" if by_step is None else f"{sum(step[what] for step in by_step.values()):,}"


def _stages(rows: list[Row]) -> Table:
    heads = [f"{row['case']} {what}" for row in rows for what in ("s", "%")]
    names = list(rows[0]["stages"]) if rows else []
    cells = [[name, *(cell for row in rows for cell in _share(row, name))] for name in names]
    return Table("By step", ["step", *heads], cells)


def _share(row: Row, name: str) -> list[str]:
    seconds = row["stages"][name]
    return [figure(seconds, 1), figure(100 * seconds / sum(row["stages"].values()), 0)]


def _counts(rows: list[Row]) -> Table:
    heads = [f"{row['case']}: {what}" for row in rows for what in ("jobs", "queries", "task s")]
    names = dict.fromkeys(step for row in rows for step in (*row["stages"], *row["by_step"]))
    cells = [[step, *(cell for row in rows for cell in _counted(row, step))] for step in names]
    return Table("Spark jobs, queries and seconds of tasks by step", ["step", *heads], cells)


def _counted(row: Row, step: str) -> list[str]:
    told = row["by_step"].get(step)
    if told is None:
        return ["", "", ""]
    return [f"{told['jobs']:,}", f"{told['queries']:,}", figure(told["task_seconds"], 1)]


BENCH = Bench(
    name="night",
    title="A whole night",
    about=Path(__file__).with_name("about.md"),
    add_options=add_options,
    small={"lots": [1], "wafers_per_lot": 2, "nights": 1},
    measure=measure,
    tables=tables,
    groups=lambda results: cases(results["contenders"], OURS),
    limits=limits,
    repeats=3,
)
