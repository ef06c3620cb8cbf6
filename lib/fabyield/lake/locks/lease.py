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
from fabyield.lake.locks.owner import LockOwner, owner_name, wait_for

log = logging.getLogger(__name__)
RENEWALS = 4
_leases: dict[str, "Lease"] = {}


class Lease:
    """The right to write `lake`, for `seconds` after its last renewal.

    The process that creates the object <lake>/_lease/<token>.json owns the lease until it releases
    it or fails to renew it for `seconds`; then another process may create the next token. Only the
    newest token counts, so the owner of an older one never writes again. Clocks need not agree: a
    process only measures how long it has seen a token unchanged.
    """

    def __init__(self, lake: str, owner: LockOwner, seconds: float) -> None:
        self.token = 0
        self._lake, self._owner, self._seconds = lake, owner, seconds
        self._files = LeaseFiles(f"{lake}/_lease")
        self._id, self._turn = uuid4().hex, 0
        self._until, self._seen, self._seen_at, self._sights = 0.0, (0, ""), 0.0, 0
        self._ended = threading.Event()

    def take(self) -> str | None:
        """Take the lease, or return the name of the run that owns it."""
        with self._store_errors("nothing was done"):
            newest = self._files.newest()
            text = self._files.read(newest) if newest else ""
            if text and (owner := self._other_owner(newest, text)) is not None:
                return owner
            start = time.monotonic()
            if not self._files.create(newest + 1, self._to_json()):
                return "another run that came first"
            if self._files.create(newest + 1, "of nobody"):
                raise ConfigError(
                    f"{self._lake}: this store cannot keep a lease, as it ignores conditional "
                    "puts; make sure that one run at a time writes this lake, and set "
                    "lease.kind: none"
                )
            self.token, self._until = newest + 1, start + self._seconds
        with suppress(OSError):
            self._files.delete(newest)
        return None

    def _other_owner(self, token: int, text: str) -> str | None:
        """Return the name of the run that owns the lease; None once that is released or over."""
        lease: dict[str, Any] = {}
        with suppress(TypeError, ValueError):
            lease = dict(json.loads(text))
        if lease.get("released"):
            return None
        if (token, text) != self._seen:
            self._seen, self._seen_at = (token, text), time.monotonic()
            self._sights += 1
        waited = time.monotonic() - self._seen_at
        is_over = waited > float(lease.get("seconds", self._seconds))
        return None if is_over else owner_name(str(lease.get("holder", "")))

    def owner_is_alive(self) -> bool:
        """Return whether another run has been seen to renew its lease."""
        return self._sights > 1

    def check(self) -> None:
        """Raise LeaseLostError unless this run still owns the lease."""
        if time.monotonic() >= self._until:
            raise LeaseLostError(
                f"{self._lake}: lease {self.token} of this run ended, not renewed for "
                f"{self._seconds:g} s: the machine was paused, or its store did not answer; "
                "nothing more was written; run again to continue"
            )
        with self._store_errors("nothing was written"):
            newest = self._files.newest()
        if newest != self.token:
            self._until = 0.0
            raise LeaseLostError(
                f"{self._lake}: lease {self.token} of this run was followed by {newest} of "
                "another; nothing more was written; run again to continue"
            )

    @contextmanager
    def _store_errors(self, outcome: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise FabYieldError(f"{self._lake}: its lease {error}; {outcome}") from error

    def renew(self) -> None:
        """Extend the lease to `seconds` from now, unless it is over."""
        start = time.monotonic()
        if start >= self._until:
            return
        self._turn += 1
        self._files.write(self.token, self._to_json())
        # A renewal that ends late does not count: others may have seen the lease unchanged.
        if time.monotonic() < self._until:
            self._until = start + self._seconds

    @contextmanager
    def renewed(self) -> Iterator[None]:
        """Renew the lease in the background, and release it at the end."""
        thread = threading.Thread(target=self._keep_renewing, name="lease", daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._ended.set()
            thread.join()
            # A lease that cannot be released ends after its time.
            with suppress(FabYieldError, OSError):
                self.check()
                self._files.write(self.token, self._to_json(released=True))

    def _keep_renewing(self) -> None:
        while not self._ended.wait(self._seconds / RENEWALS):
            try:
                self.renew()
            except OSError as error:
                log.warning("%s: its lease %s", self._lake, error)

    def _to_json(self, released: bool = False) -> str:
        state = {"holder": self._owner.to_json(), "id": self._id, "turn": self._turn}
        return json.dumps({**state, "seconds": self._seconds, "released": released})


@contextmanager
def leased(lake: str, owner: LockOwner, seconds: float, wait_seconds: float) -> Iterator[Lease]:
    """Wait for the lease of `lake` and keep it; raise BusyError if its owner is still alive."""
    lease = Lease(lake, owner, seconds)
    wait_for(lake, lease.take, wait_seconds, lease.owner_is_alive)
    log.debug("%s: holds lease %d", lake, lease.token)
    _leases[lake] = lease
    try:
        with lease.renewed():
            yield lease
    finally:
        del _leases[lake]


def check_lease(lake: str) -> None:
    """Raise LeaseLostError if this process has lost its lease of `lake`."""
    if (lease := _leases.get(lake)) is not None:
        lease.check()
