from dataclasses import replace

import pytest
from great_expectations.datasource.fluent.interfaces import Batch
from pyspark.sql import functions as F

from fabyield.errors import ContractError
from fabyield.lake.catalog import ALL
from fabyield.lake.table import Column, Expectation, Severity, Table, WriteMode
from fabyield.quality.checks import check_suites
from fabyield.quality.expectations import REASONS, Audit, _batch, _results, validate
from tests.frames import of_tuples

SCHEMA = "a int, b int, name string"


def table(*expectations, key=(), required=(), **more):
    columns = {name: Column("int", "A number", required=name in required) for name in ("a", "b")}
    columns["name"] = Column("string", "A name")
    about = ("gold.made_up", "Made up", "nobody", list(key), WriteMode.APPEND)
    return Table(*about, columns, expectations, **more)


def check(name, severity=Severity.ERROR, **arguments):
    return Expectation(f"expect_{name}", arguments, severity)


def between(severity=Severity.ERROR, column="a"):
    name = "column_values_to_be_between"
    return check(name, severity, column=column, min_value=0, max_value=9)


@pytest.fixture
def df(spark):
    return of_tuples(spark, [(1, 2, "x"), (50, 2, None)], SCHEMA)


def test_broken_error_and_warn_come_back_with_what_was_seen(df):
    verdicts = validate(table(between(), between(Severity.WARN, "b"), between(Severity.WARN)), df)

    assert [(v.expectation.severity, v.met) for v in verdicts] == [
        ("error", False),
        ("warn", True),
        ("warn", False),
    ]
    assert '"unexpected_count": 1' in verdicts[0].observed
    assert "[50]" in verdicts[2].observed
    assert verdicts[1].observed == ""


def test_f20_expectation_that_raises_is_broken_and_the_others_still_count(df):
    raises = check("column_values_to_match_regex", column="name", regex="(")

    verdicts = validate(table(between(column="b"), raises, between()), df)

    assert [v.met for v in verdicts] == [True, False, False]
    assert verdicts[1].observed.startswith("raised: ")
    assert "[50]" in verdicts[2].observed


def mean_below(most):
    """Which Great Expectations has to ask by itself."""
    return check("column_mean_to_be_between", column="b", max_value=most)


def test_f20_expectation_whose_result_is_missing_is_broken(df, monkeypatch):
    answer = Batch.validate

    def forgetful(self, suite, **more):
        result = answer(self, suite, **more)
        result.results = [r for r in result.results if r["expectation_config"]["meta"]["place"]]
        return result

    monkeypatch.setattr(Batch, "validate", forgetful)
    first, second = validate(table(mean_below(8), mean_below(9)), df)

    assert (first.met, first.observed) == (False, "no result came back")
    assert second.met


def test_schema_implies_not_null_and_unique_keys(spark):
    df = of_tuples(spark, [(1, 1, "x"), (1, 1, "y"), (1, None, "z")], SCHEMA)

    verdicts = validate(table(key=["a", "b"], required=["a", "b"]), df)

    assert [(v.expectation.name.removeprefix("expect_"), v.met) for v in verdicts] == [
        ("column_values_to_not_be_null", True),
        ("column_values_to_not_be_null", False),
        ("compound_columns_to_be_unique", False),
    ]


def test_key_of_one_column_is_unique_unless_by_construction(spark):
    twice = of_tuples(spark, [(1, 1, "x"), (1, 2, "x")], SCHEMA)

    verdicts = validate(table(key=["a"]), twice)

    assert [v.met for v in verdicts] == [False]
    assert validate(table(key=["a"], unique_by_construction=True), twice) == []


def test_unknown_expectation_and_wrong_arguments_are_contract_errors(df):
    with pytest.raises(ContractError, match="expect_luck: Great Expectations has no such"):
        validate(table(check("luck")), df)
    with pytest.raises(ContractError, match="column_values_to_be_between"):
        validate(table(check("column_values_to_be_between", colum="a")), df)


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        (
            check("column_values_to_be_betwen", column="a"),
            "did you mean expect_column_values_to_be",
        ),
        (
            check("column_values_to_be_between", column="a", min_value=1, mosty=0.9),
            r"mosty: no argument; did you mean mostly\?; it takes .*min_value",
        ),
        (check("column_values_to_be_between", column="a"), "cannot both be None$"),
    ],
)
def test_wrong_expectation_is_named_with_file_line_and_what_was_meant(wrong, named):
    with pytest.raises(ContractError, match=rf"^expectations/made_up\.yml, line 7: .*{named}"):
        check_suites([table(replace(wrong, line=7))])


def test_expectations_of_all_tables_are_as_great_expectations_has_them():
    check_suites(ALL.values())


RULES = {
    "between": {"column": "a", "min_value": 0, "max_value": 9},
    "not_be_null": {"column": "a"},
    "be_null": {"column": "name"},
    "be_in_set": {"column": "name", "value_set": ["x"]},
    "not_be_in_set": {"column": "name", "value_set": ["x"]},
    "match_regex": {"column": "name", "regex": "^x"},
}
NAMES = {"between": "be_between"}
PAIR = {"column_A": "a", "column_B": "b"}
ROWS = [(1, 2, "x"), (50, 2, None), (None, 2, "y"), (3, None, "xy"), (None, None, None), (2, 2, "")]


