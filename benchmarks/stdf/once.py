"""One reader on one file, in the process that it has to itself."""

import os
from typing import Any

from benchmarks.harness.clock import timed
from benchmarks.harness.once import peak_mib
from benchmarks.stdf.contenders import CONTENDERS

ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "NUMBA_NUM_THREADS", "ARROW_IO_THREADS"), "1")


def run(job: dict[str, Any]) -> dict[str, Any]:
    """Tell what is in a file, or time how long it takes to read."""
    # Before a reader is imported: pools of threads are as wide as there are cores to run on.
    os.sched_setaffinity(0, {job["core"]})
    os.environ.update(ONE_THREAD)
    contender = CONTENDERS[job["name"]]
    if job["mode"] == "tell":
        return {"told": contender.told(job["path"])}
    read = contender.timed
    read(job["warm"])
    base = peak_mib()
    kept, taken = timed(lambda: read(job["path"]))
    del kept
    return {**taken, "peak_mib": peak_mib(), "base_mib": base}
