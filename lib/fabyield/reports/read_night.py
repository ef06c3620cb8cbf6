"""Reads from the lake what a night's page and summary show, without Spark."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import fields
from itertools import accumulate
from typing import Any, TypeVar

from pyarrow import compute as pc

from fabyield.lake.catalog import (
    BIN_PARETO,
    DIE_RESULTS,
    METRIC_HISTORY,
    MODEL_REPORT,
    RUNS,
    STDF_FILES,
    STDF_WAFERS,
    VALIDATION_RESULTS,
    WAFER_RUNS,
    WAFER_YIELD,
    YIELD_DRIVER,
    YIELD_PREDICTION,
)
from fabyield.lake.reader import Row
from fabyield.lake.table import BATCH, Table
from fabyield.pipeline.run import Run
from fabyield.quality.row_counts import TableRows
from fabyield.reports import night_data as N
from fabyield.transforms.shared.keys import INSERTION

T = TypeVar("T")
REPORT_TABLES = (
    *(BIN_PARETO, DIE_RESULTS, METRIC_HISTORY, MODEL_REPORT, RUNS, STDF_FILES, STDF_WAFERS),
    *(WAFER_RUNS, VALIDATION_RESULTS, WAFER_YIELD, YIELD_DRIVER, YIELD_PREDICTION),
)
SHOWN_DRIVERS = 5
# So many of the first predictions have their drivers.
EXPLAINED = 200
SHOWN_BINS = 12


def read_night(run: Run) -> N.Night:
    """Read what the run's batch did, and the current yields, maps, bins and predictions.

    The wafers are those of the newest batch that changed a yield, so that a night without new
    files still shows the latest ones.
    """
    newest = pc.max(run.arrow(WAFER_YIELD, [BATCH])[BATCH]).as_py() or 0
    wafers = run.rows(WAFER_YIELD, where=pc.field(BATCH) == newest)
    wafers = _sorted(wafers, "lot_id", "wafer_id", "insertion")
    models = _sorted(run.rows(MODEL_REPORT), "product_id")
    return N.Night(
        night_on=run.attempt.started_at.date(),
        lake=run.settings.lake,
        page=run.settings.report,
        files=_file_counts(run),
        rows=_table_rows(run),
        unmatched=_unmatched(run),
        yields=[_build(N.WaferYield, row) for row in wafers],
        bins=_bin_counts(run, wafers),
        maps=_wafer_maps(run, wafers),
        broken=_broken_expectations(run),
        models=[_build(N.ModelFigures, row) for row in models],
        predictions=_predictions(run),
        top_drivers=[
            N.TopDriver(row["product_id"], driver["feature"], driver["mean_abs_contribution"])
            for row in models
            if row["trained"]
            for driver in row["drivers"]
        ],
        steps=_steps(run),
    )


def _file_counts(run: Run) -> N.FileCounts:
    counts = Counter(row["status"] for row in _of_batch(run, STDF_FILES, "status"))
    return N.FileCounts(
        read=counts["complete"],
        duplicate=counts["duplicate"],
        incomplete=counts["incomplete"],
        broken=sum(counts[status] for status in ("broken", "empty", "unreadable")),
    )


def _table_rows(run: Run) -> list[TableRows]:
    """Return the row counts of the batch, one entry for each table that was written."""
    attempts = _of_batch(run, RUNS, "step", "state", "started_at", "tables")
    done = [row for row in attempts if row["state"] == "done" and row["step"] != "nightly"]
    written = [table for row in _sorted(done, "started_at") for table in row["tables"] or ()]
    return [_build(TableRows, table) for table in written]


def _unmatched(run: Run) -> list[N.Unmatched]:
    rows = [r for r in run.rows(METRIC_HISTORY) if r["metric"].startswith("unmatched")]
    newest = max((row[BATCH] for row in rows), default=0)
    last = [row for row in rows if row[BATCH] == newest]
    return [_build(N.Unmatched, row) for row in _sorted(last, "metric")]


def _steps(run: Run) -> list[N.StepResult]:
    """Return the last attempt at each step of the batch."""
    attempts = _sorted(_of_batch(run, RUNS), "started_at", "ended_at")
    last = {row["step"]: row for row in attempts if row["step"] != "nightly"}
    return [_build(N.StepResult, row) for row in _sorted(last.values(), "started_at")]


def _bin_counts(run: Run, wafers: Sequence[Row]) -> list[N.BinCount]:
    """Return the failing soft bins of `wafers` by product, most frequent first."""
    wanted = {_insertion(row) for row in wafers}
    is_failing = ~pc.field("is_pass") & (pc.field("bin_kind") == "S")
    rows = run.rows(BIN_PARETO, where=is_failing & _of_wafers(wafers))
    die: dict[Any, Counter[int]] = {}
    names: dict[tuple[Any, int], str] = {}
    for row in (row for row in rows if _insertion(row) in wanted):
        key = row["product_id"], row["bin_num"]
        die.setdefault(key[0], Counter())[key[1]] += row["die"]
        if row["bin_nam"] is not None:
            names[key] = max(row["bin_nam"], names.get(key, ""))
    products = sorted(die, key=lambda product: (product is not None, product))
    return [count for product in products for count in _pareto(product, die[product], names)]


def _pareto(
    product: str | None, die: Counter[int], names: dict[tuple[Any, int], str]
) -> list[N.BinCount]:
    ranked = sorted(die.items(), key=lambda bin_die: (-bin_die[1], bin_die[0]))
    shares = [100 * count / die.total() for _, count in ranked]
    bins = [
        N.BinCount(product, "S", number, names.get((product, number)), count, share, cumulative)
        for (number, count), share, cumulative in zip(
            ranked, shares, accumulate(shares), strict=True
        )
    ]
    return bins[:SHOWN_BINS]


def _wafer_maps(run: Run, wafers: Sequence[Row]) -> list[N.WaferMap]:
    """Return the maps of the wafers with the lowest final yield."""
    tested = [row for row in wafers if row["final_yield_pct"] is not None]
    worst = sorted(tested, key=lambda row: row["final_yield_pct"])[: run.settings.report_maps]
    placed = pc.field("x_coord").is_valid() & pc.field("y_coord").is_valid()
    die = run.rows(DIE_RESULTS, where=_of_wafers(worst) & placed)
    die = _sorted(die, "x_coord", "y_coord")
    orientations = _orientations(run, worst)
    columns = ("x_coord", "y_coord", "final_hard_bin", "final_pass")
    return [
        _build(
            N.WaferMap,
            wafer | orientations.get(wafer["wafer_key"], {}),
            die=[
                N.Die(*(row[name] for name in columns))
                for row in die
                if _insertion(row) == _insertion(wafer)
            ],
        )
        for wafer in worst
    ]


def _orientations(run: Run, wafers: Sequence[Row]) -> dict[int, Row]:
    """Return by wafer key how the last of its files says that the wafer lay."""
    columns = ["fab_id", "wafer_key", "file_key", "wafer_num"]
    runs = run.rows(WAFER_RUNS, columns, _of_wafers(wafers))
    files = sorted({row["file_key"] for row in runs})
    marks = run.rows(STDF_WAFERS, where=pc.field("file_key").isin(files))
    at = {
        (mark["file_key"], mark["wafer_num"]): {n: mark[n] for n in ("wf_flat", "pos_x", "pos_y")}
        for mark in marks
    }
    places = [(row["file_key"], row["wafer_num"], row["wafer_key"]) for row in runs]
    return {key: at[file, num] for file, num, key in sorted(places) if (file, num) in at}


def _broken_expectations(run: Run) -> list[N.BrokenExpectation]:
    """Return the broken expectations of each step's last attempt in the batch."""
    verdicts = _of_batch(run, VALIDATION_RESULTS)
    newest: dict[str, Any] = {}
    for row in verdicts:
        newest[row["step"]] = max(row["attempt_at"], newest.get(row["step"], row["attempt_at"]))
    last = [r for r in verdicts if not r["met"] and r["attempt_at"] == newest[r["step"]]]
    rows = _sorted(last, "severity", "table")
    return [_build(N.BrokenExpectation, row, advice=row["look_at"]) for row in rows]


