"""Memory of a process and of all below it, looked at while it runs."""

import contextlib
import os
import signal
import time

import psutil

PAUSE = 0.05
# Seconds that what a run has left behind is given to end, by itself or once it is killed.
PATIENCE = 20.0
# A look at a large process takes a while; it must not take more than this share of a core.
PAUSES_PER_LOOK = 20


class Watch:
    """A process that was started here, and its children and theirs."""

    def __init__(self, child: psutil.Popen) -> None:
        self.child = child
        self.mib = self.peak_mib = 0.0
        self.exit_code: int | None = None
        self._family: dict[int, psutil.Process] = {}
        self._begin = time.monotonic()
        self._pause = PAUSE

    @property
    def seconds(self) -> float:
        """How long it has been running."""
        return time.monotonic() - self._begin

    def has_ended(self) -> bool:
        """Wait a moment for its end; where it goes on, take a look."""
        try:
            self.exit_code = self.child.wait(timeout=self._pause)
        except psutil.TimeoutExpired:
            self._look()
            return False
        return True

    def wait_for_all(self, seconds: float) -> None:
        """Wait for what it has started and left behind."""
        psutil.wait_procs(list(self._family.values()), timeout=seconds)

    def end_all(self) -> None:
        """End what is still running of it; it leads a session of its own."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.child.pid, signal.SIGKILL)
        for process in self._members():
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        self.child.wait()
        self._wait_for_group()

    def _wait_for_group(self) -> None:
        # A killed process goes when it is next scheduled; nobody here may wait for a grandchild.
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            try:
                os.killpg(self.child.pid, 0)
            except ProcessLookupError:
                return
            time.sleep(PAUSE)

    def _look(self) -> None:
        begin = time.monotonic()
        self.mib = sum(_mib(process) for process in self._members())
        self.peak_mib = max(self.peak_mib, self.mib)
        self._pause = max(PAUSE, PAUSES_PER_LOOK * (time.monotonic() - begin))

    def _members(self) -> list[psutil.Process]:
        with contextlib.suppress(psutil.NoSuchProcess):
            below = self.child.children(recursive=True)
            self._family |= {process.pid: process for process in below}
        return [self.child, *self._family.values()]


def _mib(process: psutil.Process) -> float:
    """Memory of a process in MiB, pages shared with others in equal parts (PSS)."""
    try:
        return float(process.memory_full_info().pss / 2**20)
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return 0.0
