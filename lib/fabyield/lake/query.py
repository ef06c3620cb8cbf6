"""Query the lake in SQL with an embedded DuckDB."""

import re

import duckdb
from deltalake import DeltaTable
from deltalake.exceptions import DeltaError
from pyarrow import fs

from fabyield.errors import ConfigError, FabYieldError
from fabyield.lake.layout import LAYERS
from fabyield.lake.reader import open_table
from fabyield.lake.storage import resolve_uri


def open_lake(lake: str, sql: str) -> duckdb.DuckDBPyConnection:
    """Open a DuckDB connection in which each table that `sql` names is a view <layer>.<table>."""
    system, root = resolve_uri(lake)
    if system.get_file_info(root).type != fs.FileType.Directory:
        raise ConfigError(f"{lake}: no lake there; run `fabyield nightly`, or give --lake")
    connection = duckdb.connect()
    connection.execute("SET autoinstall_known_extensions = false")
    connection.execute("SET TimeZone = 'UTC'")
    for layer in LAYERS:
        connection.execute(f"CREATE SCHEMA IF NOT EXISTS {layer}")
        folder = fs.FileSelector(f"{root}/{layer}", allow_not_found=True)
        for found in system.get_file_info(folder):
            name, uri = found.base_name, f"{lake}/{layer}/{found.base_name}"
            # Open only the tables that the text names: opening all of a big lake takes long.
            is_named = name.isidentifier() and re.search(rf"\b{name}\b", sql, re.IGNORECASE)
            if is_named and DeltaTable.is_deltatable(uri):
                try:
                    connection.register(f"{layer}_{name}_arrow", open_table(uri))
                except (DeltaError, OSError) as error:
                    raise FabYieldError(f"{layer}.{name}: cannot be opened: {error}") from error
                connection.execute(f'CREATE VIEW {layer}."{name}" AS FROM "{layer}_{name}_arrow"')
    # A query may read the lake and nothing else, and write nothing.
    connection.execute("SET enable_external_access = false")
    return connection
