"""STDF files decoded on the executors, each once, into Parquet by kind of row."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
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
from fabyield.readers.stdf.rows import FILE, REFUSED, FileRules, FileSummary, refused_file
from fabyield.readers.stdf.task_failures import task_failure

FILES, UNREADABLE, BROKEN = "files", "unreadable", "broken"
TASKS_PER_CORE = 4
OPENING_BYTES = 1 << 20
FOUND = "file_key bigint, path string, size_bytes bigint, modified_at timestamp, night_on date"


@dataclass(frozen=True)
class Stage:
    """One batch of decoded files in `folder`, as Parquet; complete once `files` is written."""

    spark: SparkSession
    folder: str

    def is_complete(self) -> bool:
        """Whether every file of the batch has been decoded."""
        return exists(f"{self.folder}/{FILES}/_SUCCESS")

    def discard(self) -> None:
        """Delete the batch."""
        remove_folder(self.folder)

    def read(self, kind: str, table: Table) -> DataFrame:
        """Read the rows of `kind` of readable files; an empty frame of `table` without any."""
        if not exists(f"{self.folder}/{kind}"):
            return few_rows(self.spark, [], table.ddl)
        rows = self._parquet(kind)
        return rows.where(~F.col("file_key").isin(self._broken)) if self._broken else rows

    @cached_property
    def _broken(self) -> list[int]:
        rows = self.manifest("file_key", "status")
        return [row["file_key"] for row in rows if row["status"] in (BROKEN, UNREADABLE)]

    def refused(self) -> DataFrame:
        """Read the records and stretches that could not be decoded (REFUSED), in no order.

        Of a file that broke after some records only the stretch is left: its records count as none.
        """
        if not self.has_refused():
            return self.spark.createDataFrame(REFUSED.empty_table())
        rows = self._parquet("refused")
        is_record = F.col("record_name").isNotNull()
        return rows.where(~(is_record & F.col("file_key").isin(self._broken)))

    def files(self) -> DataFrame:
        """Read what was found and decoded, one row per file."""
        return self._parquet(FILES)

    def manifest(self, *columns: str) -> list[dict[str, Any]]:
        """Read the `columns` of `files` on the driver, without Spark."""
        rows = self._dataset(FILES).to_table(list(columns))
        return list(rows.to_pylist(maps_as_pydicts="strict"))

    def has_refused(self) -> bool:
        """Whether any record could not be decoded."""
        return exists(f"{self.folder}/refused")

    def _parquet(self, kind: str) -> DataFrame:
        # Without a schema Spark starts a job to look up the columns.
        schema = from_arrow_schema(self._dataset(kind).schema)
        return self.spark.read.schema(schema).parquet(f"{self.folder}/{kind}")

    def _dataset(self, kind: str) -> dataset.Dataset:
        system, path = resolve_uri(f"{self.folder}/{kind}")
        return dataset.dataset(path, filesystem=system, format="parquet")

    def decode(
        self, found: DataFrame, landing: str, rules: FileRules, tables: Mapping[str, Table]
    ) -> None:
        """Decode the files of `found` (FOUND) below `landing`/stdf.

        `tables` limits the columns of these kinds of rows. Every task writes Parquet files named by
        its partition, so that a repeated task replaces its files. Raises StageError, which names
        partition and files, if a task fails for good.
        """
        self.discard()
        files = found.select("file_key", "path", "size_bytes").collect()
        tasks = assign_tasks(
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
        decode = decoder(f"{landing}/stdf", self.folder, rules, kept)
        decoded = keys.mapInArrow(decode, from_arrow_schema(FILE))
        joined = found.join(decoded, "file_key", how="inner")
        try:
            joined.write.mode("overwrite").parquet(f"{self.folder}/{FILES}")
        except Exception as error:
            paths = [(row["task"], row["path"]) for row in rows]
            if (reason := task_failure(error, paths)) is None:
                raise
            raise StageError(reason) from error


def decoder(
    root: str, folder: str, rules: FileRules, kept: Mapping[str, Collection[str]]
) -> Callable[[Iterable[pa.RecordBatch]], Iterable[pa.RecordBatch]]:
    """Return the function that a task runs over its rows of file_key and path."""

    def decode(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        context = TaskContext.get()
        part = 0 if context is None else context.partitionId()
        # Only `root` is a URI: a file name may have any characters.
        system, base = resolve_uri(root)
        with closing(Sink(folder, part, kept)) as sink:
            for batch in batches:
                for found in batch.to_pylist():
                    path = f"{base}/{found['path']}"
                    yield _decode(system, path, found["file_key"], rules, sink)

    return decode


class Sink:
    """Parquet files of one task, one per kind of row, opened with the first rows of a kind.

    `kept` limits the columns of some kinds.
    """

    def __init__(self, folder: str, part: int, kept: Mapping[str, Collection[str]]) -> None:
        self._folder = folder
        self._part = part
        self._kept = kept
        self._writers: dict[str, pq.ParquetWriter] = {}

    def close(self) -> None:
        """Finish all files."""
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
                self._writers[kind] = self._open(kind, rows.schema)
            self._writers[kind].write_table(rows)

    def _open(self, kind: str, schema: pa.Schema) -> pq.ParquetWriter:
        system, path = resolve_uri(f"{self._folder}/{kind}")
        system.create_dir(path, recursive=True)
        file = f"{path}/part-{self._part:05d}.parquet"
        # A dictionary of numbers costs more than it saves in files that live for one night.
        is_number = (pa.types.is_integer, pa.types.is_floating)
        texts: Any = [f.name for f in schema if not any(check(f.type) for check in is_number)]
        return pq.ParquetWriter(
            file, schema, filesystem=system, use_dictionary=texts, write_statistics=False
        )

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            # An OSError would blame the STDF file, which would be skipped as unreadable.
            raise StageError(f"{self._folder}: cannot be written: {error}") from error


def assign_tasks(sizes: Mapping[int, int], most: int) -> dict[int, int]:
    """Return the task of each file key, at most `most` tasks of about equal size."""
    tasks = [(0, task) for task in range(min(most, len(sizes)))]
    found = {}
    for file_key, size in sorted(sizes.items(), key=lambda file: (-file[1], file[0])):
        load, task = tasks[0]
        found[file_key] = task
        # Opening a file costs time too.
        heapreplace(tasks, (load + size + OPENING_BYTES, task))
    return found


def _decode(
    system: fs.FileSystem, path: str, file_key: int, rules: FileRules, sink: Sink
) -> pa.RecordBatch:
    size, summary = 0, FileSummary(file_key)
    try:
        size = system.get_file_info(path).size or 0
        # The file name may lie about the compression, so do not detect it from there.
        with system.open_input_stream(path, compression=None) as stream:
            for batch in stdf.batches(stream, hashed=True):
                for kind, rows in summary.add(batch).items():
                    sink.add(kind, rows)
        sink.add("stdf_wafers", summary.wafers())
        return summary.manifest_row(rules)
    except StdfError as error:
        status, reason = BROKEN if size else "empty", str(error)
    except OSError as error:
        # One bad file must not stop the others; every night tries it again.
        status, size, reason = UNREADABLE, 0, f"cannot be read: {error}"
    row, refused = refused_file(file_key, status, size, reason)
    sink.add("refused", refused)
    return row
