"""The tables that are asked, written night by night, in a process of their own."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any

from delta import DeltaTable
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from benchmarks.harness import sparks
from benchmarks.harness.clock import timed
from benchmarks.queries.layouts import LAYOUTS, MONTHS, TASKS, WRITINGS, Layout
from fabyield.lake.catalog import (
    DIE_RESULTS,
    PARAMETRIC_RESULTS,
    PROCESS_HISTORY_AT_TEST,
    WAFER_YIELD,
)
from fabyield.lake.delta_log import DeltaLog
from fabyield.lake.store import Store
from fabyield.lake.table import Table
from fabyield.pipeline.maintenance import MIB, optimize_conf
from fabyield.pipeline.spark import session_conf
from fabyield.settings.settings import Settings

NIGHT = "night"
STEPS = ("litho_gate", "etch_gate", "implant_well", "anneal", "cmp_metal")
DIE = ("wafer_key", "x_coord", "y_coord", NIGHT)


def run(given: dict[str, Any]) -> dict[str, Any]:
    """Build a lake in a layout, or write some nights in a way; give seconds, files and sizes."""
    spark = sparks.started()
    rows = _rows(spark, given)
    if given["what"] == "layout":
        return _laid_out(spark, rows, given)
    return _written(spark, rows, given)


def _laid_out(spark: SparkSession, rows: DataFrame, given: dict[str, Any]) -> dict[str, Any]:
    store, layout = Store(spark, given["lake"]), LAYOUTS[given["name"]]
    made = [
        (layout.of(table), MAKE[table.name]) for table in TABLES if table.name in given["tables"]
    ]
    months = [given["nights"] * (month + 1) // MONTHS for month in range(MONTHS)]
    sizes: dict[str, float] = {}
    optimizing = 0.0
    for night in range(1, given["nights"] + 1):
        for table, make in made:
            of_night = make(rows.where(F.col(NIGHT) == night))
            store.append(table, _in_tasks(table, of_night, layout.tasks), night)
        if night in months:
            for table, _ in made:
                month_mib = _state(store, table)["mb"] * 1e6 / MIB
                mib = sizes.setdefault(table.name, month_mib * MONTHS / given["files"])
                seconds = _optimized(store, table, layout, mib)
                optimizing += seconds if table.name == PARAMETRIC_RESULTS.name else 0.0
    return {"optimize_seconds": optimizing, **_state(store, layout.of(PARAMETRIC_RESULTS))}


def _in_tasks(table: Table, rows: DataFrame, tasks: int) -> DataFrame:
    """Test results as a join by die leaves them in so many tasks; others, and for one, as is."""
    if table.name != PARAMETRIC_RESULTS.name or tasks == 1:
        return rows
    return rows.repartition(tasks, "file_key", "part_num")


def _optimized(store: Store, table: Table, layout: Layout, mib: float) -> float:
    if not layout.cube_files:
        return 0.0
    mib *= layout.file_share
    aims = {"target_file_mb": mib, "cube_mb": mib * layout.cube_files}
    with session_conf(store.spark, optimize_conf(replace(Settings.load("dev").maintain, **aims))):
        stored = DeltaTable.forPath(store.spark, store.path(table))
        _, taken = timed(lambda: stored.optimize().executeCompaction())
    return float(taken["seconds"])


def _written(spark: SparkSession, rows: DataFrame, given: dict[str, Any]) -> dict[str, Any]:
    """The same few nights, once to warm up and then timed one by one."""
    writing = WRITINGS[given["name"]]
    table, store = writing.of(PARAMETRIC_RESULTS), Store(spark, given["lake"])
    for name, value in writing.conf.items():
        spark.conf.set(name, value)
    seconds = []
    for night in range(1, given["nights"] + 1):
        made = parametric_results(rows.where(F.col(NIGHT) == night))
        held = _in_tasks(table, made, TASKS).persist()
        held.count()
        _, taken = timed(lambda held=held, night=night: store.append(table, held, night))
        seconds.append(taken["seconds"])
        held.unpersist()
    log = Path(store.path(table)) / "_delta_log"
    commit = median(file.stat().st_size for file in log.glob("*.json"))
    best = {"seconds": min(seconds[1:]), "median_seconds": median(seconds[1:])}
    return {**best, "commit_kb": commit / 1e3, **_state(store, table)}


def _state(store: Store, table: Table) -> dict[str, float]:
    files = DeltaLog(store.path(table)).state().files.values()
    return {"files": len(files), "mb": sum(file.size for file in files) / 1e6}


def _rows(spark: SparkSession, given: dict[str, Any]) -> DataFrame:
    """The results with the facts of their wafers, and the night in which each wafer came."""
    wafers = spark.read.parquet(given["wafers"]).select("wafer_key", "product_id", "chamber")
    night = F.ceil(F.col("wafer_key") / given["wafers_a_night"]).cast("int")
    results = spark.read.parquet(given["results"]).withColumn(NIGHT, night)
    return results.join(F.broadcast(wafers), "wafer_key", how="inner")


def parametric_results(rows: DataFrame) -> DataFrame:
    """All columns of silver.parametric_results; those that `rows` lacks as a tester gives them."""
    part = F.col("x_coord") * 1000 + F.col("y_coord")
    more = {
        "fab_id": F.lit("FAB1"),
        "insertion": F.lit("CP1"),
        "test_program": F.concat(F.lower("product_id"), F.lit("_cp1")),
        "test_program_rev": F.lit("1.0"),
        "head_num": F.lit(1),
        "site_num": F.pmod("x_coord", F.lit(4)) + 1,
        "test_txt": F.concat(F.lit("test "), F.col("test_num")),
        "valid": F.lit(True),
        "touchdown_num": F.lit(1),
        "is_final": F.lit(True),
        "file_key": F.col("wafer_key"),
        "part_num": part,
        "record_offset": part * 100_000 + F.col("test_num"),
        "batch": F.col(NIGHT),
    }
    return PARAMETRIC_RESULTS.conform(rows.withColumns(more))


def die_results(rows: DataFrame) -> DataFrame:
    """A die for each place on a wafer; its hard bin tells the first test that failed."""
    failed = F.min(F.when(~F.col("test_pass"), F.col("test_num")))
    die = rows.groupBy(*DIE, "product_id", "chamber").agg(failed.alias("failed"))
    passed, hard_bin = F.col("failed").isNull(), F.coalesce(2 + F.col("failed") % 8, F.lit(1))
    more = {
        "fab_id": F.lit("FAB1"),
        "insertion": F.lit("CP1"),
        "die_id": F.concat_ws(",", "x_coord", "y_coord"),
        "touchdowns": F.lit(1),
        **{f"{turn}_pass": passed for turn in ("first", "final")},
        **{
            f"{turn}_{kind}_bin": hard_bin
            for turn in ("first", "final")
            for kind in ("hard", "soft")
        },
        "decided_by": F.lit("only_touchdown"),
        "tested_at": F.timestamp_seconds(F.col(NIGHT) * 86_400),
        "batch": F.col(NIGHT),
    }
    return DIE_RESULTS.conform(die.withColumns(more))


def wafer_yield(rows: DataFrame) -> DataFrame:
    """A row for each wafer."""
    good = F.sum(F.col("final_pass").cast("int"))
    counted = (
        die_results(rows)
        .groupBy("fab_id", "wafer_key", "insertion", "batch")
        .agg(
            F.count("*").alias("tested_die"),
            good.alias("good_die"),
            F.min("tested_at").alias("tested_at"),
        )
    )
    yield_pct = 100 * F.col("good_die") / F.col("tested_die")
    more = {
        **dict.fromkeys(("lot_id", "wafer_id", "product_id", "gross_die"), F.lit(None)),
        "first_pass_die": F.col("good_die"),
        "recovered_die": F.lit(0),
        **dict.fromkeys(
            ("first_pass_yield_pct", "final_yield_pct", "gross_die_yield_pct"), yield_pct
        ),
    }
    return WAFER_YIELD.conform(counted.withColumns(more))


def process_history_at_test(rows: DataFrame) -> DataFrame:
    """The chamber of each wafer at every step."""
    wafers = rows.select("wafer_key", "chamber", NIGHT).distinct()
    visits = wafers.withColumn("process_step", F.explode(F.array(*map(F.lit, STEPS))))
    tool = F.split("chamber", "-")
    more = {
        "fab_id": F.lit("FAB1"),
        "insertion": F.lit("CP1"),
        "step_seq": F.lit(1),
        "equipment_id": tool[0],
        "chamber_id": tool[1],
        "recipe_id": F.lit("R1"),
        "started_at": F.timestamp_seconds(F.col(NIGHT) * 86_400),
        "ended_at": F.timestamp_seconds(F.col(NIGHT) * 86_400),
        "visits": F.lit(1),
        "batch": F.col(NIGHT),
    }
    return PROCESS_HISTORY_AT_TEST.conform(visits.withColumns(more))


TABLES = (PARAMETRIC_RESULTS, DIE_RESULTS, WAFER_YIELD, PROCESS_HISTORY_AT_TEST)
MAKE: dict[str, Callable[[DataFrame], DataFrame]] = {
    "parametric_results": parametric_results,
    "die_results": die_results,
    "wafer_yield": wafer_yield,
    "process_history_at_test": process_history_at_test,
}
