"""One run at a time on a lake."""

import fcntl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from fabyield.errors import FabYieldError
from fabyield.lake.locks.lease import leased
from fabyield.lake.locks.owner import LockOwner, read_holder, wait_for
from fabyield.settings.sections import Leasing


def as_single_writer(
    lake: str, work: Callable[[], None], leasing: Leasing | None = None, what: str = "a run"
) -> None:
    """Do `work` while no other run writes `lake`; wait for one that does.

    A lake in a folder is locked: a process that dies lets go. On any other store a lease is
    held. Raises BusyError where the other run does not end in time.
    """
    leasing, holder = leasing or Leasing(), LockOwner.here(what)
    folder = lake.removeprefix("file://")
    kind = leasing.kind
    if kind == "auto":
        kind = "lease" if "://" in folder else "lock"
    if kind == "none":
        work()
    elif kind == "lock":
        with locked(folder, holder, leasing.wait_seconds):
            work()
    else:
        with leased(lake, holder, leasing.seconds, leasing.wait_seconds):
            work()


@contextmanager
def locked(folder: str, holder: LockOwner, wait_seconds: float) -> Iterator[None]:
    """Lock `folder` against all other processes of this machine."""
    Path(folder).mkdir(parents=True, exist_ok=True)
    with Path(folder, "_lock").open("a+") as lock:

        def take() -> str | None:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                lock.seek(0)
                return read_holder(lock.read())
            except OSError as error:
                raise FabYieldError(
                    f"{folder}: cannot be locked: {error}; set lease.kind: lease"
                ) from error
            return None

        # A lock ends with its process: who has it is alive.
        wait_for(folder, take, wait_seconds, lambda: True)
        lock.truncate(0)
        lock.write(holder.told())
        lock.flush()
        yield
