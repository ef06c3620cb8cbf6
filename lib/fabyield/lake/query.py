"""Query the lake in SQL with an embedded DuckDB."""

import re

import duckdb
import pyarrow as pa
from deltalake import DeltaTable
from deltalake.exceptions import DeltaError
from pyarrow import fs

from fabyield.errors import ConfigError, ContractError, FabYieldError
from fabyield.lake.catalog import ALL
from fabyield.lake.layout import check_layout
from fabyield.lake.reader import open_table
from fabyield.lake.storage import exists, resolve_uri
from fabyield.lake.table import LAYERS, Table

SHOW_TABLES = re.compile(r"\s*show\s+(all\s+)?tables\s*;?\s*", re.IGNORECASE)


def known_tables(lake: str) -> pa.Table:
    """Return the tables of a lake with what a row is; raises ConfigError if there is no lake."""
    _check_lake(lake)
    columns = ("table", "exists", "about")
    rows = [(t.table, exists(f"{lake}/{t.table.replace('.', '/')}"), t.about) for t in ALL.values()]
    return pa.Table.from_pylist([dict(zip(columns, row, strict=True)) for row in rows])


def _check_lake(lake: str) -> None:
    if not check_layout(lake):
        raise ConfigError(f"{lake}: no lake there; run `fabyield nightly`, or give --lake")


def open_lake(lake: str, sql: str) -> duckdb.DuckDBPyConnection:
    """Open a DuckDB connection in which each table that `sql` names is a view <layer>.<table>.

    A declared table that the lake does not have yet is an empty view. Raises ConfigError if there
    is no lake, or one of another layout.
    """
    system, root = resolve_uri(lake)
    _check_lake(lake)
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
    for layer, name in set(re.findall(rf"\b({'|'.join(LAYERS)})\.(\w+)", sql.lower())):
        if not exists(f"{lake}/{layer}/{name}"):
            _empty_view(connection, layer, name)
    # A query may read the lake and nothing else, and write nothing.
    connection.execute("SET enable_external_access = false")
    return connection


def _empty_view(connection: duckdb.DuckDBPyConnection, layer: str, name: str) -> None:
    try:
        table = Table.load(name)
    except ContractError:
        return
    columns = (f'NULL::{_duckdb_type(c.type)} AS "{n}"' for n, c in table.columns.items())
    if table.layer == layer:
        connection.execute(f"CREATE VIEW {layer}.{name} AS SELECT {', '.join(columns)} LIMIT 0")


def _duckdb_type(spark_type: str) -> str:
    """Return a Spark type as DuckDB spells it: map<string,bigint> is MAP(VARCHAR, BIGINT)."""
    text = re.sub(r"(\w+):", r'"\1" ', spark_type)
    text = text.replace("string", "VARCHAR").replace("timestamp", "TIMESTAMPTZ")
    while "<" in text:
        text = re.sub(r"array<([^<>]*)>", r"\1[]", text)
        text = re.sub(r"(map|struct)<([^<>]*)>", r"\1(\2)", text)
    return text
