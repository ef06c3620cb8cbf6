"""One contender on one file, in a process of its own; the job and what came of it are JSON."""

import gc
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks.stdf.contenders import CONTENDERS, Contender

ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "NUMBA_NUM_THREADS", "ARROW_IO_THREADS"), "1")


def main() -> None:
    """Do what the job says, and print what came of it."""
    job = json.loads(sys.argv[1])
    # Before a reader is imported: pools of threads are as wide as there are cores to run on.
    os.sched_setaffinity(0, {job["core"]})
    os.environ.update(ONE_THREAD)
    contender = CONTENDERS[job["name"]]
    print(json.dumps(_by_program(job) if contender.home == "rust" else _here(contender, job)))


def _here(contender: Contender, job: dict[str, Any]) -> dict[str, Any]:
    if job["mode"] == "tell":
        return contender.told(job["path"])
    timed = contender.timed
    timed(job["warm"])
    gc.collect()
    base, cpu, begin = peak_mib(), time.process_time(), time.perf_counter()
    kept = timed(job["path"])
    taken = {"seconds": time.perf_counter() - begin, "cpu_seconds": time.process_time() - cpu}
    del kept
    return {**taken, "peak_mib": peak_mib(), "base_mib": base}


def peak_mib() -> float:
    """Most memory this process has held; unlike ru_maxrss not that of the one that started it."""
    status = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in status if line.startswith("VmHWM")) / 1024


def _by_program(job: dict[str, Any]) -> dict[str, Any]:
    command = [job["program"], job["mode"], job["path"], job["warm"]]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(done.stderr)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


if __name__ == "__main__":
    main()
