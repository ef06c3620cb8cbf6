"""Name the run that writes a lake, and wait for it to end."""

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
        """Return this process, which runs `what`."""
        since = datetime.now(UTC).isoformat(sep=" ", timespec="seconds")
        return cls(what, socket.gethostname(), os.getpid(), since)

    def __str__(self) -> str:
        return f"{self.what} (process {self.pid} on {self.host} since {self.since})"

    def to_json(self) -> str:
        """Return the text that a lock file and a lease contain."""
        return json.dumps(asdict(self))


def owner_name(text: str) -> str:
    """Return whom the JSON `text` names; "another run" if it cannot be read."""
    try:
        return str(LockOwner(**json.loads(text)))
    except (TypeError, ValueError):
        return "another run"


def wait_for(
    lake: str, take: Callable[[], str | None], seconds: float, is_alive: Callable[[], bool]
) -> None:
    """Call `take` until it returns no other owner; raise BusyError if one outlasts `seconds`."""
    until, seen = time.monotonic() + seconds, None
    while (owner := take()) is not None:
        if time.monotonic() >= until and is_alive():
            raise BusyError(
                f"{lake}: still written by {owner} after {seconds:g} s; run again when that ends, "
                "or let a run wait longer: lease.wait_seconds"
            )
        if owner != seen:
            log.info("%s is written by %s: waiting", lake, owner)
            seen = owner
        time.sleep(POLL_SECONDS)
