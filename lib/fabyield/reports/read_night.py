"""Read from the lake what a night's page and summary show, without Spark."""

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
SHOWN = (
    *(BIN_PARETO, DIE_RESULTS, METRIC_HISTORY, MODEL_REPORT, RUNS, STDF_FILES, STDF_WAFERS),
    *(WAFER_RUNS, VALIDATION_RESULTS, WAFER_YIELD, YIELD_DRIVER, YIELD_PREDICTION),
)
SHOWN_DRIVERS = 5
EXPLAINED = 200
SHOWN_BINS = 12


def read_night(run: Run) -> N.Night:
    """What the run's batch did, and the yields, maps, bins and predictions as they stand.

    Wafers are those of the newest batch that changed any yield, so that a night without new
    files still shows where things stand.
    """
    shown = newest_yields(run)
    models = in_order(run.rows(MODEL_REPORT), "product_id")
    return N.Night(
        night_on=run.attempt.started_at.date(),
        lake=run.settings.lake,
        page=run.settings.report,
        files=file_counts(run),
        rows=table_rows(run),
        unmatched=unmatched(run),
        yields=[_as(N.WaferYield, row) for row in shown],
        bins=bin_counts(run, shown),
        maps=wafer_maps(run, shown),
        broken=broken_expectations(run),
        models=[_as(N.ModelFigures, row) for row in models],
        predictions=predictions(run),
        top_drivers=top_drivers(models),
        steps=steps(run),
    )


def newest_yields(run: Run) -> list[Row]:
    """The rows of wafers whose yield the newest batch that changed any has changed."""
    newest = pc.max(run.arrow(WAFER_YIELD, [BATCH])[BATCH]).as_py() or 0
    rows = run.rows(WAFER_YIELD, where=pc.field(BATCH) == newest)
    return in_order(rows, "lot_id", "wafer_id", "insertion")


def file_counts(run: Run) -> N.FileCounts:
    """The batch's files by status."""
    counts = Counter(row["status"] for row in _of_batch(run, STDF_FILES, "status"))
    broken = sum(counts[status] for status in ("broken", "empty", "unreadable"))
    names = {"read": "complete", "duplicate": "duplicate", "incomplete": "incomplete"}
    return N.FileCounts(**{n: counts[status] for n, status in names.items()}, broken=broken)


def table_rows(run: Run) -> list[TableRows]:
    """Row accounting of the batch, one line for each table that was written."""
    attempts = _of_batch(run, RUNS, "step", "state", "started_at", "tables")
    done = [row for row in attempts if row["state"] == "done" and row["step"] != "nightly"]
    written = [table for row in in_order(done, "started_at") for table in row["tables"] or ()]
    return [_as(TableRows, table) for table in written]


def unmatched(run: Run) -> list[N.Unmatched]:
    """Shares of the newest tests, and of all wafers, without a known wafer."""
    rows = [r for r in run.rows(METRIC_HISTORY) if r["metric"].startswith("unmatched")]
    newest = max((row[BATCH] for row in rows), default=0)
    last = [row for row in rows if row[BATCH] == newest]
    return [_as(N.Unmatched, row) for row in in_order(last, "metric")]


def steps(run: Run) -> list[N.StepResult]:
    """How the batch's steps ended; of several attempts at one, the last."""
    attempts = in_order(_of_batch(run, RUNS), "started_at", "ended_at")
    last = {row["step"]: row for row in attempts if row["step"] != "nightly"}
    return [_as(N.StepResult, row) for row in in_order(last.values(), "started_at")]


def bin_counts(run: Run, shown: Sequence[Row]) -> list[N.BinCount]:
    """Failing soft bins of the wafers shown, by product, most frequent first."""
    wanted = {_insertion(row) for row in shown}
    is_failing = ~pc.field("is_pass") & (pc.field("bin_kind") == "S")
    rows = run.rows(BIN_PARETO, where=is_failing & _among(shown))
    die: dict[Any, Counter[int]] = {}
    names: dict[tuple[Any, int], str] = {}
    for row in (row for row in rows if _insertion(row) in wanted):
        bin_of = row["product_id"], row["bin_num"]
        die.setdefault(bin_of[0], Counter())[bin_of[1]] += row["die"]
        if row["bin_nam"] is not None:
            names[bin_of] = max(row["bin_nam"], names.get(bin_of, ""))
    products = sorted(die, key=lambda product: (product is not None, product))
    return [count for product in products for count in _pareto(product, die[product], names)]


def _pareto(
    product: str | None, die: Counter[int], names: dict[tuple[Any, int], str]
) -> list[N.BinCount]:
    total = die.total()
    ranked = sorted(die.items(), key=lambda bin_die: (-bin_die[1], bin_die[0]))
    shares = [100 * count / total for _, count in ranked]
    told = zip(ranked, shares, accumulate(shares), strict=True)
    bins = [
        N.BinCount(product, "S", number, names.get((product, number)), count, share, cumulative)
        for (number, count), share, cumulative in told
    ]
    return bins[:SHOWN_BINS]