def _predictions(run: Run) -> list[N.Prediction]:
    """Return wafers not yet sorted first, then by falling probability of low yield."""
    rows = run.rows(YIELD_PREDICTION, where=pc.field("split") != "train")
    rows = sorted(rows, key=lambda row: (row["split"] != "unsorted", -row["low_yield_probability"]))
    is_strong = pc.field("driver_rank") <= SHOWN_DRIVERS
    drivers = run.rows(YIELD_DRIVER, where=_of_wafers(rows[:EXPLAINED]) & is_strong)
    by_wafer: dict[int, list[N.Driver]] = {}
    for row in _sorted(drivers, "driver_rank"):
        by_wafer.setdefault(row["wafer_key"], []).append(_build(N.Driver, row))
    return [_build(N.Prediction, row, drivers=by_wafer.get(row["wafer_key"], [])) for row in rows]


def _sorted(rows: Iterable[Row], *names: str) -> list[Row]:
    """Sort `rows` by the columns `names`, nulls first."""
    return sorted(rows, key=lambda row: [(row[n] is not None, row[n]) for n in names])


def _of_batch(run: Run, table: Table, *columns: str) -> list[Row]:
    return run.rows(table, columns, pc.field(BATCH) == run.attempt.batch)


def _insertion(row: Row) -> tuple[Any, ...]:
    return tuple(row[name] for name in INSERTION)


def _of_wafers(rows: Iterable[Row]) -> pc.Expression:
    return pc.field("wafer_key").isin(sorted({row["wafer_key"] for row in rows}))


def _build(kind: type[T], row: Row, **more: object) -> T:
    """Build a `kind` from the columns of `row` that it has fields for, and from `more`."""
    names = {field.name for field in fields(kind)}  # type: ignore[arg-type]
    return kind(**{name: value for name, value in row.items() if name in names}, **more)
