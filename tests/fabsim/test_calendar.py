from datetime import UTC, date, datetime

import pytest

from fabsim.calendar import DAY, HOUR, Calendar, utc

SEOUL = Calendar(date(2026, 3, 2), "Asia/Seoul")
BERLIN = Calendar(date(2026, 3, 28), "Europe/Berlin")


def test_a_night_begins_at_local_midnight():
    assert SEOUL.night_on(1) == date(2026, 3, 2)
    assert utc(SEOUL.begins(1)) == datetime(2026, 3, 1, 15, tzinfo=UTC)
    assert SEOUL.ends(1) == SEOUL.begins(2) == SEOUL.begins(1) + DAY


def test_the_night_in_which_clocks_change_is_an_hour_shorter():
    assert BERLIN.ends(2) - BERLIN.begins(2) == 23 * HOUR
    assert BERLIN.ends(3) - BERLIN.begins(3) == 24 * HOUR


@pytest.mark.parametrize("night", [-3, 1, 2, 3, 40])
def test_a_moment_lies_in_the_night_whose_day_it_is(night):
    assert BERLIN.night_of(BERLIN.begins(night)) == night
    assert BERLIN.night_of(BERLIN.ends(night) - 1) == night


def test_a_testers_clock_shows_local_time_with_its_changes():
    noon = int(datetime(2026, 3, 28, 12, tzinfo=UTC).timestamp())

    assert BERLIN.local(noon) - noon == 1 * HOUR
    assert BERLIN.local(noon + DAY) - (noon + DAY) == 2 * HOUR
    assert SEOUL.local(noon) - noon == 9 * HOUR
