"""Read from the lake what a night's page and summary show."""

from collections.abc import Sequence
from dataclasses import fields
from typing import TypeVar

from pyspark.sql import DataFrame, Row, Window
from pyspark.sql import functions as F

from fabyield.reports import night as N
from fabyield.run import Run
from fabyield.table import BATCH, Table
from fabyield.tables import (
    BIN_PARETO,
    DIE_RESULTS,
    METRIC_HISTORY,
    MODEL_REPORT,
    RUNS,
    STDF_FILES,
    STDF_WAFERS,
    TEST_RUNS,
    VALIDATION_RESULTS,
    WAFER_YIELD,
    YIELD_DRIVER,
    YIELD_PREDICTION,
)
from fabyield.transforms.keys import INSERTION

T = TypeVar("T")
SHOWN_DRIVERS = 5
EXPLAINED = 200
SHOWN_BINS = 12


def gather(run: Run) -> N.Night:
    """What the run's batch did, and the yields, maps, bins and predictions as they stand.

    Wafers are those of the newest batch that changed any yield, so that a night without new
    files still shows where things stand.
    """
    yields = run.read(WAFER_YIELD)
    newest = yields.agg(F.max(BATCH)).collect()[0][0]
    shown = yields.where(F.col(BATCH) == F.lit(newest)).orderBy("lot_id", "wafer_id", "insertion")
    rows = shown.collect()
    return N.Night(
        night_on=run.attempt.started_at.date(),
        lake=run.settings.lake,
        page=run.settings.report,
        files=file_counts(run),
        rows=table_rows(run),
        unmatched=unmatched(run),
        yields=[_as(N.WaferYield, row) for row in rows],
        bins=bin_counts(run, shown),
        maps=wafer_maps(run, rows),
        broken=broken_expectations(run),
        models=[
            _as(N.ModelFigures, row)
            for row in run.read(MODEL_REPORT).orderBy("product_id").collect()
        ],
        predictions=predictions(run),
        top_drivers=top_drivers(run),
        steps=steps(run),
    )


def file_counts(run: Run) -> N.FileCounts:
    """Files of the batch by what became of them."""
    rows = _of_batch(run, STDF_FILES).groupBy("status").count().collect()
    counts = {row["status"]: row["count"] for row in rows}
    broken = sum(counts.get(status, 0) for status in ("broken", "empty", "unreadable"))
    names = {"read": "complete", "duplicate": "duplicate", "incomplete": "incomplete"}
    return N.FileCounts(**{n: counts.get(s, 0) for n, s in names.items()}, broken=broken)


def table_rows(run: Run) -> list[N.TableRows]:
    """Row accounting of the batch, one line for each table that was written."""
    done = _of_batch(run, RUNS).where("state = 'done' and step != 'nightly'")
    lines = done.orderBy("started_at").select(F.explode("tables").alias("t")).select("t.*")
    names = ["table", "rows_in", "rows_out", "quarantined", "duplicates"]
    return [N.TableRows(**row.asDict()) for row in lines.select(*names).collect()]


def unmatched(run: Run) -> list[N.Unmatched]:
    """Shares of the batch's tests, and of all wafers, without a known wafer."""
    rows = _of_batch(run, METRIC_HISTORY).where("metric like 'unmatched%'").orderBy("metric")
    return [_as(N.Unmatched, row) for row in rows.collect()]


def steps(run: Run) -> list[N.Step]:
    """How the batch's steps ended; of several attempts at one, the last."""
    attempts = Window.partitionBy("step").orderBy(F.desc("started_at"))
    last = _of_batch(run, RUNS).where("step != 'nightly'")
    last = last.withColumn("turn", F.row_number().over(attempts)).where("turn = 1")
    rows = last.orderBy("started_at").select("step", "state", "seconds", "rows_out").collect()
    return [N.Step(**row.asDict()) for row in rows]


def bin_counts(run: Run, shown: DataFrame) -> list[N.BinCount]:
    """Failing soft bins of the wafers shown, by product, most frequent first."""
    bins = run.read(BIN_PARETO).where("not is_pass and bin_kind = 'S'")
    bins = bins.join(shown.select(*INSERTION), INSERTION, how="left_semi")
    keys = ["product_id", "bin_kind", "bin_num"]
    counts = bins.groupBy(*keys).agg(F.sum("die").alias("die"), F.max("bin_nam").alias("bin_nam"))
    product = Window.partitionBy("product_id")
    order = product.orderBy(F.desc("die"), "bin_num")
    share = 100 * F.col("die") / F.sum("die").over(product)
    counts = counts.withColumn("share_pct", share).withColumns(
        {"cumulative_pct": F.sum("share_pct").over(order), "turn": F.row_number().over(order)}
    )
    rows = counts.where(F.col("turn") <= SHOWN_BINS).orderBy("product_id", "turn").collect()
    return [_as(N.BinCount, row) for row in rows]


