"""What the low wafers of a product have in common."""

from collections.abc import Callable, Mapping, Sequence

import pyarrow as pa
from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F
from pyspark.sql.pandas.types import from_arrow_schema

from fabyield.transforms.shared.keys import INSERTION
from fabyield.transforms.shared.name_rules import NO_NAME
from fabyield.transforms.shared.suspect_arms import SuspectRules
from fabyield.transforms.shared.suspects import commonality_of_group, found_schema
from fabyield.transforms.silver.wafer_runs import not_superseded

PRODUCT = ["fab_id", "product_id", "insertion"]
PLACE = ["factor_kind", "process_step", "level"]


def commonality(
    wafer_yield: DataFrame,
    process_history_at_test: DataFrame,
    wafer_runs: DataFrame,
    rules: SuspectRules,
) -> DataFrame:
    """Compare the wafers through each tool, chamber, recipe, tester and program with the others.

    One group of rows per product and insertion, of its last `rules.lots` lots.
    """
    wafers = compared_wafers(wafer_yield, rules.lots)
    visits = process_visits(process_history_at_test).unionByName(test_visits(wafer_runs))
    columns = [*PRODUCT, "wafer_key", "lot_id", "final_yield_pct", *PLACE, "at"]
    rows = wafers.join(visits, INSERTION, how="inner").select(*columns)
    schema = from_arrow_schema(found_schema(PRODUCT))
    return rows.groupBy(*PRODUCT).applyInArrow(_compared(rules), schema)


def _compared(rules: SuspectRules) -> Callable[[pa.Table], pa.Table]:
    def found(rows: pa.Table) -> pa.Table:
        return commonality_of_group(rows, PRODUCT, rules)

    return found


def compared_wafers(wafer_yield: DataFrame, lots: int) -> DataFrame:
    """Return the yields of wafers of known products, of the last `lots` lots of each."""
    is_wafer = (F.col("wafer_id") != NO_NAME) & F.col("product_id").isNotNull()
    known = wafer_yield.where(is_wafer & F.col("final_yield_pct").isNotNull())
    lot = Window.partitionBy(*PRODUCT, "lot_id")
    newest = Window.partitionBy(*PRODUCT).orderBy(F.desc("lot_tested_at"), "lot_id")
    dated = known.withColumn("lot_tested_at", F.max("tested_at").over(lot))
    return dated.withColumn("lot_rank", F.dense_rank().over(newest)).where(
        F.col("lot_rank") <= lots
    )


def process_visits(history: DataFrame, *keys: str) -> DataFrame:
    """Return a row per wafer and place that it went through: equipment, chamber and recipe."""
    chamber = F.concat_ws("/", "equipment_id", "chamber_id")
    places = {
        "equipment": F.col("equipment_id"),
        "chamber": F.when(F.col("chamber_id").isNotNull(), chamber),
        "recipe": F.col("recipe_id"),
    }
    return _places(history, keys or INSERTION, places, "process_step")


def test_visits(wafer_runs: DataFrame) -> DataFrame:
    """Return a row per wafer and the tester, and program with revision, that tested it first.

    Low wafers are tested again, often on one tester: that is an effect, and no cause.
    """
    runs = not_superseded(wafer_runs)
    first = {
        name: F.min_by(name, F.struct("is_retest_file", "started_at", "file_key")).alias(name)
        for name in ("tester_id", "test_program", "test_program_rev")
    }
    tested = runs.groupBy(*INSERTION).agg(*first.values(), F.min("started_at").alias("started_at"))
    program = F.concat_ws(" ", "test_program", "test_program_rev")
    places = {
        "tester": F.col("tester_id"),
        "program": F.when(F.col("test_program").isNotNull(), program),
    }
    return _places(tested, INSERTION, places, "insertion")


def _places(
    rows: DataFrame, keys: Sequence[str], places: Mapping[str, Column], step: str
) -> DataFrame:
    """Return a row per place that is known, with the time at which the wafer was there.

    A visit without a time is left out: it cannot be put in order.
    """
    named = [column.alias(kind) for kind, column in places.items()]
    at = F.col("started_at").alias("at")
    wide = rows.select(*keys, F.col(step).alias("_step"), at, *named)
    long = wide.unpivot([*keys, "_step", "at"], [*places], "factor_kind", "level")
    known = long.where("level is not null and at is not null")
    return known.withColumnRenamed("_step", "process_step")
