"""Who writes a lake, as the others see it, and how they wait for it."""

import json
import logging
import os
import socket
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime

from fabyield.errors import BusyError

log = logging.getLogger(__name__)
POLL_SECONDS = 1.0


@dataclass(frozen=True)
class LockOwner:
    """A run that writes a lake; `since` is UTC."""

    what: str
    host: str
    pid: int
    since: str

    @classmethod
    def here(cls, what: str) -> "LockOwner":
        """The process itself, which does `what`."""
        since = datetime.now(UTC).isoformat(sep=" ", timespec="seconds")
        return cls(what, socket.gethostname(), os.getpid(), since)

    def __str__(self) -> str:
        return f"{self.what} (process {self.pid} on {self.host} since {self.since})"

    def told(self) -> str:
        """As it is written beside the lake's tables."""
        return json.dumps(asdict(self))


def read_holder(told: str) -> str:
    """Who is meant by what `LockOwner.told` wrote; somebody, where that cannot be read."""
    try:
        return str(LockOwner(**json.loads(told)))
    except (TypeError, ValueError):
        return "another run"


def wait_for(
    lake: str, take: Callable[[], str | None], seconds: float, lives: Callable[[], bool]
) -> None:
    """Call `take` until it has the lake, where it no longer returns who else has.

    Raises BusyError after `seconds`, once it is known that the other one `lives`.
    """
    until, seen = time.monotonic() + seconds, None
    while (holder := take()) is not None:
        if time.monotonic() >= until and lives():
            raise BusyError(
                f"{lake}: still written by {holder} after {seconds:g} s; run again when that ends, "
                "or let a run wait longer: lease.wait_seconds"
            )
        if holder != seen:
            log.info("%s is written by %s: waiting", lake, holder)
            seen = holder
        time.sleep(POLL_SECONDS)
