"""STDF files decoded on the executors, each once, into Parquet by kind of row."""

import hashlib
import hmac
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from heapq import heapreplace
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import dataset, fs
from pyspark import TaskContext
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.pandas.types import from_arrow_schema

from fabyield import stdf
from fabyield.errors import StageError, StdfError
from fabyield.lake.few_rows import few_rows
from fabyield.lake.storage import exists, remove_folder, resolve_uri
from fabyield.lake.table import Table
from fabyield.readers.stdf.rows import COUNTS, TEXTS, FileSummary, refused_file
from fabyield.readers.stdf.task_failures import stopped

FILES = "files"
UNREADABLE = "unreadable"
BROKEN = "broken"
TASKS_PER_CORE = 4
OPENING_BYTES = 1 << 20
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
        """The staged rows of `kind`; none, with `table`'s columns, where no file has any.

        Not those of files that turned out to be broken when some rows were already staged.
        """
        if not exists(f"{self.folder}/{kind}"):
            return few_rows(self.spark, [], table.ddl)
        rows = self._parquet(kind)
        return rows.where(~F.col("file_key").isin(self._broken)) if self._broken else rows

    @cached_property
    def _broken(self) -> list[int]:
        rows = self.manifest("file_key", "status")
        return [row["file_key"] for row in rows if row["status"] in (BROKEN, UNREADABLE)]

    def refused(self) -> DataFrame:
        """Records and stretches that could not be read (REFUSED), in no order.

        Of a file that turned out to be broken only the stretch that it is: its records count as
        none.
        """
        if not self.has_refused():
            return few_rows(self.spark, [], REFUSED)
        rows = self._parquet("refused")
        is_record = F.col("record_name").isNotNull()
        return rows.where(~(is_record & F.col("file_key").isin(self._broken)))

    def files(self) -> DataFrame:
        """What was found and decoded, one row per file."""
        return self._parquet(FILES)

    def manifest(self, *columns: str) -> list[dict[str, Any]]:
        """The `columns` of `files`, read on the driver without Spark."""
        rows = self._dataset(FILES).to_table(list(columns))
        return list(rows.to_pylist(maps_as_pydicts="strict"))

    def has_refused(self) -> bool:
        """Whether there is any record that could not be read."""
        return exists(f"{self.folder}/refused")

    def _parquet(self, kind: str) -> DataFrame:
        # Spark would start a job to look up the columns.
        schema = from_arrow_schema(self._dataset(kind).schema)
        return self.spark.read.schema(schema).parquet(f"{self.folder}/{kind}")

    def _dataset(self, kind: str) -> dataset.Dataset:
        system, path = resolve_uri(f"{self.folder}/{kind}")
        return dataset.dataset(path, filesystem=system, format="parquet")

    def decode(
        self, found: DataFrame, landing: str, operator_key: str, tables: Mapping[str, Table]
    ) -> None:
        """Decode the files of `found` (FOUND) below `landing`/stdf.

        Of the kinds of rows that become `tables` only the columns of those are kept. Every task
        streams its files into Parquet files of its own, named by its partition, so that a task
        that runs again replaces what it wrote. Raises StageError, which names partition and files,
        where one fails for good.
        """
        self.discard()
        files = found.select("file_key", "path", "size_bytes").collect()
        tasks = packed(
            {row["file_key"]: row["size_bytes"] for row in files},
            self.spark.sparkContext.defaultParallelism * TASKS_PER_CORE,
        )
        rows = [
            {"task": tasks[row["file_key"]], "file_key": row["file_key"], "path": row["path"]}
            for row in files
        ]
        keys = few_rows(self.spark, rows, "task int, file_key bigint, path string")
        keys = keys.repartitionById(max(tasks.values(), default=0) + 1, "task").drop("task")
        kept = {kind: list(table.columns) for kind, table in tables.items()}
        decode = decoder(f"{landing}/stdf", self.folder, operator_key, kept)
        decoded = keys.mapInArrow(decode, DECODED)
        joined = found.join(decoded, "file_key", how="inner")
        try:
            joined.write.mode("overwrite").parquet(f"{self.folder}/{FILES}")
        except Exception as error:
            paths: dict[int, list[str]] = {}
            for row in rows:
                paths.setdefault(row["task"], []).append(row["path"])
            if (reason := stopped(error, paths)) is None:
                raise
            raise StageError(reason) from error


