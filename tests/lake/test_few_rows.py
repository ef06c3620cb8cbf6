from datetime import UTC, date, datetime

import pytest

from fabyield.lake.few_rows import few_rows

DDL = "key bigint, at timestamp, day date, counts map<string,bigint>, names array<string>"
DDL += ", drivers array<struct<feature:string,value:double>>"
AT = datetime(2026, 3, 2, 4, 5, 6, 789, tzinfo=UTC)


def test_rows_come_back_as_they_were_in_the_types_asked_for(spark):
    row = {
        "key": 2**40,
        "at": AT,
        "day": date(2026, 3, 2),
        "counts": {"PTR": 7},
        "names": ["a", None],
        "drivers": [{"feature": "vth", "value": 0.5}],
    }

    found = few_rows(spark, [row, dict.fromkeys(row)], DDL)

    assert found.schema.simpleString() == spark.createDataFrame([], DDL).schema.simpleString()
    first, second = found.collect()
    assert first.asDict(recursive=True) == row | {"at": first["at"]}
    assert first["at"].astimezone(UTC) == AT
    assert set(second.asDict().values()) == {None}


def test_plan_holds_the_rows_itself_so_that_no_python_process_reads_them(spark):
    for rows in ([], [{"key": 1}]):
        plan = few_rows(spark, rows, "key bigint")._jdf.queryExecution().optimizedPlan()
        assert plan.nodeName() == "LocalRelation"


@pytest.mark.parametrize("row", [{"key": 1, "ay": None}, {"key": 1}])
def test_row_of_other_columns_is_refused(spark, row):
    with pytest.raises(ValueError, match=r"not \['at', 'key'\]"):
        few_rows(spark, [row], "key bigint, at timestamp")
