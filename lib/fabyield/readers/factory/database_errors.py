"""What the errors of a factory database mean, without its secrets."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from pyspark import SparkContext

from fabyield.errors import FabYieldError, first_line
from fabyield.settings.sections import Database

# By SQLState, or by the first two characters of it.
MEANINGS = {
    "08": "it does not answer; check that it runs, and host and port in database.url",
    "28": "it refuses the user or the password; see database.user and database.password",
    "3D": "it has no database of that name; see the end of database.url",
    "53": "it has no room for more connections; wait, or lower database.partitions",
    "57014": "it cancelled the query; see its statement_timeout",
    "57": "it was stopped, or is not ready yet; start again when it is back",
    "42501": "its user may not read this; GRANT SELECT on it, see database.user",
    "42P01": "no such table; see database.tables, which may name a schema: fab.lots",
    "42S02": "no such table; see database.tables, which may name a schema: fab.lots",
}
OF_A_TABLE = ("42501", "42P01", "42S02")
_SHOWN = re.compile(r"jdbc:\w+://[\w.-]+(:\d+)?(/[\w.-]*)?")


@dataclass(frozen=True)
class SqlError:
    """A java.sql.SQLException: its text, and its SQLState if the driver gives one."""

    state: str
    message: str
    is_sqlite: bool


@contextmanager
def answering(database: Database, table: str = "") -> Iterator[None]:
    """Raise a FabYieldError of one line for an error of the database; let other errors pass.

    `table` is the table that the work inside reads, if it is one.
    """
    try:
        yield
    except FabYieldError:
        raise
    except Exception as error:
        reason = why(error) or (_why_not_reached(error, database) if table else "")
        if not reason:
            raise
        place = f"factory database {shown(database.url)}{f', table {table}' if table else ''}"
        raise FabYieldError(f"{place}: {reason}") from None


def why(error: Exception) -> str:
    """Return what the database reports and what to do; empty if it reports nothing."""
    if (found := sql_error(error)) is None:
        return ""
    meaning = MEANINGS.get(found.state, MEANINGS.get(found.state[:2]))
    if meaning is None and found.is_sqlite:
        # A file has no password that the message could show.
        return first_line(Exception(found.message))
    # Any other driver's message may quote the URL with a password in it.
    meaning = meaning or "it gave an error; its own log says more"
    return f"{meaning} (SQLState {found.state or 'unknown'})"


def sql_error(error: Exception) -> SqlError | None:
    """Find the database's own error among the causes of `error`."""
    jvm = SparkContext._jvm
    assert jvm is not None, "an error of a JVM without one"
    kind = jvm.java.lang.Class.forName("java.sql.SQLException")
    for java in _causes(error):
        if kind.isInstance(java):
            is_sqlite = "sqlite" in str(java.getClass().getName())
            return SqlError(str(java.getSQLState() or ""), str(java.getMessage()), is_sqlite)
    return None


def is_of_a_table(error: Exception) -> bool:
    """Whether `error` is about one table, so that others can still be read."""
    found = sql_error(error)
    return found is not None and (found.state in OF_A_TABLE or "no such table" in found.message)


def shown(url: str) -> str:
    """Return the part of `url` that cannot hold a secret: no user, password or options."""
    place = re.split("[?;]", url)[0]
    safe = "@" not in url and _SHOWN.fullmatch(place)
    return place if safe or url.startswith("jdbc:sqlite:") else ":".join(url.split(":")[:2])


def _why_not_reached(error: Exception, database: Database) -> str:
    names = [str(java.getClass().getName()) for java in _causes(error)]
    if "java.lang.ClassNotFoundException" in names:
        return (
            f"no class {database.driver} on Spark's class path; see database.driver, or add its "
            "package with --packages"
        )
    if names[:1] == ["java.lang.IllegalArgumentException"]:
        return f"{database.driver} does not accept database.url; see both in conf"
    return ""


def _causes(error: Exception) -> Iterator[Any]:
    java = getattr(error, "java_exception", None) or getattr(error, "_origin", None)
    while java is not None:
        yield java
        java = java.getCause()
