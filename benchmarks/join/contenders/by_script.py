"""The script to beat, as it is."""

from benchmarks.join import slow_join
from benchmarks.join.summary import Paths


def summarise(paths: Paths) -> None:
    """Run it."""
    slow_join.main(paths.results, paths.wafers, paths.out)
