"""What a piece of work takes: seconds, processor time, and bytes from and to the disk."""

import contextlib
import gc
import os
import time
from collections.abc import Callable
from typing import Any, TypeVar

import psutil

MEGA = 1_000_000
T = TypeVar("T")


def timed(work: Callable[[], T]) -> tuple[T, dict[str, Any]]:
    """Do `work`; give what it gives, and what it took of this process and of all below it."""
    gc.collect()
    disk, others = _disk(), _others_cpu()
    # Looking at other processes takes time too: it stays outside.
    cpu, begin = time.process_time(), time.perf_counter()
    found = work()
    seconds, own = time.perf_counter() - begin, time.process_time() - cpu
    taken = {"seconds": seconds, "cpu_seconds": own + _others_cpu() - others}
    read, written = (after - before for after, before in zip(_disk(), disk, strict=True))
    return found, {**taken, "read_mb": read / MEGA, "written_mb": written / MEGA}


def _others_cpu() -> float:
    """Processor time of all below this process: of those that run, and of those that have ended."""
    ended = os.times()
    below = sum(map(_cpu_of, psutil.Process().children(recursive=True)))
    return ended.children_user + ended.children_system + below


def _cpu_of(process: psutil.Process) -> float:
    with contextlib.suppress(psutil.NoSuchProcess):
        return float(sum(process.cpu_times()[:4]))
    return 0.0


def _disk() -> tuple[int, int]:
    here = psutil.Process()
    found = [_bytes_of(process) for process in (here, *here.children(recursive=True))]
    return sum(read for read, _ in found), sum(written for _, written in found)


def _bytes_of(process: psutil.Process) -> tuple[int, int]:
    with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):
        told = process.io_counters()
        return told.read_bytes, told.write_bytes
    return 0, 0
