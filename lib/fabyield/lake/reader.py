"""Read the tables of a lake on the driver, without Spark."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from urllib.parse import unquote

import pyarrow as pa
from deltalake import DeltaTable
from deltalake.exceptions import DeltaError
from pyarrow import compute as pc
from pyarrow import dataset, fs
from pyarrow.compute import Expression
from pyspark.sql import types as T

from fabyield.errors import FabYieldError
from fabyield.lake.delta_log import DeltaLog, DeltaLogError
from fabyield.lake.storage import resolve_uri
from fabyield.lake.table import Table

Row = dict[str, Any]
WITH_CHECKSUMS = dataset.ParquetFragmentScanOptions(
    pre_buffer=True, page_checksum_verification=True
)


class LakeReader:
    """Reads a few rows of the tables under `root`; raises FabYieldError if a table is damaged."""

    root: str

    def path(self, table: Table) -> str:
        """Return where `table` is stored."""
        return f"{self.root}/{table.folder}"

    def exists(self, table: Table) -> bool:
        """Return whether `table` has been created."""
        return self.version(table) >= 0

    def version(self, table: Table) -> int:
        """Return the newest Delta version of `table`; -1 if it was never created."""
        # Delta's own answer runs a Spark job; by its protocol the newest commit is the last file.
        return DeltaLog(self.path(table)).version

    def changed_since(self, table: Table, version: int) -> bool:
        """Return whether a commit after `version` changed rows; OPTIMIZE alone changes none."""
        return DeltaLog(self.path(table)).changed_since(version)

    def arrow(
        self, table: Table, columns: Sequence[str] = (), where: Expression | None = None
    ) -> pa.Table:
        """Return the `columns`, by default all, of the rows that meet `where`; times in UTC."""
        names = list(columns or table.columns)
        if not self.exists(table):
            return table.arrow.empty_table().select(names)
        with _naming_damage(table):
            stored = open_table(self.path(table))
            lacking = [name for name in names if name not in stored.schema.names]
            rows = stored.to_table([n for n in names if n not in lacking], filter=where)
        for name in lacking:
            rows = rows.append_column(name, pa.nulls(len(rows), table.arrow.field(name).type))
        return rows.select(names)

    def rows(
        self, table: Table, columns: Sequence[str] = (), where: Expression | None = None
    ) -> list[Row]:
        """Return the rows of `arrow` as dictionaries."""
        return self.arrow(table, columns, where).to_pylist()

    def count(self, table: Table, where: Expression | None = None) -> int:
        """Count the rows of `table` that meet `where`; all of them by the log, if it can tell."""
        with _naming_damage(table):
            if not self.exists(table):
                return 0
            if where is None:
                files = pa.table(DeltaTable(self.path(table)).get_add_actions())
                if "num_records" in files.column_names and not files["num_records"].null_count:
                    return int(pc.sum(files["num_records"]).as_py() or 0)
            return int(open_table(self.path(table)).count_rows(filter=where))

    def has_rows(self, table: Table, where: Expression) -> bool:
        """Return whether a row of `table` meets `where`; bounds of its columns make this fast."""
        with _naming_damage(table):
            return self.exists(table) and bool(
                len(open_table(self.path(table)).head(1, filter=where))
            )

    def changed_rows(
        self, table: Table, version: int, columns: Sequence[str], where: Expression | None = None
    ) -> pa.Table:
        """Return `columns` of all rows in files written since `version`, changed or not."""
        schema = pa.schema([table.arrow.field(name) for name in columns])
        try:
            system, folder = resolve_uri(self.path(table))
            paths = DeltaLog(self.path(table)).changed_files(version)
            if not paths:
                return schema.empty_table()
            form = dataset.ParquetFileFormat(default_fragment_scan_options=WITH_CHECKSUMS)
            files = [f"{folder}/{unquote(path)}" for path in paths]
            rows = dataset.dataset(files, schema=schema, filesystem=system, format=form)
            return rows.to_table(filter=where)
        except (DeltaLogError, OSError, pa.ArrowException) as error:
            raise FabYieldError(
                f"{table.table}: cannot read what changed since version {version}: {error}; "
                "`fabyield rebuild` the step that reads it, which then takes all rows"
            ) from error

    def _may_have(self, table: Table, column: str, least: int, greatest: int) -> bool:
        """Return whether the bounds of the files allow a row with `column` in that range."""
        with _naming_damage(table):
            files = pa.table(DeltaTable(self.path(table)).get_add_actions(flatten=True))
        names = f"min.{column}", f"max.{column}"
        if not files.num_rows or not set(names) <= set(files.column_names):
            return files.num_rows > 0
        bounds = zip(*(files[name].to_pylist() for name in names), strict=True)
        # A file without bounds may contain anything.
        return any(
            None in (low, high) or (low <= greatest and high >= least) for low, high in bounds
        )

    def _stored_types(self, table: Table) -> dict[str, str]:
        with _naming_damage(table):
            schema = json.loads(DeltaTable(self.path(table)).schema().to_json())
        fields = T.StructType.fromJson(schema)
        return {field.name: field.dataType.simpleString() for field in fields}


def open_table(uri: str) -> dataset.FileSystemDataset:
    """Open the table at `uri` as an Arrow data set that verifies the checksum of every page."""
    # By Arrow's own file system: calls back into Python from its threads may end a process badly.
    system, path = resolve_uri(uri)
    rows = DeltaTable(uri).to_pyarrow_dataset(filesystem=fs.SubTreeFileSystem(path, system))
    assert isinstance(rows, dataset.FileSystemDataset), type(rows)
    rows.format.default_fragment_scan_options = WITH_CHECKSUMS
    return rows


@contextmanager
def _naming_damage(table: Table) -> Iterator[None]:
    try:
        yield
    except (DeltaError, OSError, pa.ArrowException) as error:
        raise FabYieldError(
            f"{table.table}: cannot be read: {error}; run fabyield fsck {table.table} --deep to "
            "find the damaged file"
        ) from error
