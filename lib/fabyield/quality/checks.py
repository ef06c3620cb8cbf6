"""Turn expectations into Great Expectations' checks, and into aggregates that answer them."""

import logging
import os
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import reduce
from typing import Any

os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")

import great_expectations.expectations as gxe
from great_expectations.compatibility.pydantic import ValidationError
from great_expectations.execution_engine.execution_engine import MetricComputationConfiguration
from great_expectations.execution_engine.sparkdf_execution_engine import SparkDFExecutionEngine
from great_expectations.expectations.expectation import Expectation as GxExpectation
from great_expectations.validator.metric_configuration import MetricConfiguration
from great_expectations.validator.metrics_calculator import MetricsCalculator
from pyspark.sql import Column
from pyspark.sql import functions as F

from fabyield.errors import ContractError, near
from fabyield.lake.table import Expectation, Severity, Table, place

log = logging.getLogger(__name__)
BOOLEAN_ONLY = {"result_format": {"result_format": "BOOLEAN_ONLY"}}
_OVER_ROWS = ("unique", "increasing", "decreasing")
_NULLS = {
    "column_values.nonnull": lambda name: F.col(name).isNull(),
    "column_values.null": lambda name: F.col(name).isNotNull(),
}
_UNIQUE = {"column_values.unique", "compound_columns.unique"}
_UNEXPECTED, _FILTERED = ".unexpected_count", ".filtered_row_count"


class ConditionEngine(SparkDFExecutionEngine):
    """Gives the conditions of map metrics as columns, without counting all rows for each."""

    def resolve_metric_bundle(
        self, metric_fn_bundle: Iterable[MetricComputationConfiguration]
    ) -> dict[Any, Any]:
        """Return 0 for the number of rows, and query all other metrics."""
        wanted = list(metric_fn_bundle)
        found = [one.metric_configuration for one in wanted]
        counts = {metric.id: 0 for metric in found if metric.metric_name == "table.row_count"}
        others = [one for one in wanted if one.metric_configuration.id not in counts]
        return counts | (super().resolve_metric_bundle(others) if others else {})


@dataclass(frozen=True)
class Check:
    """An expectation and aggregates that answer it, by metric ID; None if `gx` must query."""

    expectation: Expectation
    gx: GxExpectation
    columns: Mapping[Any, Column] | None


def batch_expectations(table: Table) -> list[Expectation]:
    """Return the error and warn expectations of `table`: implied, then declared ones, in order."""
    return [*implied(table), *(e for e in table.expectations if e.severity is not Severity.ROW)]


def row_rules(table: Table) -> list[Expectation]:
    """Return the row rules of `table`."""
    return [e for e in table.expectations if e.severity is Severity.ROW]


def implied(table: Table) -> list[Expectation]:
    """Return the expectations that follow from the schema: not null, and unique keys."""
    name = "expect_column_values_to_not_be_null"
    checks = [Expectation(name, {"column": column}, Severity.ERROR) for column in table.required]
    if table.unique_by_construction or not table.key:
        return checks
    name, arguments = "expect_compound_columns_to_be_unique", dict[str, Any](column_list=table.key)
    if len(table.key) == 1:
        name, arguments = "expect_column_values_to_be_unique", {"column": table.key[0]}
    return [*checks, Expectation(name, arguments, Severity.ERROR)]


def row_conditions(table: Table, engine: ConditionEngine) -> list[tuple[Expectation, Column]]:
    """Return each row rule of `table` with a condition that is true if a row breaks the rule."""
    return [(rule, _row_condition(rule, engine)) for rule in row_rules(table)]


def _row_condition(rule: Expectation, engine: ConditionEngine) -> Column:
    check = gx_expectation(rule)
    metric = getattr(type(check), "map_metric", None)
    if metric is None or any(word in metric for word in _OVER_ROWS):
        raise ContractError(f"{rule.name}: does not judge single rows, so it cannot be a row rule")
    return _condition(rule, check, metric, engine)


def _condition(
    expectation: Expectation, check: GxExpectation, metric: str, engine: ConditionEngine
) -> Column:
    """Return a condition that is true if a row breaks the map `metric` of `check`."""
    # For nulls, Great Expectations would count all rows first.
    if metric in _NULLS:
        return _NULLS[metric](expectation.arguments["column"])
    count = _metrics(check, engine)[f"{metric}{_UNEXPECTED}"]
    wanted = MetricConfiguration(
        f"{metric}.condition", count.metric_domain_kwargs, count.metric_value_kwargs
    )
    broken: Column = MetricsCalculator(engine).get_metric(wanted)[0]
    # As in a suite, a null breaks none of these.
    if "column" in expectation.arguments:
        broken = F.col(expectation.arguments["column"]).isNotNull() & broken
    return F.coalesce(broken, F.lit(False))


