"""Judge rows by their table's expectations: one query for all, Great Expectations decides."""

import json
import logging
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from threading import Lock
from typing import Any, Literal

os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")

import great_expectations as gx
from great_expectations.core import ExpectationValidationResult
from great_expectations.data_context.types.base import ProgressBarsConfig
from great_expectations.datasource.fluent.interfaces import Batch
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from fabyield.lake.table import Expectation, Severity, Table
from fabyield.quality.checks import (
    BOOLEAN_ONLY,
    Check,
    ConditionEngine,
    batch_expectations,
    gx_expectation,
    prepared_check,
    row_conditions,
)

log = logging.getLogger(__name__)
Form = Literal["BOOLEAN_ONLY", "SUMMARY"]
REASONS = "_reasons"
# Great Expectations keeps its data context in a global of the process.
GX_LOCK = Lock()
NO_FIGURES: Mapping[str, Column] = {}


@dataclass(frozen=True)
class Verdict:
    """Whether a batch meets one expectation, and what was `observed` if it does not."""

    expectation: Expectation
    met: bool
    observed: str = ""


@dataclass(frozen=True)
class Judgement:
    """The counts of all rows and of those that break no row rule, and the verdicts on these."""

    total: int
    kept: int
    verdicts: list[Verdict]
    figures: Mapping[str, Any]


@dataclass(frozen=True)
class Audit:
    """The checks of `table`; `reasons` lists for each row the rules that it breaks."""

    table: Table
    engine: ConditionEngine
    reasons: Column
    checks: Sequence[Check]

    @classmethod
    def of(cls, table: Table, rows: DataFrame) -> "Audit":
        """Prepare to judge `rows` by their columns and types alone."""
        engine = ConditionEngine(persist=False)
        engine.load_batch_data(table.table, rows)
        conditions = row_conditions(table, engine)
        names = [F.when(broken, F.lit(str(rule))) for rule, broken in conditions]
        reasons = F.array_compact(F.array(*names)) if names else F.array().cast("array<string>")
        is_good = F.size(REASONS) == 0 if names else F.lit(True)
        checks = [prepared_check(e, engine, is_good) for e in batch_expectations(table)]
        return cls(table, engine, reasons, checks)

    def judge(self, marked: DataFrame, figures: Mapping[str, Column] = NO_FIGURES) -> Judgement:
        """Judge rows that have `reasons` as REASONS, in one query that also computes `figures`."""
        columns: dict[Any, Column] = {}
        for check in self.checks:
            columns |= check.columns or {}
        named = {f"m{turn}": metric for turn, metric in enumerate(columns)}
        wanted = [columns[metric].alias(name) for name, metric in named.items()]
        counts = [F.count("*").alias("total"), F.count_if(F.size(REASONS) == 0).alias("kept")]
        counts += [figure.alias(name) for name, figure in figures.items()]
        try:
            row = marked.agg(*counts, *wanted).collect()[0]
        except Exception as error:
            if not wanted:
                raise
            # A metric that raises ends the whole query: then each check is asked by itself.
            log.debug("%s: asked one by one: %s", self.table.table, error)
            row, named = marked.agg(*counts).collect()[0], {}
        metrics = {metric: row[name] for name, metric in named.items()}
        verdicts = self._verdicts(marked, metrics) if row["kept"] else []
        computed = {name: row[name] for name in figures}
        return Judgement(int(row["total"]), int(row["kept"]), verdicts, computed)

    def _verdicts(self, marked: DataFrame, metrics: Mapping[Any, Any]) -> list[Verdict]:
        answers = [self._answer(check, metrics) for check in self.checks]
        observed: dict[int, str] = {}
        if not all(answers):
            with GX_LOCK:
                observed = self._ask_gx(_batch(good(marked)), answers)
        return [
            Verdict(check.expectation, bool(answers[turn]), observed.get(turn, ""))
            for turn, check in enumerate(self.checks)
        ]

    def _answer(self, check: Check, metrics: Mapping[Any, Any]) -> bool | None:
        """Return whether `check` is met by its `metrics`; None if they are missing."""
        if check.columns is None or not check.columns.keys() <= metrics.keys():
            return None
        result = check.gx.metrics_validate(dict(metrics), dict(BOOLEAN_ONLY), self.engine)
        return bool(result.success)

    def _ask_gx(self, batch: Batch, answers: list[bool | None]) -> dict[int, str]:
        """Fill in the `answers` that are None, and return what was observed where one is False."""
        # All get the cheap question, only the few broken ones the one that adds a query each.
        open_turns = [turn for turn, answer in enumerate(answers) if answer is None]
        found = _results(batch, [self.checks[turn].expectation for turn in open_turns])
        for place, turn in enumerate(open_turns):
            answers[turn] = bool(getattr(found.get(place), "success", False))
        broken = [turn for turn, answer in enumerate(answers) if not answer]
        seen = _results(batch, [self.checks[turn].expectation for turn in broken], "SUMMARY")
        return {turn: _observed(seen.get(place)) for place, turn in enumerate(broken)}


def good(marked: DataFrame) -> DataFrame:
    """Return the rows that break no row rule."""
    return marked.where(F.size(REASONS) == 0).drop(REASONS)


def validate(table: Table, df: DataFrame) -> list[Verdict]:
    """Judge `df` by every error and warn expectation of `table`, in the order declared."""
    judging = (e for e in table.expectations if e.severity is not Severity.ROW)
    table = replace(table, expectations=tuple(judging))
    audit = Audit.of(table, df)
    return audit.judge(df.withColumn(REASONS, audit.reasons)).verdicts


def _batch(df: DataFrame) -> Batch:
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    source = context.data_sources.add_spark("spark", persist=False)
    definition = source.add_dataframe_asset("batch").add_batch_definition_whole_dataframe("batch")
    return definition.get_batch({"dataframe": df})


def _results(batch: Batch, asked: list[Expectation], form: Form = "BOOLEAN_ONLY") -> dict[int, Any]:
    if not asked:
        return {}
    checks = [gx_expectation(expectation, place) for place, expectation in enumerate(asked)]
    try:
        result = batch.validate(gx.ExpectationSuite("batch", checks), result_format=form)
    except Exception as error:
        # A metric that raises breaks only its own expectation: ask one by one.
        if len(asked) == 1:
            return {0: error}
        alone = (_results(batch, [expectation], form) for expectation in asked)
        return {place: answer[0] for place, answer in enumerate(alone) if answer}
    # Great Expectations answers in an order of its own, so each check has its place.
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
