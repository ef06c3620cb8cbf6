"""The command `fabyield query`."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from fabyield.cli.console import console
from fabyield.errors import ConfigError
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
    from fabyield.cli.query_output import answer, as_text, grid, write_rows  # noqa: PLC0415

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
