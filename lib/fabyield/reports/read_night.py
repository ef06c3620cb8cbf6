"""Reads from the lake what a night's page and summary show, without Spark."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import fields
from datetime import date
from itertools import accumulate
from typing import Any, Literal, TypeVar

from pyarrow import compute as pc

from fabyield.errors import first_line
from fabyield.lake.catalog import (
    BIN_PARETO,
    DIE_RESULTS,
    EXCURSION,
    EXCURSION_EVIDENCE,
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
from fabyield.pipeline.run_history import NIGHT, REPORT, State
from fabyield.quality.row_counts import TableRows
from fabyield.reports import night_data as N
from fabyield.reports.lot_yields import grouped
from fabyield.transforms.shared.keys import INSERTION
from fabyield.transforms.shared.name_rules import NO_NAME

T = TypeVar("T")
REPORT_TABLES = (
    *(BIN_PARETO, DIE_RESULTS, METRIC_HISTORY, MODEL_REPORT, RUNS, STDF_FILES, STDF_WAFERS),
    *(
        EXCURSION,
        EXCURSION_EVIDENCE,
        WAFER_RUNS,
        VALIDATION_RESULTS,
        WAFER_YIELD,
        YIELD_DRIVER,
        YIELD_PREDICTION,
    ),
)
SHOWN_DRIVERS = 5
# So many of the first predictions have their drivers.
EXPLAINED = 200


def read_night(run: Run, *, is_whole: bool = True) -> N.Night:
    """Read what the run's batch did, and the current yields, maps, bins and predictions.

    Nights since the last page are included, so that no wafer is on none. If none of them changed a
    yield, the wafers are those of the newest batch that did.
    """
    batches = _without_page(run)
    changed: set[Any] = {*pc.unique(run.arrow(WAFER_YIELD, [BATCH])[BATCH]).to_pylist()}
    shown = changed & batches or {max(changed, default=0)}
    rows = run.rows(WAFER_YIELD, where=pc.field(BATCH).isin(list(shown)))
    wafers = [row | {"is_packaged": row["wafer_id"] == NO_NAME} for row in rows]
    wafers = _sorted(wafers, "is_packaged", "lot_id", "wafer_id", "insertion")
    models = _sorted(run.rows(MODEL_REPORT), "product_id")
    verdicts = _of(batches, run, VALIDATION_RESULTS)
    return N.Night(
        night_on=run.attempt.started_at.date(),
        lake=run.settings.lake,
        page=run.settings.report,
        files=_file_counts(run, batches),
        findings=_findings(run, batches),
        rows=_table_rows(run, batches),
        unmatched=_unmatched(run),
        yields=[_build(N.WaferYield, row) for row in wafers],
        bins=_bin_counts(run, wafers),
        maps=_wafer_maps(run, wafers),
        broken=_broken_expectations(verdicts),
        models=[_build(N.ModelFigures, row) for row in models],
        predictions=_predictions(run),
        top_drivers=[
            N.TopDriver(row["product_id"], driver["feature"], driver["mean_abs_contribution"])
            for row in models
            if row["trained"]
            for driver in row["drivers"]
        ],
        steps=_steps(run),
        earlier_nights=len(batches) - 1,
        is_whole=is_whole,
        last_whole_on=_last_page_on(run),
        asked=len(verdicts),
    )


def _without_page(run: Run) -> set[int]:
    """Return the batch of the run, and those of the nights since the last page."""
    rows = run.rows(RUNS, [BATCH, "step", "state"])
    pages = (row[BATCH] for row in rows if (row["step"], row["state"]) == (REPORT, State.DONE))
    last = max(pages, default=0)
    nights = {row[BATCH] for row in rows if row["step"] == NIGHT and row[BATCH] > last}
    return nights | {run.attempt.batch}


def unreadable_night(run: Run, error: Exception) -> N.Night:
    """Return a night of which only its error is known, as its tables cannot be read."""
    step = N.StepResult(NIGHT, "failed", 0.0, message=first_line(error))
    started, settings = run.attempt.started_at, run.settings
    return N.Night(started.date(), settings.lake, settings.report, steps=[step], is_whole=False)


def _last_page_on(run: Run) -> date | None:
    """Return the date of the last night before this one that had a page."""
    rows = run.rows(RUNS, [BATCH, "step", "state", "started_at"])
    earlier = (row for row in rows if row[BATCH] < run.attempt.batch and row["step"] == REPORT)
    days = [row["started_at"].date() for row in earlier if row["state"] == State.DONE]
    return max(days, default=None)


def _findings(run: Run, batches: set[int]) -> list[N.Finding]:
    """Return open excursions, and those that ended in `batches`, that with most lost die first."""
    rows = run.rows(EXCURSION)
    rows = [row for row in rows if row["state"] != "ended" or row[BATCH] in batches]
    evidence: dict[str, list[N.Evidence]] = {}
    for row in _sorted(run.rows(EXCURSION_EVIDENCE), "excursion_id", "kind", "evidence_rank"):
        evidence.setdefault(row["excursion_id"], []).append(_build(N.Evidence, row))
    rows.sort(key=lambda row: (row["state"] == "ended", -row["lost_good_die"], row["excursion_id"]))
    return [_build(N.Finding, r, evidence=evidence.get(r["excursion_id"], [])) for r in rows]


def _file_counts(run: Run, batches: set[int]) -> N.FileCounts:
    counts = Counter(row["status"] for row in _of(batches, run, STDF_FILES, "status"))
    return N.FileCounts(
        read=counts["complete"],
        duplicate=counts["duplicate"],
        incomplete=counts["incomplete"],
        broken=sum(counts[status] for status in ("broken", "empty", "unreadable")),
    )


def _table_rows(run: Run, batches: set[int]) -> list[TableRows]:
    """Return the row counts of `batches`, one entry for each time that a table was written."""
    attempts = _of(batches, run, RUNS, "step", "state", "started_at", "tables")
    done = [row for row in attempts if row["state"] == "done" and row["step"] != NIGHT]
    written = [table for row in _sorted(done, "started_at") for table in row["tables"] or ()]
    return [_build(TableRows, table) for table in written]


def _unmatched(run: Run) -> list[N.Unmatched]:
    rows = [r for r in run.rows(METRIC_HISTORY) if r["metric"].startswith("unmatched")]
    newest = max((row[BATCH] for row in rows), default=0)
    last = [row for row in rows if row[BATCH] == newest]
    return [_build(N.Unmatched, row) for row in _sorted(last, "metric")]


def _steps(run: Run) -> list[N.StepResult]:
    """Return the last attempt at each step of the batch."""
    attempts = _sorted(_of({run.attempt.batch}, run, RUNS), "started_at", "ended_at")
    last = {row["step"]: row for row in attempts if row["step"] != NIGHT}
    return [_build(N.StepResult, row) for row in _sorted(last.values(), "started_at")]


def _bin_counts(run: Run, wafers: Sequence[Row]) -> list[N.BinCount]:
    """Return the failing bins of `wafers` by product, insertion and kind, most frequent first."""
    wanted = {_insertion(row) for row in wafers}
    rows = run.rows(BIN_PARETO, where=~pc.field("is_pass") & _of_wafers(wafers))
    rows = [row for row in rows if _insertion(row) in wanted]
    kinds = grouped(_sorted(rows, "product_id", "insertion", "bin_kind"), _bin_kind)
    return [count for kind in kinds for count in _pareto(kind)]


def _bin_kind(row: Row) -> tuple[str | None, str, bool, Literal["H", "S"]]:
    return row["product_id"], row["insertion"], row["wafer_id"] == NO_NAME, row["bin_kind"]


def _pareto(rows: Sequence[Row]) -> list[N.BinCount]:
    """Count the bins of `rows`, all of one kind."""
    kind = _bin_kind(rows[0])
    die: Counter[int] = Counter()
    names: dict[int, str] = {}
    for row in rows:
        die[row["bin_num"]] += row["die"]
        if row["bin_nam"] is not None:
            names[row["bin_num"]] = max(row["bin_nam"], names.get(row["bin_num"], ""))
    ranked = sorted(die.items(), key=lambda bin_die: (-bin_die[1], bin_die[0]))
    shares = [100 * count / die.total() for _, count in ranked]
    return [
        N.BinCount(*kind, number, names.get(number), count, share, cumulative)
        for (number, count), share, cumulative in zip(
            ranked, shares, accumulate(shares), strict=True
        )
    ]


def _wafer_maps(run: Run, wafers: Sequence[Row]) -> list[N.WaferMap]:
    """Return the maps of the wafers with the lowest final yield; packages have no map."""
    mapped = [row for row in wafers if not row["is_packaged"]]
    tested = [row for row in mapped if row["final_yield_pct"] is not None]
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


def _broken_expectations(verdicts: Sequence[Row]) -> list[N.BrokenExpectation]:
    """Return the expectations that were broken at each step's last attempt."""
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


def _of(batches: set[int], run: Run, table: Table, *columns: str) -> list[Row]:
    return run.rows(table, columns, pc.field(BATCH).isin(sorted(batches)))


def _insertion(row: Row) -> tuple[Any, ...]:
    return tuple(row[name] for name in INSERTION)


def _of_wafers(rows: Iterable[Row]) -> pc.Expression:
    return pc.field("wafer_key").isin(sorted({row["wafer_key"] for row in rows}))


def _build(kind: type[T], row: Row, **more: object) -> T:
    """Build a `kind` from the columns of `row` that it has fields for, and from `more`."""
    names = {field.name for field in fields(kind)}  # type: ignore[arg-type]
    return kind(**{name: value for name, value in row.items() if name in names}, **more)
