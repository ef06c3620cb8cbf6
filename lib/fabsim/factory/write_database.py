"""Writes the factory database, in SQLite or PostgreSQL: lots, wafers, process history, PCM."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

from sqlalchemy import (
    URL,
    BigInteger,
    Column,
    Connection,
    Float,
    Integer,
    MetaData,
    Table,
    Text,
    create_engine,
    func,
    inspect,
    select,
)
from sqlalchemy.dialects.postgresql import insert as insert_postgresql
from sqlalchemy.dialects.sqlite import insert as insert_sqlite
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError
from sqlalchemy.types import TypeEngine

from fabsim.calendar import Span
from fabsim.factory.rows import Row, changed_rows
from fabsim.line.history import LineRun
from fabyield.errors import ConfigError, FabYieldError

# Rows per statement.
CHUNK = 5_000
INSERTS: dict[str, Any] = {"sqlite": insert_sqlite, "postgresql": insert_postgresql}
METADATA = MetaData()
TYPES: dict[str, TypeEngine[Any]] = {
    "": Text(),
    "int": Integer(),
    "bigint": BigInteger(),
    "real": Float(53),
}


def _table(name: str, key: str, rest: str) -> Table:
    """Declare a table by its key columns and the rest; a column without a type is text."""
    columns: list[Column[Any]] = [
        Column(column, TYPES[kind], primary_key=is_key)
        for words, is_key in ((key, True), (rest, False))
        for column, _, kind in (one.partition(":") for one in words.split())
    ]
    return Table(name, METADATA, *columns)


# Times are microseconds since 1970 in UTC, because Spark misreads SQLite's date texts.
_COLUMNS = {
    "products": (
        "product_id",
        "gross_die:int die_width_mm:real die_height_mm:real wafer_diameter_mm:real variant_of",
    ),
    "lots": ("lot_id", "product_id started_at:bigint status updated_at:bigint"),
    "wafers": ("lot_id wafer_id", "slot:int started_at:bigint material_id updated_at:bigint"),
    "process_history": (
        "lot_id wafer_id step_seq:int",
        "process_step equipment_id chamber_id recipe_id started_at:bigint ended_at:bigint "
        "updated_at:bigint",
    ),
    "pcm": ("lot_id wafer_id pcm_test", "pcm_value:real unit measured_at:bigint updated_at:bigint"),
    "lot_history": ("event from_lot_id to_lot_id wafer_id", "happened_at:bigint updated_at:bigint"),
    "assembly": ("assembly_lot_id lot_id", "assembled_at:bigint updated_at:bigint"),
}
TABLES = {name: _table(name, *columns) for name, columns in _COLUMNS.items()}


def deliver(line: LineRun, url: str, span: Span) -> dict[str, int]:
    """Upsert the rows of `span` in one transaction; return the number of rows by table.

    Raises ConfigError if the URL is wrong, FabYieldError if the database refuses the rows.
    """
    advice = "it refused the rows; check that it runs, and that the user may create tables"
    with _transaction(url, advice) as connection:
        METADATA.create_all(connection)
        return {
            name: _upsert(connection, table, changed_rows(line, name, span))
            for name, table in TABLES.items()
        }


def count_lots(url: str) -> int:
    """Return the number of lots in the database; FabYieldError if it does not answer."""
    parsed = make_url(checked_url(url))
    if parsed.get_backend_name() == "sqlite" and not Path(str(parsed.database)).exists():
        return 0
    advice = "it does not answer; check that it runs, and the user, password and database name"
    with _transaction(url, advice) as connection:
        if not inspect(connection).has_table("lots"):
            return 0
        return int(connection.scalar(select(func.count()).select_from(TABLES["lots"])) or 0)


def sqlite_url(path: str) -> str:
    """Return the URL of an SQLite file; any character may be in `path`."""
    return URL.create("sqlite", database=path).render_as_string()


def redacted(url: str) -> str:
    """Return `url` without its password and its options, which may hold one too."""
    return make_url(url).set(query={}).render_as_string(hide_password=True)


def checked_url(url: str) -> str:
    """Return `url` with its driver; ConfigError if it is not a database that fabsim can write."""
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        raise ConfigError(
            "database URL: write it as sqlite:///FILE or postgresql://HOST/NAME"
        ) from None
    backend = parsed.get_backend_name()
    if backend not in INSERTS:
        raise ConfigError(f"database URL: {backend} is none of {', '.join(INSERTS)}")
    if backend == "sqlite" and parsed.database in (None, "", ":memory:"):
        raise ConfigError("database URL: sqlite:// lacks a file; write sqlite:///FILE")
    if "@" in (parsed.host or ""):
        raise ConfigError("database URL: more than one @; write one in a password as %40")
    if backend == "postgresql" and parsed.get_driver_name() != "psycopg":
        parsed = parsed.set(drivername="postgresql+psycopg")
    return parsed.render_as_string(hide_password=False)


@contextmanager
def _transaction(url: str, advice: str) -> Iterator[Connection]:
    """Open a connection that commits everything or nothing; `advice` is part of its error."""
    engine = create_engine(checked_url(url))
    try:
        with engine.begin() as connection:
            yield connection
    except SQLAlchemyError as error:
        # The driver's message may quote rows and parts of the URL: give the place only.
        place = f"factory database {redacted(url)}"
        raise FabYieldError(f"{place}: {type(error).__name__}: {advice}") from None
    finally:
        engine.dispose()


def _upsert(connection: Connection, table: Table, rows: Iterable[Row]) -> int:
    names = [column.name for column in table.columns]
    insert = INSERTS[connection.dialect.name](table)
    rest = [column.name for column in table.columns if not column.primary_key]
    statement = insert.on_conflict_do_update(
        index_elements=list(table.primary_key.columns),
        set_={name: insert.excluded[name] for name in rest},
    )
    left, count = iter(rows), 0
    while chunk := list(islice(left, CHUNK)):
        connection.execute(statement, [dict(zip(names, row, strict=True)) for row in chunk])
        count += len(chunk)
    return count
