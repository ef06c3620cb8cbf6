"""Read many mutants: `python -m tests.fuzz --count 1000 --seed 0`; exit code 1 if one fails."""

import argparse
import faulthandler
import resource
import sys
import time

from tests.fuzz.mutations import mutant
from tests.fuzz.oracle import faults

MOST_SECONDS = 20


def main() -> int:
    """Print progress, the number of each mutant that fails, and what is wrong with it."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--count", type=int, default=100_000)
    asked.add_argument("--seed", type=int, default=0, help="number of the first mutant")
    options = asked.parse_args()
    failed, slowest, begin = 0, (0.0, 0), time.monotonic()
    for number in range(options.seed, options.seed + options.count):
        faulthandler.dump_traceback_later(MOST_SECONDS, exit=True)
        one, start = mutant(number), time.monotonic()
        found = faults(one, all_ways=options.count == 1)
        slowest = max(slowest, (time.monotonic() - start, number))
        failed += bool(found)
        for fault in found[:2]:
            print(f"mutant {number}: {fault}", flush=True)
        if (number - options.seed + 1) % 1_000 == 0:
            print(f"{number - options.seed + 1:,} read, {failed} failed", flush=True)
    faulthandler.cancel_dump_traceback_later()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
    print(
        f"{options.count:,} mutants in {time.monotonic() - begin:.0f} s, {failed} failed; slowest "
        f"{slowest[1]}: {slowest[0]:.2f} s; at most {peak:,} MiB"
    )
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