def _metrics(check: GxExpectation, engine: ConditionEngine) -> dict[str, Any]:
    needed = check.get_validation_dependencies(engine, dict(BOOLEAN_ONLY))
    return dict(needed.metric_configurations)


def prepared_check(expectation: Expectation, engine: ConditionEngine, is_good: Column) -> Check:
    """Return `expectation` with the aggregates over the good rows that answer it, if possible."""
    check = gx_expectation(expectation)
    if "row_condition" in expectation.arguments:
        return Check(expectation, check, None)
    columns: dict[Any, Column] = {}
    try:
        for name, metric in _metrics(check, engine).items():
            column = _aggregate(name, expectation, check, engine)
            if column is None:
                return Check(expectation, check, None)
            columns[metric.id] = column(is_good)
    except Exception as error:
        # The error breaks only this expectation: Great Expectations judges it by itself.
        log.debug("%s: no aggregate: %s", expectation, error)
        return Check(expectation, check, None)
    return Check(expectation, check, columns)


def _aggregate(
    name: str, expectation: Expectation, check: GxExpectation, engine: ConditionEngine
) -> Callable[[Column], Column] | None:
    """Return the metric `name` of `check` as an aggregate over good rows; None if impossible."""
    if name == "table.row_count":
        return F.count_if
    kind = name.removesuffix(_UNEXPECTED).removesuffix(_FILTERED)
    if name.endswith(_FILTERED):
        return lambda is_good: F.count_if(is_good & ~_ignored(expectation, check))
    if kind in _UNIQUE:
        if expectation.arguments.keys() & {"mostly", "ignore_row_if"}:
            return None
        return lambda is_good: _repeated(expectation, is_good)
    if not name.endswith(_UNEXPECTED) or any(word in kind for word in _OVER_ROWS):
        return None
    broken = _condition(expectation, check, kind, engine)
    if "column" not in expectation.arguments:
        broken = broken & ~_ignored(expectation, check)
    return lambda is_good: F.count_if(is_good & broken)


def _repeated(expectation: Expectation, is_good: Column) -> Column:
    """Count how many more good rows than different keys there are: 0 if a key is unique."""
    columns = expectation.arguments.get("column_list") or [expectation.arguments["column"]]
    has_key = reduce(Column.__or__, [F.col(name).isNotNull() for name in columns])
    key = F.when(is_good & has_key, F.struct(*columns))
    return F.count(key) - F.count_distinct(key)


def _ignored(expectation: Expectation, check: GxExpectation) -> Column:
    """Return the rows that a check of several columns ignores, by default those of nulls only."""
    given = expectation.arguments
    names = given.get("column_list") or [given["column_A"], given["column_B"]]
    nulls = [F.col(name).isNull() for name in names]
    policy = str(getattr(check, "ignore_row_if", "all_values_are_missing"))
    if policy in ("never", "neither"):
        return F.lit(False)
    is_either = policy.startswith(("either", "any"))
    return reduce(Column.__or__ if is_either else Column.__and__, nulls)


def check_suites(tables: Iterable[Table]) -> None:
    """Raise ContractError with file, line and a proposal for the first wrong expectation."""
    for table in tables:
        for expectation in table.expectations:
            try:
                gx_expectation(expectation)
            except ContractError as error:
                raise ContractError(f"{place(table, expectation)}: {error}") from error


def gx_expectation(expectation: Expectation, turn: int = 0) -> GxExpectation:
    """Return Great Expectations' object with `turn` in its meta; raise ContractError if wrong."""
    class_name = "".join(word.title() for word in expectation.name.split("_"))
    check: type[GxExpectation] | None = getattr(gxe, class_name, None)
    if check is None:
        names = (name for name in dir(gxe) if name.startswith("Expect"))
        known = (re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower() for name in names)
        raise ContractError(
            f"{expectation.name}: Great Expectations has no such expectation"
            f"{near(expectation.name, known)}"
        )
    try:
        return check(**expectation.arguments, meta={"place": turn})
    except ValidationError as error:
        wrong = "; ".join(_wrong(check, one) for one in error.errors())
        raise ContractError(f"{expectation}: {wrong}") from error
    except (TypeError, ValueError) as error:
        raise ContractError(f"{expectation}: {error}") from error


def _wrong(check: type[GxExpectation], error: Mapping[str, Any]) -> str:
    name = str(error["loc"][-1])
    if error["type"] == "value_error.extra":
        known = sorted(set(check.__fields__) - set(GxExpectation.__fields__))
        return f"{name}: no argument{near(name, known)}; it takes {', '.join(known)}"
    return str(error["msg"]) if name == "__root__" else f"{name}: {error['msg']}"
