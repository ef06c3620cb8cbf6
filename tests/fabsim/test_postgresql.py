"""The factory database in a real PostgreSQL server."""

import pytest
import sqlalchemy

from fabsim.factory.rows import delivery_span
from fabsim.factory.write_database import METADATA, deliver
from fabsim.line.history import LineRun
from fabyield.errors import FabYieldError
from tests.plans import small_plan
from tests.postgresql import PASSWORD

NIGHTS = 5


@pytest.fixture(scope="module")
def built():
    return LineRun.until(small_plan("dirty_night", 2, 3), NIGHTS)


def rows(url):
    engine = sqlalchemy.create_engine(url.replace("postgresql:", "postgresql+psycopg:"))
    with engine.connect() as connection:
        return {
            name: sorted(map(str, connection.execute(sqlalchemy.select(table))))
            for name, table in METADATA.tables.items()
        }


def test_postgresql_night_by_night_holds_the_rows_of_sqlite_at_once(postgresql, built, tmp_path):
    sqlite = f"sqlite:///{tmp_path / 'fab.db'}"
    deliver(built, sqlite, delivery_span(built, range(1, NIGHTS + 1)))
    for night in range(1, NIGHTS + 1):
        then = LineRun.until(built.plan, night)
        deliver(then, postgresql.url, delivery_span(then, range(night, night + 1)))
    # A delivery that is repeated changes nothing.
    deliver(built, postgresql.url, delivery_span(built, range(NIGHTS, NIGHTS + 1)))

    found, expected = rows(postgresql.url), rows(sqlite)

    assert found == expected
    assert all(found.values())


def test_wrong_password_is_an_error_that_does_not_print_it(postgresql, built):
    wrong = postgresql.url.replace("secret", "wrong")

    with pytest.raises(FabYieldError, match=r"fab:\*\*\*@127") as told:
        deliver(built, wrong, delivery_span(built, range(1, 2)))

    assert "wrong" not in str(told.value)
    assert PASSWORD not in str(told.value)
