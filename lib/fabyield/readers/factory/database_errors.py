"""What a factory database's errors mean, told without its secrets."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Self

from pyspark import SparkContext

from fabyield.errors import FabYieldError, first_line
from fabyield.settings.sections import Database

# By SQLState, or by its class, the first two characters.
MEANINGS = {
    "08": "it does not answer; see that it runs, and host and port in database.url",
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
    """A java.sql.SQLException: its SQLState, empty where the driver gives none, and its text."""

    state: str
    message: str
    is_sqlite: bool

    @classmethod
    def of(cls, java: Any) -> Self:  # noqa: ANN401
        """Take over what the JVM's object says."""
        driver = str(java.getClass().getName())
        return cls(str(java.getSQLState() or ""), str(java.getMessage()), "sqlite" in driver)


@contextmanager
def answering(database: Database, table: str = "") -> Iterator[None]:
    """Turn an error that the database gives to the work inside into a FabYieldError of one line.

    What goes wrong elsewhere goes on as it is. `table` is the one that is asked for, if it is one.
    """
    try:
        yield
    except FabYieldError:
        raise
    except Exception as error:
        reason = why(error) or (_unreached(error, database) if table else "")
        if not reason:
            raise
        place = f"factory database {shown(database.url)}{f', table {table}' if table else ''}"
        raise FabYieldError(f"{place}: {reason}") from None


def why(error: Exception) -> str:
    """What the database says is wrong, and what to do; empty where it says nothing."""
    if (told := sql_error(error)) is None:
        return ""
    meaning = MEANINGS.get(told.state, MEANINGS.get(told.state[:2]))
    if meaning is None and told.is_sqlite:
        # A file has no password.
        return first_line(Exception(told.message))
    # The driver's own message may quote the URL, and that a password.
    meaning = meaning or "it gave an error; its own log says more"
    return f"{meaning} (SQLState {told.state or 'unknown'})"


def sql_error(error: Exception) -> SqlError | None:
    """The database's own error among the causes of `error`."""
    jvm = SparkContext._jvm
    assert jvm is not None, "an error of a JVM without one"
    kind = jvm.java.lang.Class.forName("java.sql.SQLException")
    told = (java for java in _causes(error) if kind.isInstance(java))
    return next((SqlError.of(java) for java in told), None)


def is_of_a_table(error: Exception) -> bool:
    """Whether `error` is about one table, so that others may still be read."""
    told = sql_error(error)
    return told is not None and (told.state in OF_A_TABLE or "no such table" in told.message)


def shown(url: str) -> str:
    """`url` as far as it cannot hold a secret: no user, no password, no options."""
    place = re.split("[?;]", url)[0]
    safe = "@" not in url and _SHOWN.fullmatch(place)
    return place if safe or url.startswith("jdbc:sqlite:") else ":".join(url.split(":")[:2])


def _unreached(error: Exception, database: Database) -> str:
    names = [str(java.getClass().getName()) for java in _causes(error)]
    if "java.lang.ClassNotFoundException" in names:
        return (
            f"no class {database.driver} on Spark's class path; see database.driver, or add its "
            "package with --packages"
        )
    if names[:1] == ["java.lang.IllegalArgumentException"]:
        return f"database.url is none that {database.driver} takes; see both in conf"
    return ""


def _causes(error: Exception) -> Iterator[Any]:
    java = getattr(error, "java_exception", None) or getattr(error, "_origin", None)
    while java is not None:
        yield java
        java = java.getCause()
