"""Three ways to the same verdicts."""

import pyarrow.parquet as pq
import pytest

from benchmarks.validate import data
from benchmarks.validate.bench import unlike
from benchmarks.validate.contenders import CONTENDERS, MET
from fabyield.lake.catalog import PARAMETRIC_RESULTS

pytestmark = pytest.mark.soak

NOT_NULL = "expect_column_values_to_not_be_null(column='head_num')"
VALID = "expect_column_values_to_be_in_set(column='valid', value_set=[True], mostly=0.95)"


@pytest.mark.parametrize("is_broken", [False, True])
def test_all_ways_reach_the_same_verdicts(is_broken, spark, few_wafers, tmp_path, monkeypatch):
    monkeypatch.setattr(data, "HEADLESS", 0.05)
    data.write(tmp_path / "t.parquet", few_wafers, 180, is_broken)
    df = spark.read.parquet(str(tmp_path / "t.parquet"))

    ours, *others = (judge(df) for judge in CONTENDERS.values())

    assert [unlike(other, ours) for other in others] == ["", ""]
    assert {name for name, verdict in ours.items() if verdict != MET} == (
        {NOT_NULL, VALID} if is_broken else set()
    )
    if is_broken:
        table = pq.read_table(tmp_path / "t.parquet")
        assert ours[NOT_NULL] == (False, table["head_num"].null_count, 180)


def test_table_has_the_columns_of_the_silver_one(few_wafers, tmp_path):
    assert data.write(tmp_path / "t.parquet", few_wafers, 60, is_broken=False) == 60
    assert pq.read_schema(tmp_path / "t.parquet").names == list(PARAMETRIC_RESULTS.columns)


def test_another_count_is_another_verdict():
    assert unlike({VALID: [False, 3, 60]}, {VALID: [False, 4, 60]}).startswith("1 verdicts")
    assert unlike({}, {VALID: [False, 4, 60]}).startswith("1 verdicts")
