"""Let one run at a time write a lake."""

import fcntl
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path

from fabyield.errors import FabYieldError
from fabyield.lake.locks.lease import leased
from fabyield.lake.locks.owner import LockOwner, owner_name, wait_for
from fabyield.settings.sections import Leasing


def as_single_writer(
    lake: str, work: Callable[[], None], leasing: Leasing | None = None, what: str = "a run"
) -> None:
    """Wait until no other run writes `lake`, then do `work`; raise BusyError after the wait."""
    leasing, owner = leasing or Leasing(), LockOwner.here(what)
    folder = lake.removeprefix("file://")
    kind = leasing.kind
    if kind == "auto":
        kind = "lease" if "://" in folder else "lock"
    guards: dict[str, AbstractContextManager[object]] = {
        "none": nullcontext(),
        "lock": locked(folder, owner, leasing.wait_seconds),
        "lease": leased(lake, owner, leasing.seconds, leasing.wait_seconds),
    }
    with guards[kind]:
        work()


@contextmanager
def locked(folder: str, owner: LockOwner, wait_seconds: float) -> Iterator[None]:
    """Lock `folder` against all other processes of this machine."""
    Path(folder).mkdir(parents=True, exist_ok=True)
    with Path(folder, "_lock").open("a+") as lock:

        def take() -> str | None:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                lock.seek(0)
                return owner_name(lock.read())
            except OSError as error:
                raise FabYieldError(
                    f"{folder}: cannot be locked: {error}; set lease.kind: lease"
                ) from error
            return None

        # A lock ends with its process, so its owner is always alive.
        wait_for(folder, take, wait_seconds, lambda: True)
        lock.truncate(0)
        lock.write(owner.to_json())
        lock.flush()
        yield
