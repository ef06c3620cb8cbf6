"""The factory database in SQLite or PostgreSQL: lots, wafers, process history, PCM."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
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

from fabsim.factory.rows import Row, Span, rows_of
from fabsim.line.history import Built
from fabyield.errors import ConfigError, FabYieldError

# Rows that are sent together.
CHUNK = 5_000
INSERTS: dict[str, Any] = {"sqlite": insert_sqlite, "postgresql": insert_postgresql}
METADATA = MetaData()
TYPES: dict[str, TypeEngine[Any]] = {
    "text": Text(),
    "int": Integer(),
    "bigint": BigInteger(),
    "real": Float(53),
}


def _table(name: str, key: str, rest: str) -> Table:
    """Declare a table by the names and types of its key columns and of the rest."""
    columns: list[Column[Any]] = [
        Column(column, TYPES[kind], primary_key=is_key)
        for listed, is_key in ((key, True), (rest, False))
        for column, kind in (one.split(":") for one in listed.split())
    ]
    return Table(name, METADATA, *columns)


# Times are epoch microseconds in UTC: Spark reads SQLite's own date texts wrongly.
TABLES = {
    "products": _table(
        "products",
        "product_id:text",
        "gross_die:int die_width_mm:real die_height_mm:real wafer_diameter_mm:real variant_of:text",
    ),
    "lots": _table(
        "lots", "lot_id:text", "product_id:text started_at:bigint status:text updated_at:bigint"
    ),
    "wafers": _table(
        "wafers",
        "lot_id:text wafer_id:text",
        "slot:int started_at:bigint material_id:text updated_at:bigint",
    ),
    "process_history": _table(
        "process_history",
        "lot_id:text wafer_id:text step_seq:int",
        "process_step:text equipment_id:text chamber_id:text recipe_id:text "
        "started_at:bigint ended_at:bigint updated_at:bigint",
    ),
    "pcm": _table(
        "pcm",
        "lot_id:text wafer_id:text pcm_test:text",
        "pcm_value:real unit:text measured_at:bigint updated_at:bigint",
    ),
    "lot_history": _table(
        "lot_history",
        "event:text from_lot_id:text to_lot_id:text wafer_id:text",
        "happened_at:bigint updated_at:bigint",
    ),
    "assembly": _table(
        "assembly",
        "assembly_lot_id:text lot_id:text",
        "assembled_at:bigint updated_at:bigint",
    ),
}


def deliver(built: Built, url: str, span: Span) -> dict[str, int]:
    """Bring the database at `url` from the end of one night to that of another; rows by table.

    All of it or nothing. Rows that are there already stay, or are brought up to date. Raises
    ConfigError where the URL is wrong, FabYieldError where the database does not take the rows.
    """
    wrong = "it does not take the rows; see that it runs, and that the user may create tables"
    with _transaction(url, wrong) as connection:
        METADATA.create_all(connection)
        return {
            name: _upsert(connection, table, rows_of(built, name, span))
            for name, table in TABLES.items()
        }


def lots_in(url: str) -> int:
    """Count the lots that the database at `url` knows.

    Raises FabYieldError where it does not answer.
    """
    parsed = make_url(checked(url))
    if parsed.get_backend_name() == "sqlite" and not Path(str(parsed.database)).exists():
        return 0
    wrong = "it does not answer; see that it runs, and that user, password and name are right"
    with _transaction(url, wrong) as connection:
        if not inspect(connection).has_table("lots"):
            return 0
        return int(connection.scalar(select(func.count()).select_from(TABLES["lots"])) or 0)


def of_file(path: str) -> str:
    """The URL of an SQLite file, whatever its folders are called."""
    return URL.create("sqlite", database=path).render_as_string()


def shown(url: str) -> str:
    """`url` without its password, and without its options, which may name one too."""
    return make_url(url).set(query={}).render_as_string(hide_password=True)


def checked(url: str) -> str:
    """`url` with the driver that is used; ConfigError where it is no URL of ours."""
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        raise ConfigError(
            "database URL: not like sqlite:///FILE or postgresql://HOST/NAME"
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
def _transaction(url: str, wrong: str) -> Iterator[Connection]:
    """Give a connection whose work is done whole or not at all; `wrong` tells of a failure."""
    engine = create_engine(checked(url))
    try:
        with engine.begin() as connection:
            yield connection
    except SQLAlchemyError as error:
        # The driver's message may quote rows and, with them, half of the URL: name the place only.
        raise FabYieldError(
            f"factory database {shown(url)}: {type(error).__name__}: {wrong}"
        ) from None
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
    count = 0
    for chunk in _chunks(rows):
        connection.execute(statement, [dict(zip(names, row, strict=True)) for row in chunk])
        count += len(chunk)
    return count


def _chunks(rows: Iterable[Row]) -> Iterator[list[Row]]:
    chunk: list[Row] = []
    for row in rows:
        chunk.append(row)
        if len(chunk) == CHUNK:
            yield chunk
            chunk = []
    if chunk:
        yield chunk
