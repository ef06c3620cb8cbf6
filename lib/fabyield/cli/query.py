"""The command `fabyield query`."""

import re
from typing import Annotated

import typer
from rich.table import Column
from rich.table import Table as Grid
from rich.text import Text

from fabyield.cli.console import console
from fabyield.errors import FabYieldError, near, plain
from fabyield.pipeline.commands import Conf, Lake
from fabyield.settings.settings import Settings


def query(
    sql: Annotated[str, typer.Argument(help="SQL in DuckDB's dialect over <layer>.<table>.")],
    conf: Conf = "dev",
    lake: Lake = None,
    limit: Annotated[int, typer.Option(min=1, help="Rows to print at most.")] = 100,
) -> None:
    """Query the lake in SQL, without Spark or a network."""
    console().print(grid(sql, Settings.load(conf, lake=lake).lake, limit))


def grid(sql: str, lake: str, limit: int) -> Grid:
    """Return at most `limit` rows of the answer to `sql` as a grid to print.

    Raises ConfigError if there is no lake, FabYieldError if DuckDB refuses the query.
    """
    import duckdb  # noqa: PLC0415

    from fabyield.lake.query import open_lake  # noqa: PLC0415

    connection = open_lake(lake, sql)
    try:
        answer = connection.sql(sql)
        rows = [] if answer is None else answer.limit(limit + 1).fetchall()
    except duckdb.Error as error:
        hint = _nearest(sql) if isinstance(error, duckdb.CatalogException) else ""
        raise FabYieldError(f"query: {str(error).splitlines()[0]}{hint}") from error
    columns = [] if answer is None else answer.columns
    # As Text, because rich would read brackets in names and values as markup.
    headings = [Column(Text(name)) for name in columns]
    caption = f"first {limit} rows; --limit shows more" if len(rows) > limit else None
    table = Grid(*headings, caption=caption)
    for row in rows[:limit]:
        table.add_row(*(Text("" if value is None else plain(str(value))) for value in row))
    return table


def _nearest(sql: str) -> str:
    """Propose a table for the first one of `sql` that is not declared."""
    from fabyield.lake.catalog import ALL  # noqa: PLC0415
    from fabyield.lake.table import LAYERS  # noqa: PLC0415

    named = re.findall(rf"\b(?:{'|'.join(LAYERS)})\.\w+", sql.lower())
    return next((near(name, ALL) for name in named if name not in ALL), "")
