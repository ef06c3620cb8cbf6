"""Three ways to judge the same table by the same expectations."""

import json
from collections.abc import Callable
from typing import Any

import great_expectations as gx
import great_expectations.expectations as gxe
from great_expectations.expectations.expectation import Expectation as GxExpectation
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from benchmarks.validate.names import FLOOR, GX, OURS
from fabyield.lake.catalog import PARAMETRIC_RESULTS
from fabyield.lake.table import Expectation
from fabyield.quality.checks import batch_expectations
from fabyield.quality.expectations import validate

# By expectation: whether it is met, and how many of how many values break it where it is not.
Verdicts = dict[str, tuple[bool, int, int]]
MET = (True, 0, 0)
NOT_NULL, IN_SET = "expect_column_values_to_not_be_null", "expect_column_values_to_be_in_set"


def asked() -> list[Expectation]:
    """The expectations that the table is audited by."""
    return batch_expectations(PARAMETRIC_RESULTS)


def ours(df: DataFrame) -> Verdicts:
    """Judge as every night does: the cheap question to all, the dear one to what is broken."""
    return {str(v.expectation): _seen(v.met, v.observed) for v in validate(PARAMETRIC_RESULTS, df)}


def plain_gx(df: DataFrame) -> Verdicts:
    """Judge as Great Expectations' own pages do it: one suite, SUMMARY."""
    context = gx.get_context(mode="ephemeral")
    asset = context.data_sources.add_spark("spark").add_dataframe_asset("parametric_results")
    batch = asset.add_batch_definition_whole_dataframe("all").get_batch({"dataframe": df})
    suite = gx.ExpectationSuite("suite", [_check(expectation) for expectation in asked()])
    result = batch.validate(suite, result_format="SUMMARY")
    told = [(found["expectation_config"]["meta"]["asked"], found) for found in result.results]
    return {name: _counted(bool(found.success), found.result) for name, found in told}


def plain_spark(df: DataFrame) -> Verdicts:
    """Count what breaks each expectation in one aggregate."""
    named = {f"{place}": _broken(expectation) for place, expectation in enumerate(asked())}
    counts = [F.count_if(broken).alias(name) for name, (broken, _) in named.items()]
    sizes = [F.count_if(judged).alias(f"of_{name}") for name, (_, judged) in named.items()]
    row = df.agg(F.count("*").alias("rows"), *counts, *sizes).collect()[0]
    return {
        str(expectation): _judged(expectation, row[f"{place}"], row[f"of_{place}"], row["rows"])
        for place, expectation in enumerate(asked())
    }


CONTENDERS: dict[str, Callable[[DataFrame], Verdicts]] = {
    OURS: ours,
    GX: plain_gx,
    FLOOR: plain_spark,
}


def _broken(expectation: Expectation) -> tuple[Column, Column]:
    """The rows that break an expectation, and those that it judges."""
    column = F.col(expectation.arguments["column"])
    if expectation.name == NOT_NULL:
        return column.isNull(), F.lit(True)
    if expectation.name == IN_SET:
        return ~column.isin(expectation.arguments["value_set"]), column.isNotNull()
    raise ValueError(f"{expectation.name}: no aggregate is written for it; write one")


def _judged(expectation: Expectation, broken: int, judged: int, rows: int) -> tuple[bool, int, int]:
    share = 1 - broken / judged if judged else 1.0
    return MET if share >= expectation.arguments.get("mostly", 1.0) else (False, broken, rows)


def _check(expectation: Expectation) -> GxExpectation:
    name = "".join(word.title() for word in expectation.name.split("_"))
    kind: type[GxExpectation] = getattr(gxe, name)
    return kind(**expectation.arguments, meta={"asked": str(expectation)})


def _seen(met: bool, observed: str) -> tuple[bool, int, int]:
    return _counted(met, json.loads(observed) if observed else {})


def _counted(met: bool, result: dict[str, Any]) -> tuple[bool, int, int]:
    # Where all is met, only whether it is: the cheap question counts nothing.
    return MET if met else (False, result["unexpected_count"], result["element_count"])
