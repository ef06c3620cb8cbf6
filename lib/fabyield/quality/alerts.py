"""Tell the owner of a table what is wrong with it."""

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from fabyield.errors import ConfigError, plain

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Alert:
    """Something that the owner of a table should look at."""

    owner: str
    table: str
    severity: str
    expectation: str
    observed: str
    look_at: str

    def __str__(self) -> str:
        text = f"{self.severity} {self.table} (owner {self.owner}): {self.expectation}"
        text += f"; seen: {self.observed}" if self.observed else ""
        return text + (f"; look at: {self.look_at}" if self.look_at else "")


class Channel(Protocol):
    """A way to reach people: subclass it and name it in CHANNELS."""

    def send(self, alert: Alert) -> None:
        """Deliver `alert`."""


class LogChannel:
    """The run's log: standard output and the log file."""

    def send(self, alert: Alert) -> None:
        """Log `alert` as one line, so that no name can fake another one or control a terminal."""
        log.warning("ALERT %s", plain(" ".join(str(alert).split())))


CHANNELS: dict[str, type[Channel]] = {"log": LogChannel}


def send(alerts: Iterable[Alert], channels: list[str]) -> None:
    """Send every alert through each of `channels`; log a channel that fails, and continue."""
    for alert in alerts:
        for name in channels:
            try:
                CHANNELS[name]().send(alert)
            except Exception as error:
                log.error("alert channel %s failed (%s); not sent: %s", name, error, alert)


def check(channels: list[str]) -> None:
    """Raise ConfigError for a channel that does not exist."""
    if unknown := sorted(set(channels) - set(CHANNELS)):
        raise ConfigError(f"alerts: {unknown}: no such channel; there are {sorted(CHANNELS)}")