def wafer_maps(run: Run, yields: Sequence[Row]) -> list[N.WaferMap]:
    """Maps of the wafers with the lowest final yield."""
    tested = [row for row in yields if row["final_yield_pct"] is not None]
    worst = sorted(tested, key=lambda row: row["final_yield_pct"])[: run.settings.report_maps]
    keys = [row["wafer_key"] for row in worst]
    dies = run.read(DIE_RESULTS, keys).where("x_coord is not null").collect()
    flats = {row["wafer_key"]: row for row in _flats(run, keys).collect()}
    return [_map(row, dies, flats.get(row["wafer_key"])) for row in worst]


def broken_expectations(run: Run) -> list[N.BrokenExpectation]:
    """What the batch's audits found broken."""
    verdicts = _of_batch(run, VALIDATION_RESULTS)
    newest = F.max("attempt_at").over(Window.partitionBy("step"))
    rows = verdicts.withColumn("newest", newest).where("attempt_at = newest and not met")
    rows = rows.withColumnRenamed("look_at", "advice").orderBy("severity", "table")
    return [_as(N.BrokenExpectation, row) for row in rows.collect()]


def predictions(run: Run) -> list[N.Prediction]:
    """Wafers most likely low, not yet sorted ones first, with what speaks for and against."""
    rows = run.read(YIELD_PREDICTION).where("split != 'train'")
    unsorted_first = F.col("split") != "unsorted"
    chosen = rows.orderBy(unsorted_first, F.desc("low_yield_probability")).collect()
    explained = [row["wafer_key"] for row in chosen[:EXPLAINED]]
    strongest = run.read(YIELD_DRIVER, explained)
    drivers = (
        strongest.where(F.col("driver_rank") <= SHOWN_DRIVERS).orderBy("driver_rank").collect()
    )
    by_wafer: dict[int, list[N.Driver]] = {}
    for row in drivers:
        by_wafer.setdefault(row["wafer_key"], []).append(_as(N.Driver, row))
    return [_as(N.Prediction, row, drivers=by_wafer.get(row["wafer_key"], [])) for row in chosen]


def top_drivers(run: Run) -> list[N.TopDriver]:
    """Features by mean absolute contribution on the test wafers of each product."""
    rows = run.read(MODEL_REPORT).where("trained").orderBy("product_id").collect()
    return [
        N.TopDriver(row["product_id"], driver["feature"], driver["mean_abs_contribution"])
        for row in rows
        for driver in row["drivers"]
    ]


def _of_batch(run: Run, table: Table) -> DataFrame:
    return run.read(table).where(F.col(BATCH) == run.attempt.batch)


def _flats(run: Run, keys: list[int]) -> DataFrame:
    runs = run.read(TEST_RUNS, keys).select("wafer_key", "file_key", "wafer_num")
    marks = run.read(STDF_WAFERS).select("file_key", "wafer_num", "wf_flat", "pos_x", "pos_y")
    return runs.join(marks, ["file_key", "wafer_num"], how="inner")


def _map(wafer: Row, dies: Sequence[Row], flat: Row | None) -> N.WaferMap:
    mine = [
        d
        for d in dies
        if d["wafer_key"] == wafer["wafer_key"] and d["insertion"] == wafer["insertion"]
    ]
    places = [N.Die(d["x_coord"], d["y_coord"], d["final_hard_bin"], d["final_pass"]) for d in mine]
    marks = {} if flat is None else {n: flat[n] for n in ("wf_flat", "pos_x", "pos_y")}
    named = {n: wafer[n] for n in ("lot_id", "wafer_id", "insertion", "final_yield_pct")}
    return N.WaferMap(**named, die=places, **marks)


def _as(kind: type[T], row: Row, **more: object) -> T:
    shown = {field.name for field in fields(kind)}  # type: ignore[arg-type]
    return kind(**{name: value for name, value in row.asDict().items() if name in shown}, **more)
