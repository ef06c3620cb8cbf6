"""A whole night over a small fab and a real file, and what it leaves behind."""

import gzip
from collections import Counter

import pyarrow.parquet as pq
import pytest
from delta import DeltaTable

from fabyield import stdf
from fabyield.lake.catalog import ALL, PARAMETRIC_RESULTS

pytestmark = pytest.mark.slow


def test_real_wafer_has_the_known_yield_of_its_file(night):
    [real] = [row for row in night.rows("gold.wafer_yield") if row["lot_id"] == "GAL-LOT"]

    counts = ("tested_die", "first_pass_die", "good_die", "recovered_die", "gross_die")
    assert [real[name] for name in counts] == [1456, 1343, 1389, 46, 1456]
    assert round(real["first_pass_yield_pct"], 2) == 92.24
    assert round(real["final_yield_pct"], 2) == 95.40
    assert (real["wafer_id"], real["product_id"], real["insertion"]) == ("02", "GOLD8BAR", "CP1")


def test_simulated_wafers_have_their_true_yield(night, small_line):
    truth = pq.read_table(small_line / "truth" / "yields").to_pylist()
    names = ("lot_id", "wafer_id", "tested_die", "first_pass_die", "good_die", "recovered_die")

    found = [row for row in night.rows("gold.wafer_yield") if row["lot_id"] != "GAL-LOT"]

    expected = {tuple(row[name] for name in names) for row in truth}
    assert len(expected) == 10
    assert {tuple(row[name] for name in names) for row in found} == expected


def test_every_test_value_is_joined_to_its_lot_wafer_and_die(night):
    file = stdf.read(night.stdf / "lot2.stdf.gz")

    real = [row for row in night.rows("silver.parametric_results") if row["lot_id"] == "GAL-LOT"]

    assert len(real) == 52403
    assert {row["product_id"] for row in real} == {"GOLD8BAR"}
    # The raw file, read once more: value, die and test of each record at its place.
    columns = ("result", "x_coord", "y_coord", "test_num")
    raw = {row["record_offset"]: row for row in file.test_values.to_pylist()}
    valid = {row["record_offset"]: row for row in real if row["valid"]}
    assert {at: [row[name] for name in columns] for at, row in valid.items()} == {
        at: [raw[at][name] for name in columns] for at in valid
    }
    assert len(real) - len(valid) == sum((row["test_flg"] & 0x3F) > 0 for row in raw.values())


def test_f16_wafer_with_the_most_rows_is_handled_like_others(night):
    wafers = (
        night.store.read(ALL["silver.parametric_results"]).groupBy("wafer_key").count().collect()
    )

    rows = sorted(row["count"] for row in wafers)

    assert len(rows) > 1
    assert rows[-1] > 0.3 * sum(rows)


def test_functional_and_multi_results_have_tables_of_their_own(night):
    files = [stdf.read(path) for path in sorted(night.stdf.glob("M16G*"))]

    functional = sum(file.counts["FTR"] for file in files)
    multi = sum(file.counts["MPR"] for file in files)

    assert 0 < functional == len(night.rows("silver.functional_results"))
    assert 0 < multi == len(night.rows("silver.multi_results"))


def test_rows_in_are_rows_out_and_quarantined_and_duplicates(night):
    done = [row for row in night.rows("ops.runs") if row["state"] == "done"]
    steps = [row for row in done if row["batch"] == 1 and row["step"] != "nightly"]

    written = {table["table"]: table for row in steps for table in row["tables"]}
    lost = [
        name
        for name, rows in written.items()
        if rows["rows_in"] != rows["rows_out"] + rows["quarantined"] + rows["duplicates"]
    ]

    assert lost == []
    assert set(written) >= set(ALL) - {name for name in ALL if name.startswith("ops.")} - UNTRAINED
    content = gzip.decompress((night.stdf / "lot2.stdf.gz").read_bytes())
    assert written["bronze.test_values"]["rows_in"] == 52403 + _ptrs_of_the_line(night)
    assert len(content) == 4418001


UNTRAINED = {"gold.yield_prediction", "gold.yield_driver"}


def _ptrs_of_the_line(night):
    return sum(stdf.read(path).counts["PTR"] for path in night.stdf.glob("M16G*"))


def test_value_table_is_clustered_by_wafer_and_test(night):
    detail = DeltaTable.forPath(night.spark, night.store.path(PARAMETRIC_RESULTS)).detail().first()

    assert detail["clusteringColumns"] == ["wafer_key", "test_num"]


def test_unset_good_count_of_a_wafer_is_null(night):
    [real] = [row for row in night.rows("bronze.stdf_wafers") if row["wafer_id"] == "GAL-LOT-02"]

    assert (real["good_cnt"], real["part_cnt"]) == (None, 1569)


def test_wafers_of_all_spellings_are_joined_to_the_database(night):
    wafers = night.rows("silver.wafers")
    spelt = {row["raw_wafer_id"] for row in night.rows("silver.wafer_runs")}

    assert len({len(raw) for raw in spelt}) > 2
    assert all(row["is_known"] for row in wafers)
    assert Counter(row["lot_id"] for row in wafers)["GAL-LOT"] == 2


def test_f19_too_few_low_wafers_train_no_model_and_say_why(night):
    report = night.rows("gold.model_report")

    assert [row["trained"] for row in report] == [False] * len(report)
    assert all("low wafers" in row["reason"] for row in report)
    assert night.rows("gold.yield_prediction") == []


def test_zones_of_a_wafer_have_the_die_and_yield_of_the_wafer(night):
    zones: dict[tuple[int, str], Counter[str]] = {}
    for row in night.rows("gold.zone_yield"):
        counts = zones.setdefault((row["wafer_key"], row["insertion"]), Counter())
        counts.update(tested_die=row["tested_die"], good_die=row["good_die"])

    wafers = {(r["wafer_key"], r["insertion"]): r for r in night.rows("gold.wafer_yield")}
    assert len(zones) > 5
    for key, counts in zones.items():
        assert counts == {name: wafers[key][name] for name in counts}


def test_page_and_summary_show_the_real_wafer(night):
    page = (night.root / "report.html").read_text()
    log = night.log()

    assert "95.40" in page
    assert "GAL-LOT" in log
    assert "95.40 %" in log
