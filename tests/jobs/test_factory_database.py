"""The whole night over a factory database on a server of its own."""

from dataclasses import replace

import pytest

from fabsim.factory.rows import delivery_span
from fabsim.factory.write_database import deliver
from fabsim.line.history import LineRun
from tests.jobs.conftest import differing
from tests.plans import small_plan

pytestmark = [pytest.mark.slow, pytest.mark.soak]


def test_night_over_postgresql_fills_the_same_tables_as_one_over_sqlite(
    new_fab, undisturbed, postgresql, unaudited
):
    fab = new_fab()
    (fab.root / "fab.db").unlink()
    built = LineRun.until(small_plan(), 1)
    deliver(built, postgresql.create("whole_night"), delivery_span(built, range(1, 2)))
    server = postgresql.jdbc("whole_night")
    database = replace(fab.settings.database, partitions=2, **server)

    replace(fab, settings=replace(fab.settings, database=database)).night()

    assert len(postgresql.queries("whole_night")) > 0
    assert differing(fab.contents(), undisturbed) == {}