def decoder(
    root: str, folder: str, operator_key: str, kept: Mapping[str, Collection[str]]
) -> Callable[[Iterable[pa.RecordBatch]], Iterable[pa.RecordBatch]]:
    """The function that a task runs over its rows of file_key and path; see `Sink` for `kept`."""

    def decode(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        context = TaskContext.get()
        part = 0 if context is None else context.partitionId()
        # Once: what stands in a file's name is no part of a URI.
        system, base = resolve_uri(root)
        with Sink(folder, part, kept) as sink:
            for batch in batches:
                for found in batch.to_pylist():
                    path = f"{base}/{found['path']}"
                    yield _decoded(system, path, found["file_key"], operator_key, sink)

    return decode


class Sink:
    """Parquet files of one task, one per kind of row, opened as the first rows of a kind come.

    `kept` names the columns that some of the kinds are to have; others have all.
    """

    def __init__(self, folder: str, part: int, kept: Mapping[str, Collection[str]]) -> None:
        self._folder = folder
        self._part = part
        self._kept = kept
        self._writers: dict[str, pq.ParquetWriter] = {}

    def __enter__(self) -> "Sink":
        return self

    def __exit__(self, *_: object) -> None:
        for writer in self._writers.values():
            with self._writing():
                writer.close()

    def add(self, kind: str, rows: pa.Table) -> None:
        """Append `rows` of `kind`; their columns are the same for every file."""
        if not rows.num_rows:
            return
        kept = self._kept.get(kind, rows.column_names)
        rows = rows.select([name for name in rows.column_names if name in kept])
        with self._writing():
            if kind not in self._writers:
                self._writers[kind] = self._opened(kind, rows.schema)
            self._writers[kind].write_table(rows)

    def _opened(self, kind: str, schema: pa.Schema) -> pq.ParquetWriter:
        system, path = resolve_uri(f"{self._folder}/{kind}")
        system.create_dir(path, recursive=True)
        where = f"{path}/part-{self._part:05d}.parquet"
        # A dictionary of numbers costs more than it saves, in files that live one night.
        texts: Any = [field.name for field in schema if not _is_number(field.type)]
        return pq.ParquetWriter(
            where, schema, filesystem=system, use_dictionary=texts, write_statistics=False
        )

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            # Not the file that is read is to blame: it would be passed over as unreadable.
            raise StageError(f"{self._folder}: cannot be written: {error}") from error


def _is_number(kind: pa.DataType) -> bool:
    return pa.types.is_integer(kind) or pa.types.is_floating(kind)


def packed(sizes: Mapping[int, int], most: int) -> dict[int, int]:
    """Give each file its task, at most `most` of them, so that all have about as much to read."""
    tasks = [(0, task) for task in range(min(most, len(sizes)))]
    found = {}
    for file_key, size in sorted(sizes.items(), key=lambda file: (-file[1], file[0])):
        load, task = tasks[0]
        found[file_key] = task
        # A file also costs what it costs to open it.
        heapreplace(tasks, (load + size + OPENING_BYTES, task))
    return found


def _decoded(
    system: fs.FileSystem, path: str, file_key: int, operator_key: str, sink: Sink
) -> pa.RecordBatch:
    size = 0
    try:
        size = system.get_file_info(path).size or 0
        # Not by the name of the file, which may lie about its compression.
        with system.open_input_stream(path, compression=None) as stream:
            return _streamed(stream, file_key, operator_key, sink)
    except StdfError as error:
        return _refused(file_key, BROKEN if size else "empty", size, str(error), sink)
    except OSError as error:
        # It must not stop all others, nor every night to come; each of those tries it again.
        return _refused(file_key, UNREADABLE, 0, f"cannot be read: {error}", sink)


def _streamed(
    stream: pa.NativeFile, file_key: int, operator_key: str, sink: Sink
) -> pa.RecordBatch:
    seen = FileSummary(file_key)
    for batch in stdf.batches(stream, hashed=True):
        for kind, rows in seen.rows(batch).items():
            sink.add(kind, rows)
    for kind, rows in seen.rows_at_end().items():
        sink.add(kind, rows)
    return seen.row(_operator_hash(seen.file, operator_key))


def _refused(file_key: int, status: str, size: int, reason: str, sink: Sink) -> pa.RecordBatch:
    row = refused_file(file_key, status, size, reason)
    sink.add("refused", row.refused)
    return row.file


def _operator_hash(file: dict[str, Any], key: str) -> str | None:
    name = file["oper_nam"]
    # Operator names are personal data: only who has the key can tell that two files share one.
    if not key or not name:
        return None
    return hmac.new(key.encode(), name.encode(), hashlib.sha256).hexdigest()
