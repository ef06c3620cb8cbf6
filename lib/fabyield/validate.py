"""Check a batch against its table's expectations with Great Expectations."""

import json
import os
from dataclasses import dataclass
from typing import Any, Literal

os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")

import great_expectations as gx
import great_expectations.expectations as gxe
from great_expectations.core import ExpectationValidationResult
from great_expectations.data_context.types.base import ProgressBarsConfig
from great_expectations.datasource.fluent.interfaces import Batch
from great_expectations.expectations.expectation import Expectation as GxExpectation
from great_expectations.validator.metric_configuration import MetricConfiguration
from great_expectations.validator.validator import Validator
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from fabyield.errors import ContractError
from fabyield.table import Expectation, Severity, Table

Form = Literal["BOOLEAN_ONLY", "SUMMARY"]
_OVER_ROWS = ("unique", "increasing", "decreasing")
_NULLS = {
    "column_values.nonnull": lambda name: F.col(name).isNull(),
    "column_values.null": lambda name: F.col(name).isNotNull(),
}


@dataclass(frozen=True)
class Verdict:
    """What one expectation said of one batch; `observed` says what was seen where it is broken."""

    expectation: Expectation
    met: bool
    observed: str = ""


def implied(table: Table) -> list[Expectation]:
    """The expectations that follow from the schema: not null, and unique keys."""
    checks = [
        Expectation("expect_column_values_to_not_be_null", {"column": name}, Severity.ERROR)
        for name in table.required
    ]
    if table.unique_by_construction or not table.key:
        return checks
    if len(table.key) == 1:
        name, arguments = "expect_column_values_to_be_unique", {"column": table.key[0]}
        return [*checks, Expectation(name, arguments, Severity.ERROR)]
    name, columns = "expect_compound_columns_to_be_unique", {"column_list": table.key}
    return [*checks, Expectation(name, columns, Severity.ERROR)]


def validate(table: Table, df: DataFrame) -> list[Verdict]:
    """Judge `df` by every error and warn expectation of `table`, in the order declared.

    An expectation that raises, or whose result does not come back, counts as broken.
    """
    declared = [e for e in table.expectations if e.severity is not Severity.ROW]
    asked = [*implied(table), *declared]
    if not asked:
        return []
    batch = _batch(df)
    answers = _results(batch, asked).items()
    met = {place for place, answer in answers if getattr(answer, "success", False)}
    broken = {place: asked[place] for place in range(len(asked)) if place not in met}
    # The cheap question goes to all of them, the one that adds a query each to the broken few.
    seen = _results(batch, list(broken.values()), "SUMMARY") if broken else {}
    observed = {place: _observed(seen.get(turn)) for turn, place in enumerate(broken)}
    return [Verdict(e, i in met, observed.get(i, "")) for i, e in enumerate(asked)]


def row_rules(table: Table, df: DataFrame) -> list[tuple[Expectation, Column]]:
    """Each row rule of `table` with its predicate over `df`: true where a row breaks the rule.

    The predicate is Great Expectations' own condition, so that a rule means the same here as in
    a suite; but for nulls it counts all rows first, and its condition is Spark's own. Raises
    ContractError for an expectation that does not judge single rows.
    """
    rules = [e for e in table.expectations if e.severity is Severity.ROW]
    if not rules:
        return []
    batch = _batch(df)
    data: Any = batch.data
    validator = Validator(execution_engine=data.execution_engine, batches=[batch])
    return [(rule, _condition(rule, validator)) for rule in rules]


def _condition(rule: Expectation, validator: Validator) -> Column:
    check = _build(rule, 0)
    metric = getattr(type(check), "map_metric", None)
    if metric is None or any(word in metric for word in _OVER_ROWS):
        raise ContractError(f"{rule.name}: does not judge single rows, so it cannot be a row rule")
    if metric in _NULLS:
        return _NULLS[metric](rule.arguments["column"])
    dependencies = check.get_validation_dependencies(
        execution_engine=validator.execution_engine, runtime_configuration={}
    )
    count = dependencies.metric_configurations[f"{metric}.unexpected_count"]
    wanted = MetricConfiguration(
        f"{metric}.condition", count.metric_domain_kwargs, count.metric_value_kwargs
    )
    validator.metrics_calculator.show_progress_bars = False
    broken: Column = validator.get_metric(wanted)[0]
    # Like in a suite, a null breaks none of these.
    if "column" in rule.arguments:
        broken = F.col(rule.arguments["column"]).isNotNull() & broken
    return F.coalesce(broken, F.lit(False))


def _batch(df: DataFrame) -> Batch:
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    source = context.data_sources.add_spark("spark", persist=False)
    definition = source.add_dataframe_asset("batch").add_batch_definition_whole_dataframe("batch")
    return definition.get_batch({"dataframe": df})


def _results(batch: Batch, asked: list[Expectation], form: Form = "BOOLEAN_ONLY") -> dict[int, Any]:
    checks = [_build(expectation, place) for place, expectation in enumerate(asked)]
    try:
        result = batch.validate(gx.ExpectationSuite("batch", checks), result_format=form)
    except Exception as error:
        # Whatever a metric raises, only its own expectation is broken by it: ask one by one.
        if len(asked) == 1:
            return {0: error}
        alone = (_results(batch, [expectation], form) for expectation in asked)
        return {place: answer[0] for place, answer in enumerate(alone) if answer}
    # Great Expectations answers in an order of its own, so each check carries its place.
    return {check["expectation_config"]["meta"]["place"]: check for check in result.results}


def _observed(result: ExpectationValidationResult | Exception | None) -> str:
    if result is None:
        return "no result came back"
    if isinstance(result, Exception):
        return f"raised: {result}"
    info = result.exception_info or {}
    for problem in (info, *info.values()):
        if isinstance(problem, dict) and problem.get("raised_exception"):
            return f"raised: {problem['exception_message']}"
    keys = ("observed_value", "unexpected_count", "element_count", "partial_unexpected_list")
    seen = {key: result.result[key] for key in keys if key in result.result}
    return json.dumps(seen, default=str)[:500]


def _build(expectation: Expectation, place: int) -> GxExpectation:
    class_name = "".join(word.title() for word in expectation.name.split("_"))
    check: type[GxExpectation] | None = getattr(gxe, class_name, None)
    if check is None:
        raise ContractError(f"{expectation.name}: Great Expectations has no such expectation")
    try:
        return check(**expectation.arguments, meta={"place": place})
    except ValueError as error:
        raise ContractError(f"{expectation}: {error}") from error