def as_rule(name, arguments):
    return Expectation(name, arguments, Severity.ROW)


ASKED = [
    *(as_rule(f"expect_column_values_to_{NAMES.get(n, n)}", given) for n, given in RULES.items()),
    as_rule("expect_column_pair_values_a_to_be_greater_than_b", PAIR),
    as_rule("expect_column_pair_values_to_be_equal", PAIR),
]


def test_row_rules_break_the_rows_that_great_expectations_counts(spark):
    df = of_tuples(spark, ROWS, SCHEMA)
    results = _results(_batch(df), ASKED, "SUMMARY")

    audit = Audit.of(table(*ASKED), df)
    broken = [row[0] for row in df.select(audit.reasons).collect()]

    found = [sum(str(rule) in reasons for reasons in broken) for rule in ASKED]
    assert found == [1, 2, 4, 3, 1, 2, 2, 4]
    assert [results[n].result["unexpected_count"] for n in range(len(ASKED))] == found


def test_row_rule_names_the_very_rows(spark):
    df = of_tuples(spark, ROWS, SCHEMA)

    marked = df.withColumn(REASONS, Audit.of(table(between(Severity.ROW)), df).reasons)

    assert marked.where(F.size(REASONS) > 0).drop(REASONS).collect() == [(50, 2, None)]


@pytest.mark.parametrize(
    "rule",
    [
        check("table_row_count_to_be_between", Severity.ROW, min_value=1),
        check("column_mean_to_be_between", Severity.ROW, column="a", min_value=1),
        check("column_values_to_be_unique", Severity.ROW, column="a"),
        check("compound_columns_to_be_unique", Severity.ROW, column_list=["a", "b"]),
        check("column_values_to_be_increasing", Severity.ROW, column="a"),
    ],
    ids=lambda rule: rule.name,
)
def test_expectation_that_does_not_judge_single_rows_is_no_row_rule(df, rule):
    with pytest.raises(ContractError, match="does not judge single rows"):
        Audit.of(table(rule), df)


MIXED = [
    *ASKED,
    check("column_values_to_be_between", column="a", min_value=0, max_value=9, mostly=0.7),
    check("column_values_to_be_between", column="a", min_value=0, max_value=9, mostly=0.8),
    check("column_values_to_not_be_null", column="a", mostly=0.6),
    check("column_values_to_be_unique", column="name"),
    check("column_values_to_be_unique", column="b"),
    check("column_values_to_be_unique", column="b", mostly=0.1),
    check("compound_columns_to_be_unique", column_list=["a", "b"]),
    check("compound_columns_to_be_unique", column_list=["b", "name"]),
    check("column_values_to_be_in_set", column="name", value_set=["x"], row_condition="a = 1"),
    mean_below(1),
    mean_below(2),
    *(
        check(f"column_pair_values_{what}", **PAIR, mostly=mostly, ignore_row_if=policy)
        for what in ("a_to_be_greater_than_b", "to_be_equal")
        for mostly in (0.25, 0.3, 0.4, 0.6, 0.7)
        for policy in ("both_values_are_missing", "either_value_is_missing", "neither")
    ),
    *(
        check("compound_columns_to_be_unique", column_list=["b", "name"], ignore_row_if=policy)
        for policy in ("any_value_is_missing", "all_values_are_missing", "never")
    ),
]


def test_verdicts_equal_those_of_great_expectations_own_queries(spark):
    df = of_tuples(spark, ROWS, SCHEMA)
    asked = [replace(one, severity=Severity.WARN) for one in MIXED]
    asked = [one if "row_condition" not in one.arguments else of_spark(one) for one in asked]

    verdicts = validate(table(*asked), df)

    own = _results(_batch(df), asked)
    assert [v.met for v in verdicts] == [bool(own[n].success) for n in range(len(asked))]
    assert {v.met for v in verdicts} == {True, False}


def of_spark(expectation):
    return replace(expectation, arguments=expectation.arguments | {"condition_parser": "spark"})


def test_rows_that_break_a_rule_are_counted_and_not_judged(spark):
    rows = of_tuples(spark, [(1, 1, "x"), (50, 1, "x"), (50, 2, None)], SCHEMA)
    named = check("column_values_to_not_be_null", column="name")
    audit = Audit.of(table(between(Severity.ROW), named, mean_below(1.1), key=["b"]), rows)

    found = audit.judge(rows.withColumn(REASONS, audit.reasons))

    assert (found.total, found.kept) == (3, 1)
    assert [verdict.met for verdict in found.verdicts] == [True, True, True]


def test_rows_are_judged_by_one_query(spark):
    rows = of_tuples(spark, ROWS, SCHEMA).where("a is not null")
    audit = Audit.of(table(between(Severity.ROW), key=["a", "name"], required=["a", "b"]), rows)
    marked = rows.withColumn(REASONS, audit.reasons)
    tracker = spark.sparkContext.statusTracker()
    spark.sparkContext.setJobGroup("judging", "")

    audit.judge(marked.where("b is not null"))

    assert len(tracker.getJobIdsForGroup("judging")) == 1
    spark.sparkContext.setLocalProperty("spark.jobGroup.id", None)
