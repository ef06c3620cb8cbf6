"""A lease on a lake that many machines reach, so that one driver at a time writes it."""

import json
import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any
from uuid import uuid4

from fabyield.errors import ConfigError, FabYieldError, LeaseLostError
from fabyield.lake.locks.lease_files import LeaseFiles
from fabyield.lake.locks.owner import LockOwner, read_holder, wait_for

log = logging.getLogger(__name__)
RENEWALS = 4
_held: dict[str, "Lease"] = {}


class Lease:
    """The right to write `lake`, for `seconds` from its last renewal on.

    Whoever creates the object <lake>/_lease/<token>.json has it, until it is released or not
    renewed for `seconds`; then the next token may be created. The newest token has the lease,
    so that tokens fence: an older one never writes again. Nobody's clocks need agree, as each
    measures only how long it has seen a token unchanged.
    """

    def __init__(self, lake: str, holder: LockOwner, seconds: float) -> None:
        self.token = 0
        self._lake, self._holder, self._seconds = lake, holder, seconds
        self._objects = LeaseFiles(f"{lake}/_lease")
        self._id, self._turn = uuid4().hex, 0
        self._until, self._seen, self._seen_at, self._sights = 0.0, (0, ""), 0.0, 0
        self._ended = threading.Event()

    def take(self) -> str | None:
        """Take the lease; who has it, if that is somebody else."""
        try:
            return self._take()
        except OSError as error:
            raise FabYieldError(f"{self._lake}: its lease {error}; nothing was done") from error

    def _take(self) -> str | None:
        newest = self._objects.newest()
        told = self._objects.read(newest) if newest else ""
        if told and (holder := self._still_held(newest, told)) is not None:
            return holder
        begun = time.monotonic()
        if not self._objects.create(newest + 1, self._told()):
            return "another run that came first"
        if self._objects.create(newest + 1, "of nobody"):
            raise ConfigError(
                f"{self._lake}: no lease can be held there: its store takes no notice of "
                "conditional puts; see to it that one run at a time writes this lake, and set "
                "lease.kind: none"
            )
        self.token, self._until = newest + 1, begun + self._seconds
        with suppress(OSError):
            self._objects.delete(newest)
        return None

    def _still_held(self, token: int, told: str) -> str | None:
        lease = _parsed(told)
        if lease.get("released"):
            return None
        if (token, told) != self._seen:
            self._seen, self._seen_at = (token, told), time.monotonic()
            self._sights += 1
        waited = time.monotonic() - self._seen_at
        is_over = waited > float(lease.get("seconds", self._seconds))
        return None if is_over else read_holder(str(lease.get("holder", "")))

    def sees_another_live(self) -> bool:
        """Whether another run was seen to renew its lease; one that was killed never is."""
        return self._sights > 1

    def check(self) -> None:
        """Raise LeaseLostError unless this run still has the lease."""
        if time.monotonic() >= self._until:
            raise LeaseLostError(
                f"{self._lake}: lease {self.token} of this run ended, not renewed for "
                f"{self._seconds:g} s: the machine was paused, or its store out of reach; nothing "
                "more was written; run again to go on"
            )
        if (newest := self._newest()) != self.token:
            self._until = 0.0
            raise LeaseLostError(
                f"{self._lake}: lease {self.token} of this run was followed by {newest} of "
                "another; nothing more was written; run again to go on"
            )

    def _newest(self) -> int:
        try:
            return self._objects.newest()
        except OSError as error:
            raise FabYieldError(f"{self._lake}: its lease {error}; nothing was written") from error

    def renew(self) -> None:
        """Make the lease last `seconds` from now on, unless it is over."""
        begun = time.monotonic()
        if begun >= self._until:
            return
        self._turn += 1
        self._objects.write(self.token, self._told())
        # A renewal that ends late does not count: others may have seen the lease unchanged.
        if time.monotonic() < self._until:
            self._until = begun + self._seconds

    @contextmanager
    def renewed(self) -> Iterator[None]:
        """Renew the lease in the background, and release it in the end."""
        thread = threading.Thread(target=self._renewing, name="lease", daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._ended.set()
            thread.join()
            self._release()

    def _renewing(self) -> None:
        while not self._ended.wait(self._seconds / RENEWALS):
            try:
                self.renew()
            except OSError as error:
                log.warning("%s: its lease %s", self._lake, error)

    def _release(self) -> None:
        # What cannot be released is over after its time.
        with suppress(FabYieldError, OSError):
            self.check()
            self._objects.write(self.token, self._told(released=True))

    def _told(self, released: bool = False) -> str:
        return json.dumps(
            {
                "holder": self._holder.told(),
                "id": self._id,
                "turn": self._turn,
                "seconds": self._seconds,
                "released": released,
            }
        )


def _parsed(told: str) -> dict[str, Any]:
    try:
        return dict(json.loads(told))
    except (TypeError, ValueError):
        return {}


@contextmanager
def leased(lake: str, holder: LockOwner, seconds: float, wait_seconds: float) -> Iterator[Lease]:
    """Hold the lease of `lake`, so that `check_lease` passes; wait for another run at first.

    Raises BusyError after `wait_seconds`, once that run was seen to live.
    """
    lease = Lease(lake, holder, seconds)
    wait_for(lake, lease.take, wait_seconds, lease.sees_another_live)
    log.debug("%s: holds lease %d", lake, lease.token)
    _held[lake] = lease
    try:
        with lease.renewed():
            yield lease
    finally:
        del _held[lake]


def check_lease(lake: str) -> None:
    """Raise LeaseLostError if this process took a lease of `lake` and has it no more."""
    if (lease := _held.get(lake)) is not None:
        lease.check()
