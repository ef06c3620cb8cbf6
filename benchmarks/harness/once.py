"""What runs in a contender's own process: one call, and its answer as JSON on standard output."""

import json
import os
import sys
from importlib import import_module
from pathlib import Path


def main() -> None:
    """Call `run` of the module named first with the JSON given second."""
    with os.fdopen(os.dup(1), "w") as answer:
        # What a library or its JVM prints must not stand in the answer.
        os.dup2(2, 1)
        module, given = sys.argv[1], json.loads(sys.argv[2])
        found = import_module(module).run(given)
        json.dump({**found, "own_peak_mib": peak_mib()}, answer)


def peak_mib() -> float:
    """Most memory this process has held; unlike ru_maxrss not that of the one that started it."""
    status = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in status if line.startswith("VmHWM")) / 1024


if __name__ == "__main__":
    main()
