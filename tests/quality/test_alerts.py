import logging

import pytest

from fabyield.errors import ConfigError
from fabyield.quality import alerts

ALERT = alerts.Alert("test-engineering", "gold.wafer_yield", "warn", "yield", "12 %", "lot A1")


class Deaf:
    """A channel that is down."""

    def send(self, alert):
        raise ConnectionError("no route to pager")


def test_alert_names_owner_table_expectation_and_where_to_look(caplog):
    alerts.send([ALERT], ["log"])

    text = (
        "ALERT warn gold.wafer_yield (owner test-engineering): yield; seen: 12 %; look at: lot A1"
    )
    assert [(row.levelno, row.message) for row in caplog.records] == [(logging.WARNING, text)]


def test_f31_channel_that_is_down_stops_neither_the_job_nor_the_other_channels(caplog, monkeypatch):
    monkeypatch.setitem(alerts.CHANNELS, "pager", Deaf)

    alerts.send([ALERT, ALERT], ["pager", "log"])

    failed, sent, *_ = (row.message for row in caplog.records)
    assert failed == f"alert channel pager failed (no route to pager); not sent: {ALERT}"
    assert sent == f"ALERT {ALERT}"
    assert len(caplog.records) == 4


def test_f29_name_forges_no_alert_and_commands_no_terminal(caplog):
    name = "lot\n12:00:00 ALERT all is well\x1b[2J"

    alerts.send([alerts.Alert("owner", "table", "warn", "x", name, "")], ["log"])

    [line] = (row.message for row in caplog.records)
    assert line.endswith("seen: lot 12:00:00 ALERT all is well\ufffd[2J")


def test_unknown_channel_is_refused_with_those_that_exist():
    alerts.check(["log"])

    with pytest.raises(ConfigError, match=r"\['smoke'\]: no such channel; there are \['log'\]"):
        alerts.check(["log", "smoke"])
