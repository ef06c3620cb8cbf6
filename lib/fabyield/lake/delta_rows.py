"""A few rows of a Delta table, read on the driver without Spark."""

import json
from collections.abc import Sequence
from typing import Any
from urllib.parse import unquote

import pyarrow as pa
from deltalake import DeltaTable
from pyarrow import compute as pc
from pyarrow import dataset, fs
from pyarrow.compute import Expression
from pyspark.sql import types as T

from fabyield.lake.delta_log import DeltaLog
from fabyield.lake.storage import located

Row = dict[str, Any]
WITH_CHECKSUMS = dataset.ParquetFragmentScanOptions(
    pre_buffer=True, page_checksum_verification=True
)


def checked(uri: str) -> dataset.FileSystemDataset:
    """The table at `uri` as an Arrow data set that holds every page it reads against its checksum.

    As delta-rs makes one, a value that the disk has changed is read without a word.
    """
    # By Arrow's own file system: calls back into Python from its threads may end a process badly.
    system, path = located(uri)
    rows = DeltaTable(uri).to_pyarrow_dataset(filesystem=fs.SubTreeFileSystem(path, system))
    assert isinstance(rows, dataset.FileSystemDataset), type(rows)
    rows.format.default_fragment_scan_options = WITH_CHECKSUMS
    return rows


def stored_types(uri: str) -> dict[str, str]:
    """The columns of the table at `uri` with their types, as Spark spells them."""
    schema = json.loads(DeltaTable(uri).schema().to_json())
    return {field.name: field.dataType.simpleString() for field in T.StructType.fromJson(schema)}


def count_rows(uri: str, where: Expression | None = None) -> int:
    """How many rows of the table at `uri` meet `where`; of all rows its log tells, if it can."""
    if where is None:
        files = pa.table(DeltaTable(uri).get_add_actions())
        if "num_records" in files.column_names and not files["num_records"].null_count:
            return int(pc.sum(files["num_records"]).as_py() or 0)
    return int(checked(uri).count_rows(filter=where))


def first_row(uri: str, where: Expression) -> Row | None:
    """A row of the table at `uri` that meets `where`; None where there is none."""
    return next(iter(checked(uri).head(1, filter=where).to_pylist()), None)


def may_hold(uri: str, column: str, least: int, greatest: int) -> bool:
    """Whether, by the bounds of its files alone, the table at `uri` may have a row in the span.

    That of `column` from `least` to `greatest`.
    """
    files = pa.table(DeltaTable(uri).get_add_actions(flatten=True))
    names = f"min.{column}", f"max.{column}"
    if not files.num_rows or not set(names) <= set(files.column_names):
        return files.num_rows > 0
    bounds = zip(*(files[name].to_pylist() for name in names), strict=True)
    # A file without bounds may hold anything.
    return any(
        low is None or high is None or (low <= greatest and high >= least) for low, high in bounds
    )


def changed_rows(
    uri: str, version: int, schema: pa.Schema, where: Expression | None = None
) -> pa.Table:
    """The columns of `schema` of all rows that came, changed or left since `version`.

    Some that stayed may be among them. Raises DeltaLogError where the log does not reach back.
    """
    system, folder = located(uri)
    files = [f"{folder}/{unquote(path)}" for path in DeltaLog(uri).changed_files(version)]
    if not files:
        return schema.empty_table()
    form = dataset.ParquetFileFormat(default_fragment_scan_options=WITH_CHECKSUMS)
    rows = dataset.dataset(files, schema=schema, filesystem=system, format=form)
    return rows.to_table(filter=where)


def arrow_rows(
    uri: str, schema: pa.Schema, columns: Sequence[str], where: Expression | None = None
) -> pa.Table:
    """The `columns` of the table at `uri`, of the rows that meet `where`; times are in UTC.

    A column of `schema` that the stored table has not gained yet is null.
    """
    stored = checked(uri)
    there = [name for name in columns if name in stored.schema.names]
    found = stored.to_table(columns=there, filter=where)
    for name in (name for name in columns if name not in there):
        found = found.append_column(name, pa.nulls(len(found), schema.field(name).type))
    return found.select(list(columns))
