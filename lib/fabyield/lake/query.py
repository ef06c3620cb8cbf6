"""SQL over the lake with an embedded DuckDB."""

import re

import duckdb
from deltalake import DeltaTable
from deltalake.exceptions import DeltaError
from pyarrow import fs
from rich.table import Column
from rich.table import Table as Grid
from rich.text import Text

from fabyield.errors import ConfigError, FabYieldError
from fabyield.lake.delta_rows import checked
from fabyield.lake.storage import located

LAYERS = ("bronze", "silver", "gold", "ops")


def grid(sql: str, lake: str, limit: int) -> Grid:
    """Answer `sql` over the tables of `lake`, at most `limit` rows, as a grid to print.

    Raises ConfigError where there is no lake, FabYieldError where DuckDB refuses the query.
    """
    connection = open_lake(lake, sql)
    try:
        answer = connection.sql(sql)
        rows = [] if answer is None else answer.limit(limit + 1).fetchall()
    except duckdb.Error as error:
        raise FabYieldError(f"query: {error}") from error
    columns = [] if answer is None else answer.columns
    more = len(rows) > limit
    # As text, or rich would read names and values in brackets as its own markup.
    headings = [Column(Text(name)) for name in columns]
    table = Grid(*headings, caption=f"first {limit} rows; --limit shows more" if more else None)
    for row in rows[:limit]:
        table.add_row(*(Text("" if value is None else str(value)) for value in row))
    return table


def open_lake(lake: str, sql: str) -> duckdb.DuckDBPyConnection:
    """Open a DuckDB connection in which each table that `sql` names is a view <layer>.<table>.

    The tables are Arrow data sets of delta-rs: DuckDB's own delta extension would be fetched
    from the network.
    """
    system, root = located(lake)
    if system.get_file_info(root).type != fs.FileType.Directory:
        raise ConfigError(f"{lake}: no lake there; run `fabyield nightly`, or give --lake")
    connection = duckdb.connect()
    connection.execute("SET autoinstall_known_extensions = false")
    connection.execute("SET TimeZone = 'UTC'")
    for layer in LAYERS:
        connection.execute(f"CREATE SCHEMA IF NOT EXISTS {layer}")
        folder = fs.FileSelector(f"{root}/{layer}", allow_not_found=True)
        for found in system.get_file_info(folder):
            # Opening all tables of a big lake takes long: only those that the text names.
            if re.search(rf"\b{re.escape(found.base_name)}\b", sql, re.IGNORECASE):
                _view(connection, layer, found.base_name, f"{lake}/{layer}/{found.base_name}")
    # A query reads the lake and nothing else, and writes nowhere.
    connection.execute("SET enable_external_access = false")
    return connection


def _view(connection: duckdb.DuckDBPyConnection, layer: str, name: str, uri: str) -> None:
    if not (name.isidentifier() and DeltaTable.is_deltatable(uri)):
        return
    arrow = f"{layer}_{name}_arrow"
    try:
        connection.register(arrow, checked(uri))
    except (DeltaError, OSError) as error:
        raise FabYieldError(f"{layer}.{name}: cannot be opened: {error}") from error
    connection.execute(f'CREATE VIEW {layer}."{name}" AS FROM "{arrow}"')