def wafer_maps(run: Run, yields: Sequence[Row]) -> list[N.WaferMap]:
    """Maps of the wafers with the lowest final yield."""
    tested = [row for row in yields if row["final_yield_pct"] is not None]
    worst = sorted(tested, key=lambda row: row["final_yield_pct"])[: run.settings.report_maps]
    die = run.rows(DIE_RESULTS, where=_among(worst) & pc.field("x_coord").is_valid())
    flats = _flats(run, worst)
    return [_map(row, die, flats.get(row["wafer_key"])) for row in worst]


def broken_expectations(run: Run) -> list[N.BrokenExpectation]:
    """What the batch's audits found broken."""
    verdicts = _of_batch(run, VALIDATION_RESULTS)
    newest: dict[str, Any] = {}
    for row in verdicts:
        newest[row["step"]] = max(row["attempt_at"], newest.get(row["step"], row["attempt_at"]))
    last = [r for r in verdicts if not r["met"] and r["attempt_at"] == newest[r["step"]]]
    rows = in_order(last, "severity", "table")
    return [_as(N.BrokenExpectation, row, advice=row["look_at"]) for row in rows]


def predictions(run: Run) -> list[N.Prediction]:
    """Wafers most likely low, not yet sorted ones first, with what speaks for and against."""
    rows = run.rows(YIELD_PREDICTION, where=pc.field("split") != "train")
    chosen = sorted(
        rows, key=lambda row: (row["split"] != "unsorted", -row["low_yield_probability"])
    )
    is_strong = pc.field("driver_rank") <= SHOWN_DRIVERS
    drivers = run.rows(YIELD_DRIVER, where=_among(chosen[:EXPLAINED]) & is_strong)
    by_wafer: dict[int, list[N.Driver]] = {}
    for row in in_order(drivers, "driver_rank"):
        by_wafer.setdefault(row["wafer_key"], []).append(_as(N.Driver, row))
    return [_as(N.Prediction, row, drivers=by_wafer.get(row["wafer_key"], [])) for row in chosen]


def top_drivers(models: Sequence[Row]) -> list[N.TopDriver]:
    """Features by mean absolute contribution on the test wafers of each product."""
    return [
        N.TopDriver(row["product_id"], driver["feature"], driver["mean_abs_contribution"])
        for row in models
        if row["trained"]
        for driver in row["drivers"]
    ]


def in_order(rows: Iterable[Row], *names: str) -> list[Row]:
    """`rows` by the columns `names`, nulls first."""
    return sorted(rows, key=lambda row: [(row[n] is not None, row[n]) for n in names])


def _of_batch(run: Run, table: Table, *columns: str) -> list[Row]:
    return run.rows(table, columns, pc.field(BATCH) == run.attempt.batch)


def _insertion(row: Row) -> tuple[Any, ...]:
    return tuple(row[name] for name in INSERTION)


def _among(rows: Iterable[Row]) -> pc.Expression:
    return pc.field("wafer_key").isin(sorted({row["wafer_key"] for row in rows}))


def _flats(run: Run, wafers: Sequence[Row]) -> dict[int, Row]:
    """By wafer key, what the last of its files says of how the wafer lay."""
    runs = run.rows(WAFER_RUNS, ["fab_id", "wafer_key", "file_key", "wafer_num"], _among(wafers))
    files = sorted({row["file_key"] for row in runs})
    marks = run.rows(STDF_WAFERS, where=pc.field("file_key").isin(files))
    at = {(mark["file_key"], mark["wafer_num"]): mark for mark in marks}
    places = [(row["file_key"], row["wafer_num"], row["wafer_key"]) for row in runs]
    return {key: at[file, num] for file, num, key in sorted(places) if (file, num) in at}


def _map(wafer: Row, die: Sequence[Row], flat: Row | None) -> N.WaferMap:
    mine = [row for row in die if _insertion(row) == _insertion(wafer)]
    named = ("x_coord", "y_coord", "final_hard_bin", "final_pass")
    places = [N.Die(*(d[n] for n in named)) for d in in_order(mine, "x_coord", "y_coord")]
    marks = {} if flat is None else {n: flat[n] for n in ("wf_flat", "pos_x", "pos_y")}
    about = {n: wafer[n] for n in ("lot_id", "wafer_id", "insertion", "final_yield_pct")}
    return N.WaferMap(**about, die=places, **marks)


def _as(kind: type[T], row: Row, **more: object) -> T:
    shown = {field.name for field in fields(kind)}  # type: ignore[arg-type]
    return kind(**{name: value for name, value in row.items() if name in shown}, **more)
