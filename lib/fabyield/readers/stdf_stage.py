"""STDF files decoded on the executors, each once, into Parquet by kind of row."""

import hashlib
import hmac
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.parquet as pq
from pyspark import TaskContext
from pyspark.sql import DataFrame, SparkSession

from fabyield import stdf
from fabyield.errors import StdfError
from fabyield.files import exists, located, remove_folder
from fabyield.readers.stdf_rows import COUNTS, KINDS, TEXTS, file_row, refused_file, stage_rows
from fabyield.table import Table

FILES = "files"
UNREADABLE = "unreadable"
FOUND = "file_key bigint, path string, size_bytes bigint, modified_at timestamp, night_on date"
REFUSED = (
    "file_key bigint, record_offset bigint, record_length bigint, record_name string, reason string"
)
DECODED = ", ".join(
    [
        *(f"{name} string" for name in TEXTS),
        *(f"{name} bigint" for name in COUNTS),
        "retest_bins array<int>, wafer_ids array<string>, record_counts map<string,bigint>",
    ]
)


@dataclass(frozen=True)
class Stage:
    """One batch of files in `folder`, as Parquet; complete once its `files` are written."""

    spark: SparkSession
    folder: str

    def is_complete(self) -> bool:
        """Whether every file of the batch has been decoded."""
        return exists(f"{self.folder}/{FILES}/_SUCCESS")

    def discard(self) -> None:
        """Forget the batch."""
        remove_folder(self.folder)

    def read(self, kind: str, table: Table) -> DataFrame:
        """The staged rows of `kind`; none, with `table`'s columns, where no file has any."""
        if not exists(f"{self.folder}/{kind}"):
            return self.spark.createDataFrame([], table.ddl)
        return self.spark.read.parquet(f"{self.folder}/{kind}")

    def refused(self) -> DataFrame:
        """Records and stretches that could not be read (REFUSED), in no order."""
        folder = f"{self.folder}/refused"
        if not exists(folder):
            return self.spark.createDataFrame([], REFUSED)
        return self.spark.read.parquet(folder)

    def files(self) -> DataFrame:
        """What was found and decoded, one row per file."""
        return self.spark.read.parquet(f"{self.folder}/{FILES}")

    def decode(self, found: DataFrame, landing: str, operator_key: str) -> None:
        """Decode the files of `found` (FOUND) below `landing`/stdf.

        Every task streams its files into Parquet files of its own, named by its partition, so
        that a task that runs again replaces what it wrote.
        """
        self.discard()
        spread = self.spark.sparkContext.defaultParallelism * 4
        keys = found.select("file_key", "path").repartition(spread, "file_key")
        decode = decoder(f"{landing}/stdf", self.folder, operator_key)
        decoded = keys.mapInArrow(decode, DECODED)
        joined = found.join(decoded, "file_key", how="inner")
        joined.write.mode("overwrite").parquet(f"{self.folder}/{FILES}")


def decoder(
    root: str, folder: str, operator_key: str
) -> Callable[[Iterable[pa.RecordBatch]], Iterable[pa.RecordBatch]]:
    """The function that a task runs over its rows of file_key and path."""

    def decode(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        context = TaskContext.get()
        part = 0 if context is None else context.partitionId()
        with Sink(folder, part) as sink:
            for batch in batches:
                for found in batch.to_pylist():
                    yield _decoded(f"{root}/{found['path']}", found["file_key"], operator_key, sink)

    return decode


class Sink:
    """Parquet files of one task, one per kind of row, opened as the first rows of a kind come."""

    def __init__(self, folder: str, part: int) -> None:
        self._folder = folder
        self._part = part
        self._writers: dict[str, pq.ParquetWriter] = {}

    def __enter__(self) -> "Sink":
        return self

    def __exit__(self, *_: object) -> None:
        for writer in self._writers.values():
            writer.close()

    def add(self, kind: str, rows: pa.Table) -> None:
        """Append `rows` of `kind`; their columns are the same for every file."""
        if not rows.num_rows:
            return
        if kind not in self._writers:
            system, path = located(f"{self._folder}/{kind}")
            system.create_dir(path, recursive=True)
            where = f"{path}/part-{self._part:05d}.parquet"
            self._writers[kind] = pq.ParquetWriter(where, rows.schema, filesystem=system)
        self._writers[kind].write_table(rows)


def _decoded(uri: str, file_key: int, operator_key: str, sink: Sink) -> pa.RecordBatch:
    try:
        system, path = located(uri)
        with system.open_input_stream(path) as stream:
            raw = stream.read()
        tables = stdf.read(raw, hashed=True)
    except StdfError as error:
        return _refused(file_key, "broken" if raw else "empty", len(raw), str(error), sink)
    except OSError as error:
        # It must not stop all others, nor every night to come; each of those tries it again.
        return _refused(file_key, UNREADABLE, 0, f"cannot be read: {error}", sink)
    staged = stage_rows(tables, file_key)
    for kind in KINDS:
        sink.add(kind, staged[kind])
    return file_row(tables, file_key, _operator_hash(tables, operator_key))


def _refused(file_key: int, status: str, size: int, reason: str, sink: Sink) -> pa.RecordBatch:
    row = refused_file(file_key, status, size, reason)
    sink.add("refused", row.refused)
    return row.file


def _operator_hash(tables: stdf.StdfTables, key: str) -> str | None:
    name = tables.file["oper_nam"][0].as_py()
    # Operator names are personal data: only who has the key can tell that two files share one.
    if not key or not name:
        return None
    return hmac.new(key.encode(), name.encode(), hashlib.sha256).hexdigest()
