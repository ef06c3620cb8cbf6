"""The command `fabyield query`."""

import re
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import pyarrow as pa
import typer
from rich.table import Column
from rich.table import Table as Grid

from fabyield.cli.console import console
from fabyield.cli.query_output import as_text, cells, write_rows
from fabyield.errors import ConfigError, FabYieldError, near
from fabyield.pipeline.commands import Conf, Lake
from fabyield.settings.settings import Settings

SHOWN = 100


class Format(StrEnum):
    """How an answer is written."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"
    PARQUET = "parquet"


def query(  # noqa: PLR0913, PLR0917
    sql: Annotated[
        str | None,
        typer.Argument(help="SQL in DuckDB's dialect over <layer>.<table>, or SHOW TABLES."),
    ] = None,
    view: Annotated[
        str | None, typer.Option(help="Ask a query by name; a wrong name lists them.")
    ] = None,
    file_format: Annotated[
        Format | None,
        typer.Option("--format", help="table by default; as the file's name ends with --out."),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Write to this file.")] = None,
    conf: Conf = "dev",
    lake: Lake = None,
    limit: Annotated[
        int | None, typer.Option(min=1, help=f"Rows at most; {SHOWN} in a table.")
    ] = None,
) -> None:
    """Query the lake in SQL, without Spark or a network."""
    wanted = _format(file_format, out)
    text = _sql(sql, view)
    folder = Settings.load(conf, lake=lake).lake
    if wanted is Format.TABLE:
        console().print(grid(text, folder, limit or SHOWN))
        return
    rows = answer(text, folder, limit)
    if out is not None:
        write_rows(rows, wanted, out)
    elif wanted is Format.PARQUET:
        raise ConfigError("--format parquet: name a file with --out")
    else:
        typer.echo(as_text(rows, wanted), nl=False)


def _sql(sql: str | None, view: str | None) -> str:
    from fabyield.lake.named_queries import named_query  # noqa: PLC0415

    if (sql is None) == (view is None):
        raise ConfigError("query: give either SQL or --view; `--view list` lists the views")
    return named_query(view) if view is not None else str(sql)


def _format(wanted: Format | None, out: Path | None) -> Format:
    """Return the format that is asked for, by option or by the name of the file."""
    if wanted is None and out is not None:
        ending = out.suffix.removeprefix(".")
        if ending not in set(Format) - {Format.TABLE}:
            raise ConfigError(f"--out {out}: ends neither with .csv, .json nor .parquet")
        return Format(ending)
    if wanted is Format.TABLE and out is not None:
        raise ConfigError("--out: --format is csv, json or parquet")
    return wanted or Format.TABLE


def grid(sql: str, lake: str, limit: int) -> Grid:
    """Return at most `limit` rows of the answer to `sql` as a grid to print; raises as `answer`."""
    rows = answer(sql, lake, limit + 1)
    is_cut = rows.num_rows > limit
    shown = cells(rows.slice(0, limit))
    caption = f"first {limit} rows; --limit shows more" if is_cut else None
    table = Grid(*(Column(name) for name in cells(rows.slice(0, 0)).names), caption=caption)
    for row in shown.rows:
        table.add_row(*row)
    return table


def answer(sql: str, lake: str, limit: int | None = None) -> pa.Table:
    """Return at most `limit` rows of the answer to `sql`; all with None.

    Raises ConfigError if there is no lake, FabYieldError if DuckDB refuses the query.
    """
    import duckdb  # noqa: PLC0415

    from fabyield.lake.query import SHOW_TABLES, known_tables, open_lake  # noqa: PLC0415

    if SHOW_TABLES.fullmatch(sql):
        return known_tables(lake).slice(0, limit)
    connection = open_lake(lake, sql)
    try:
        found = connection.sql(sql)
        if found is None:
            return pa.table({})
        rows: pa.Table = (found if limit is None else found.limit(limit)).to_arrow_table()
        return rows
    except duckdb.Error as error:
        hint = _nearest(sql) if isinstance(error, duckdb.CatalogException) else ""
        raise FabYieldError(f"query: {str(error).splitlines()[0]}{hint}") from error


def _nearest(sql: str) -> str:
    """Propose a table for the first one of `sql` that is not declared."""
    from fabyield.lake.catalog import ALL  # noqa: PLC0415

    bare = {name.partition(".")[2]: name for name in ALL}
    for name in re.findall(r"\b(?:from|join)\s+([\w.]+)", sql.lower()):
        if name in ALL:
            continue
        if name in bare:
            return f"; did you mean {bare[name]}?"
        if hint := near(name, ALL) or near(name.rpartition(".")[2], bare):
            return hint
    return ""
