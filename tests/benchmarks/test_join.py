"""The same rows for all, and when two answers are the same."""

from dataclasses import replace

import pyarrow.parquet as pq
import pytest

from benchmarks.join import data, summary
from benchmarks.join.contenders import by_duckdb, by_pandas, by_script, by_spark
from benchmarks.join.data import Data
from benchmarks.join.summary import Figures, Paths
from tests.benchmarks.conftest import wafer

pytestmark = pytest.mark.soak

GROUP = ("P1", "E1-A", "1000")
RIGHT = {GROUP: Figures(rows=1000, passed=900, mean_result=2.0)}


def written(made, tmp_path, name):
    return Paths(str(made.results), str(made.wafers), str(tmp_path / name))


def test_as_many_whole_wafers_are_written_as_hold_the_rows(few_wafers, tmp_path):
    made = Data.written(tmp_path, few_wafers, 61)

    assert made.rows == pq.read_metadata(made.results).num_rows == 120
    assert pq.read_table(made.wafers)["wafer_id"].to_pylist() == ["01", "02"]


def test_a_key_stands_for_one_lot_and_wafer(few_wafers, tmp_path):
    made = Data.written(tmp_path, few_wafers, 180)

    named = pq.read_table(made.results).group_by(["wafer_key", "lot_id", "wafer_id"])
    pairs = named.aggregate([]).to_pylist()
    facts = pq.read_table(made.wafers).select(["wafer_key", "lot_id", "wafer_id"]).to_pylist()
    assert len({row["wafer_key"] for row in facts}) == len(facts) == 3
    assert sorted(pairs, key=str) == sorted(facts, key=str)


def test_of_each_wafer_the_first_rows_are_kept(few_wafers, tmp_path):
    made = Data.written(tmp_path, data.thinned(few_wafers, 7), 14)

    assert made.rows == 14
    assert pq.read_table(made.wafers).num_rows == 2


def test_a_third_of_skewed_wafers_are_under_one_key_and_some_under_none(tmp_path):
    many = [wafer(f"L{n}", "01", "E1-A") for n in range(100)]

    made = Data.written(tmp_path, data.skewed(many), 100 * 60)

    keys = pq.read_table(made.results)["wafer_key"]
    share = {row["values"]: row["counts"] / made.rows for row in keys.value_counts().to_pylist()}
    assert (round(share[1], 2), round(share[None], 2)) == (0.31, 0.02)
    assert len(share) == 1 + pq.read_table(made.wafers).num_rows


def test_skewed_rows_are_summed_up_alike_by_all(spark, tmp_path):
    many = [wafer(f"L{n}", "01", f"E{n % 3}") for n in range(60)]
    paths = written(Data.written(tmp_path, data.skewed(many), 3000), tmp_path, "duckdb.csv")
    by_duckdb.summarise(paths)
    expected = summary.read(tmp_path / "duckdb.csv")

    for way in (by_spark.by_key, by_spark.by_names):
        way(spark, replace(paths, out=str(tmp_path / "spark.csv")))
        assert summary.unlike(summary.read(tmp_path / "spark.csv"), expected) == ""


def test_wafers_fill_a_row_group_and_no_more_are_held(few_wafers, tmp_path, monkeypatch):
    monkeypatch.setattr(data, "ROW_GROUP", 120)

    made = Data.written(tmp_path, few_wafers, 180)

    groups = pq.ParquetFile(made.results).metadata
    assert [groups.row_group(place).num_rows for place in range(2)] == [120, 60]


def test_contenders_of_one_process_agree_with_the_script(few_wafers, tmp_path):
    made = Data.written(tmp_path, few_wafers, 180)

    found = []
    for module in (by_script, by_pandas, by_duckdb):
        paths = written(made, tmp_path, f"{module.__name__}.csv")
        module.summarise(paths)
        found.append(summary.read(tmp_path / f"{module.__name__}.csv"))

    assert len(found[0]) == 4
    assert found[0]["P1", "E1-A", "1000"].rows == 60
    assert [summary.unlike(other, found[0]) for other in found[1:]] == ["", ""]


def test_spark_agrees_by_key_and_by_names(spark, few_wafers, tmp_path):
    made = Data.written(tmp_path, few_wafers, 180)
    by_script.summarise(written(made, tmp_path, "script.csv"))
    expected = summary.read(tmp_path / "script.csv")

    for way in (by_spark.by_key, by_spark.by_names):
        way(spark, written(made, tmp_path, "spark.csv"))
        assert summary.unlike(summary.read(tmp_path / "spark.csv"), expected) == ""


@pytest.mark.parametrize("wrong", [{"rows": 1001}, {"passed": 899}, {"mean_result": 2.001}])
def test_one_wrong_figure_is_seen(wrong):
    found = {GROUP: replace(RIGHT[GROUP], **wrong)}

    assert "1 groups, such as ('P1', 'E1-A', '1000')" in summary.unlike(found, RIGHT)


def test_means_may_differ_by_their_rounding():
    found = {GROUP: replace(RIGHT[GROUP], mean_result=2.000001)}

    assert summary.unlike(found, RIGHT) == ""


def test_a_missing_group_is_seen():
    assert summary.unlike({}, RIGHT).startswith("0 groups where 1 are expected")
