"""The bench `queries`: what analysts' questions read, and what each layout costs and gives."""

import argparse
import math
import shutil
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from benchmarks.harness.bench import Bench, cases
from benchmarks.harness.machine import versions
from benchmarks.harness.process import Limits, Row, run_module
from benchmarks.harness.race import Race, raced
from benchmarks.harness.scratch import scratch
from benchmarks.harness.tables import Table, figure, progress
from benchmarks.join.data import Data
from benchmarks.queries.engines import ENGINES, SPARK
from benchmarks.queries.layouts import DECLARED, LAYOUTS, WRITINGS
from benchmarks.queries.limits import limits
from benchmarks.queries.questions import LAYERS, QUESTIONS, Keys
from benchmarks.simulated import LOT_WAFERS, fab

HEADS = ["best s", "median s", "session s", "peak MiB", "files read", "files in table", "x ours"]
LAID_OUT = ["OPTIMIZE s", "files", "MB"]
WRITTEN = ["best s", "median s", "files", "MB", "log kB"]
PACKAGES = ("pyspark", "delta-spark", "deltalake", "duckdb", "pyarrow")
# Those of test results show what a layout gives.
ASKED_OF_LAYOUTS = ("one wafer", "one test over a month")


@dataclass(frozen=True)
class Quarter:
    """Nights of a lot each, a folder for lakes, and how a run is limited."""

    folder: Path
    data: Data
    chosen: argparse.Namespace

    @property
    def nights(self) -> int:
        """Whole nights among the data."""
        return int(self.chosen.nights)

    def build(self, name: str, what: str, nights: int, tables: Sequence[str]) -> Row:
        """Build a lake, and give what it took."""
        lake = self.folder / name
        shutil.rmtree(lake, ignore_errors=True)
        given = {"name": name, "what": what, "lake": str(lake), "nights": nights}
        given |= {"tables": list(tables), "files": self.chosen.files}
        given |= {"results": str(self.data.results), "wafers": str(self.data.wafers)}
        given |= {"wafers_a_night": LOT_WAFERS}
        return self._run("benchmarks.queries.lake", given)

    def ask(self, lake: str, question: str, engine: str) -> Row:
        """Have an engine answer a question of a lake."""
        keys = {name: asdict(keys) for name, keys in self._keys().items()}
        given = {"lake": str(self.folder / lake), "question": question, "engine": engine}
        return self._run("benchmarks.queries.once", given | keys)

    def _keys(self) -> dict[str, Keys]:
        """The middle month is asked for; another one warms up."""
        test = self.chosen.test
        return {
            "warm": _of_month(0, self.nights // 3, test),
            "keys": _of_month(self.nights // 3, self.nights // 3 * 2, test),
        }

    def _run(self, module: str, given: Row) -> Row:
        limits = Limits(self.chosen.longest, self.chosen.most_mib)
        return run_module(sys.executable, module, given, limits)


def _of_month(begins: int, ends: int, test: int) -> Keys:
    first, last = begins * LOT_WAFERS + 1, ends * LOT_WAFERS
    lot = (begins + ends) // 2 * LOT_WAFERS
    wafers = list(range(lot + 1, lot + LOT_WAFERS + 1))
    return Keys(wafers[LOT_WAFERS // 2], wafers, first, last, test)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add what can be chosen."""
    add = parser.add_argument
    add("--nights", type=int, default=30, help="nights of a lot each")
    add("--files", type=int, default=64, help="files that OPTIMIZE aims at for each table")
    add("--written-nights", type=int, default=6, help="nights that each way of writing is given")
    add("--test", type=int, default=1010, help="test_num that is asked for")
    add("--layouts", nargs="*", choices=LAYOUTS, default=list(LAYOUTS), help="beside as declared")


def measure(chosen: argparse.Namespace, _: Row) -> Row:
    """Ask all questions of the tables as declared, then two of them of other layouts."""
    with scratch(chosen.folder / "queries") as folder:
        made = fab(folder / "fab", chosen.nights * 500_000)
        data = Data.written(folder, islice(made.wafers(), chosen.nights * LOT_WAFERS))
        progress(f"queries: {data.rows:,} test results are written")
        quarter = Quarter(folder, data, chosen)
        rows, layouts = _layouts(quarter)
        writings = [_writing(quarter, name) for name in WRITINGS]
    told = {"versions": versions(PACKAGES, chosen.others, ()), "rows": data.rows}
    names = ("nights", "files", "written_nights", "test", "repeats")
    size = {name: getattr(chosen, name) for name in names}
    return {**told, "size": size, "contenders": rows, "layouts": layouts, "writings": writings}


def _layouts(quarter: Quarter) -> tuple[list[Row], list[Row]]:
    rows: list[Row] = []
    layouts: list[Row] = []
    for name in dict.fromkeys([DECLARED, *quarter.chosen.layouts]):
        tables = list(LAYERS) if name == DECLARED else ["parametric_results"]
        built = quarter.build(name, "layout", quarter.nights, tables)
        progress(
            f"queries: {name}: {built['files']} files, OPTIMIZE {built['optimize_seconds']:.1f} s"
        )
        engines = ENGINES if name == DECLARED else (SPARK,)
        questions = QUESTIONS if name == DECLARED else ASKED_OF_LAYOUTS
        asked = {q: _asked(quarter, name, q, engines) for q in questions}
        rows += [row for found in asked.values() for row in found] if name == DECLARED else []
        facts = {key: built[key] for key in ("optimize_seconds", "files", "mb")}
        by_spark = {q: asked[q][0] for q in ASKED_OF_LAYOUTS}
        layouts.append({"case": name, "about": LAYOUTS[name].about, **facts, "asked": by_spark})
        shutil.rmtree(quarter.folder / name)
    return rows, layouts


def _asked(quarter: Quarter, lake: str, question: str, engines: Sequence[str]) -> list[Row]:
    def run(engine: str) -> Row:
        return quarter.ask(lake, question, engine)

    race = Race(f"{lake}: {question}", engines, run, quarter.chosen.repeats, unlike)
    return [{"case": question, **_told(row)} for row in raced(race, progress)]


def _told(row: Row) -> Row:
    answer = row.pop("told", None) or []
    return {**row, "rows": len(answer)}


def _writing(quarter: Quarter, name: str) -> Row:
    built = quarter.build(name, "writing", quarter.chosen.written_nights, ())
    progress(f"queries: written {name}: {built['seconds']:.2f} s a night")
    shutil.rmtree(quarter.folder / name)
    keys = ("seconds", "median_seconds", "files", "mb", "commit_kb")
    return {"case": name, "about": WRITINGS[name].about, **{key: built[key] for key in keys}}


def unlike(found: list[list[Any]], expected: list[list[Any]]) -> str:
    """Say where two answers differ; figures may by one in a million."""
    if len(found) != len(expected):
        return f"{len(found)} rows where {len(expected)} are expected"
    pairs = zip(found, expected, strict=True)
    wrong = [(one, other) for one, other in pairs if not _alike(one, other)]
    return f"{wrong[0][0]} where {wrong[0][1]} is expected" if wrong else ""


def _alike(one: list[Any], other: list[Any]) -> bool:
    return all(
        math.isclose(a, b, rel_tol=1e-6) if isinstance(a, float) else a == b
        for a, b in zip(one, other, strict=True)
    )


def tables(results: Row) -> list[Table]:
    """Give the answers, then layouts, then ways to write."""
    asked = [_cells(row) for row in results["contenders"]]
    laid_out = [_layout(row) for row in results.get("layouts", [])]
    written = [_written(row) for row in results.get("writings", [])]
    heads = [f"{q}: {what}" for q in ASKED_OF_LAYOUTS for what in ("files read", "best s")]
    by_spark = "silver.parametric_results laid out, asked by Spark"
    return [
        Table("Answered", ["case", "contender", *HEADS], asked),
        Table(by_spark, ["case", *LAID_OUT, *heads], laid_out),
        Table("A night written", ["case", *WRITTEN], written),
    ]


def _cells(row: Row) -> list[str]:
    if "failed" in row:
        return [row["case"], row["name"], row["failed"], *[""] * (len(HEADS) - 1)]
    seconds = [figure(row[name], 3) for name in ("seconds", "median_seconds")]
    rest = [figure(row["session_seconds"], 1), figure(row["peak_mib"], 0)]
    files = [str(row["files_read"]), str(row["files"]), figure(row["times_ours"])]
    return [row["case"], row["name"], *seconds, *rest, *files]


def _layout(row: Row) -> list[str]:
    named = f"{row['case']} ({row['about']})"
    facts = [figure(row["optimize_seconds"], 1), str(row["files"]), figure(row["mb"], 0)]
    asked = [row["asked"][question] for question in ASKED_OF_LAYOUTS]
    return [named, *facts, *(cell for one in asked for cell in _read(one))]


def _read(row: Row) -> list[str]:
    return (
        ["", row["failed"]]
        if "failed" in row
        else [str(row["files_read"]), figure(row["seconds"], 3)]
    )


def _written(row: Row) -> list[str]:
    seconds = [figure(row[name]) for name in ("seconds", "median_seconds")]
    sizes = [str(row["files"]), figure(row["mb"], 0), figure(row["commit_kb"], 1)]
    return [f"{row['case']} ({row['about']})", *seconds, *sizes]


BENCH = Bench(
    name="queries",
    title="What analysts ask, and what it reads",
    about=Path(__file__).with_name("about.md"),
    add_options=add_options,
    small={"nights": 6, "files": 8, "written_nights": 2, "layouts": []},
    measure=measure,
    tables=tables,
    groups=lambda results: cases(results["contenders"], SPARK),
    limits=limits,
    repeats=2,
)
