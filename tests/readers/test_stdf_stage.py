import io

import pyarrow as pa
import pyarrow.parquet as pq

from fabyield.readers.stdf_stage import decoder
from fabyield.stdf import Writer


def stdf(path):
    with io.BytesIO() as out, Writer(out) as writer:
        writer.write("MIR", lot_id="A", setup_t=1, start_t=2)
        writer.write("PIR", head_num=1, site_num=0)
        writer.write("PRR", head_num=1, site_num=0, part_flg=0, hard_bin=1)
        writer.write("MRR", finish_t=3)
        path.write_bytes(out.getvalue())


def test_file_that_cannot_be_opened_stops_no_other(tmp_path):
    stdf(tmp_path / "good.stdf")
    (tmp_path / "folder.stdf").mkdir()
    found = {"file_key": [1, 2, 3], "path": ["gone.stdf", "folder.stdf", "good.stdf"]}

    decode = decoder(str(tmp_path), str(tmp_path / "stage"), "", {})
    rows = [row for batch in decode(pa.table(found).to_batches()) for row in batch.to_pylist()]

    assert [row["status"] for row in rows] == ["unreadable", "unreadable", "complete"]
    assert all(row["reason"].startswith("cannot be read: ") for row in rows[:2])
    parts = pq.read_table(tmp_path / "stage" / "parts")
    assert parts["file_key"].to_pylist() == [3]
    refused = pq.read_table(tmp_path / "stage" / "refused").to_pylist()
    assert [(row["file_key"], row["record_length"]) for row in refused] == [(1, 0), (2, 0)]


def test_only_the_columns_of_the_table_to_be_are_kept(tmp_path):
    stdf(tmp_path / "good.stdf")
    kept = {"parts": ["file_key", "part_num", "batch"]}

    decode = decoder(str(tmp_path), str(tmp_path / "stage"), "", kept)
    list(decode(pa.table({"file_key": [1], "path": ["good.stdf"]}).to_batches()))

    assert pq.read_table(tmp_path / "stage" / "parts").column_names == ["file_key", "part_num"]
    assert "has_wrr" in pq.read_table(tmp_path / "stage" / "stdf_wafers").column_names
