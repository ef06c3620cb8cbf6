import gzip
import io

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from fabyield.errors import StageError
from fabyield.lake.catalog import PARTS, STDF_FILES
from fabyield.readers.stdf.rows import FileRules
from fabyield.readers.stdf.stage import BROKEN, UNREADABLE, Stage, assign_tasks, decoder
from fabyield.stdf import Writer
from fabyield.stdf.decode import source
from fabyield.transforms.bronze.stdf_files import READABLE


def stdf(path, texts=0, stray=False):
    with io.BytesIO() as out, Writer(out) as writer:
        writer.write("MIR", lot_id="A", setup_t=1, start_t=2)
        if stray:
            writer.write("PTR", test_num=1, head_num=1, site_num=0, result=1.0)
        writer.write("PIR", head_num=1, site_num=0)
        writer.write("PRR", head_num=1, site_num=0, part_flg=0, hard_bin=1)
        for _ in range(texts):
            writer.write("DTR", text_dat="behind the part")
        writer.write("MRR", finish_t=3)
        path.write_bytes(out.getvalue())


def test_file_that_cannot_be_opened_stops_no_other(tmp_path):
    stdf(tmp_path / "good.stdf")
    (tmp_path / "folder.stdf").mkdir()
    found = {"file_key": [1, 2, 3], "path": ["gone.stdf", "folder.stdf", "good.stdf"]}

    decode = decoder(str(tmp_path), str(tmp_path / "stage"), FileRules(), {})
    rows = [row for batch in decode(pa.table(found).to_batches()) for row in batch.to_pylist()]

    assert [row["status"] for row in rows] == ["unreadable", "unreadable", "complete"]
    assert all(row["reason"].startswith("cannot be read: ") for row in rows[:2])
    parts = pq.read_table(tmp_path / "stage" / "parts")
    assert parts["file_key"].to_pylist() == [3]
    refused = pq.read_table(tmp_path / "stage" / "refused").to_pylist()
    assert [(row["file_key"], row["record_length"]) for row in refused] == [(1, 0), (2, 0)]


def test_names_that_differ_by_case_or_unicode_form_and_odd_names_are_files_of_their_own(tmp_path):
    names = ["LOT1.stdf", "lot1.stdf", "caf\u00e9", "cafe\u0301", "line\nend", "x" * 255]
    for name in names:
        stdf(tmp_path / name)
    found = {"file_key": range(len(names)), "path": names}

    decode = decoder(str(tmp_path), str(tmp_path / "stage"), FileRules(), {})
    rows = [row for batch in decode(pa.table(found).to_batches()) for row in batch.to_pylist()]

    assert [row["status"] for row in rows] == ["complete"] * len(names)
    assert pq.read_table(tmp_path / "stage" / "parts")["file_key"].to_pylist() == [*range(6)]


def test_f24_full_disk_of_the_stage_is_not_blamed_on_the_stdf_file(tmp_path):
    stdf(tmp_path / "good.stdf")
    (tmp_path / "stage" / "parts").mkdir(parents=True)
    # A device that is always full.
    (tmp_path / "stage" / "parts" / "part-00000.parquet").symlink_to("/dev/full")

    decode = decoder(str(tmp_path), str(tmp_path / "stage"), FileRules(), {})

    with pytest.raises(StageError, match=r"stage: cannot be written: .*No space left on device"):
        list(decode(pa.table({"file_key": [1], "path": ["good.stdf"]}).to_batches()))


def test_only_the_columns_of_the_table_are_kept(tmp_path):
    stdf(tmp_path / "good.stdf")
    kept = {"parts": ["file_key", "part_num", "batch"]}

    decode = decoder(str(tmp_path), str(tmp_path / "stage"), FileRules(), kept)
    list(decode(pa.table({"file_key": [1], "path": ["good.stdf"]}).to_batches()))

    assert pq.read_table(tmp_path / "stage" / "parts").column_names == ["file_key", "part_num"]
    assert "has_wrr" in pq.read_table(tmp_path / "stage" / "stdf_wafers").column_names


def test_die_without_a_wafer_are_counted_apart_from_packages(tmp_path, monkeypatch):
    monkeypatch.setattr(source, "BLOCK", 64)
    with (tmp_path / "no_wafer.stdf").open("wb") as out, Writer(out) as writer:
        writer.write("MIR", lot_id="A", setup_t=1, start_t=2)
        for place in ({"x_coord": 0, "y_coord": 3}, {}, {"x_coord": -7, "y_coord": 3}, {}, {}):
            writer.write("PIR", head_num=1, site_num=0)
            writer.write("PRR", head_num=1, site_num=0, part_flg=0, hard_bin=1, **place)
        writer.write("MRR", finish_t=3)

    decode = decoder(str(tmp_path), str(tmp_path / "stage"), FileRules(), {})
    list(decode(pa.table({"file_key": [1], "path": ["no_wafer.stdf"]}).to_batches()))

    [run] = pq.read_table(tmp_path / "stage" / "stdf_wafers").to_pylist()
    assert (run["wafer_num"], run["touchdowns"], run["placed"]) == (-1, 5, 2)


def test_tasks_get_about_the_same_number_of_bytes():
    mib = 1 << 20
    sizes = {1: 50 * mib, 2: 20 * mib, 3: 20 * mib, **dict.fromkeys(range(10, 50), 0)}

    tasks = assign_tasks(sizes, 3)

    assert sorted(set(tasks.values())) == [0, 1, 2]
    assert [file for file, task in tasks.items() if task == tasks[1]] == [1]
    assert tasks[2] != tasks[3]
    small = [task for file, task in tasks.items() if file >= 10]
    assert {small.count(tasks[2]), small.count(tasks[3])} == {20}
    assert assign_tasks({}, 3) == {}


def test_rows_of_a_file_that_is_broken_in_the_middle_are_not_read(spark, tmp_path, monkeypatch):
    monkeypatch.setattr(source, "BLOCK", 64)
    landing = tmp_path / "landing" / "stdf"
    landing.mkdir(parents=True)
    stdf(landing / "good.stdf")
    stdf(landing / "bad.stdf", texts=100, stray=True)
    damaged = bytearray(gzip.compress((landing / "bad.stdf").read_bytes()))
    damaged[-6] ^= 1
    (landing / "bad.stdf").write_bytes(damaged)
    stage = Stage(spark, str(tmp_path / "stage"))
    files = pa.table({"file_key": [1, 2], "path": ["good.stdf", "bad.stdf"]})
    decode = decoder(str(landing), stage.folder, FileRules(), {})
    decoded = pa.Table.from_batches(decode(files.to_batches()))
    pq.write_table(decoded, _made(tmp_path / "stage" / "files"))

    assert decoded["status"].to_pylist() == ["complete", "broken"]
    staged = spark.read.parquet(f"{stage.folder}/parts")
    assert {row["file_key"] for row in staged.collect()} == {1, 2}
    assert {row["file_key"] for row in stage.read("parts", PARTS).collect()} == {1}
    # Its records count as none, so that none of them can be refused.
    named = {row["record_name"] for row in stage.refused().where("file_key = 2").collect()}
    assert named == {None}
    assert "PTR" in pq.read_table(f"{stage.folder}/refused")["record_name"].to_pylist()


def test_every_status_of_a_file_may_be_published():
    [allowed] = [e.arguments["value_set"] for e in STDF_FILES.expectations if "value_set" in str(e)]

    assert set(allowed) == {*READABLE, "duplicate", "empty", BROKEN, UNREADABLE}


def _made(folder):
    folder.mkdir()
    return folder / "part-0.parquet"
