"""The readers that are compared, and where each runs."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Literal

# How many PTR, MPR, FTR, PRR; sums of the bits of their results and of the hard bins.
Told = dict[str, int]
Home = Literal["ours", "others", "rust"]


@dataclass(frozen=True)
class Contender:
    """A reader: a module of `readers`, a function of it to time and one that tells what is read.

    `home` is where it runs: with fabyield, with the other readers, or as a program of its own.
    One that is slow is measured on a smaller file.
    """

    about: str
    home: Home
    module: str
    work: str
    is_slow: bool = False

    @property
    def timed(self) -> Callable[[str], object]:
        """Read a file; what it gives is held until the time is taken."""
        found: Callable[[str], object] = getattr(self._loaded, self.work)
        return found

    @property
    def told(self) -> Callable[[str], Told]:
        """Read a file and say what was found in it."""
        found: Callable[[str], Told] = getattr(self._loaded, f"told_by_{self.work}")
        return found

    @property
    def _loaded(self) -> object:
        # Only in the process that runs it: its environment has no other.
        return import_module(f"benchmarks.stdf.readers.{self.module}")


OURS, OURS_STREAMED, OURS_COLUMNS = "fabyield read", "fabyield batches", "fabyield columns"
CONVERT_STREAMED = "stdf-convert batches"
CONTENDERS = {
    OURS: Contender(
        "tables in memory; what a test says of itself once, not in each row",
        *("ours", "ours", "tables"),
    ),
    OURS_STREAMED: Contender(
        "the same tables, batch by batch, each let go", *("ours", "ours", "batches")
    ),
    OURS_COLUMNS: Contender(
        "every field of every record in a column, in memory; from inner modules",
        *("ours", "ours", "columns"),
    ),
    "stdf-convert tables": Contender(
        "every field of every record in a column, in memory", *("others", "convert", "tables")
    ),
    CONVERT_STREAMED: Contender(
        "the same columns, batch by batch, each let go", *("others", "convert", "batches")
    ),
    "rust-stdf": Contender("each record a struct, let go", *("rust", "", "")),
    "fabyield records": Contender(
        "each record a dict of Python values, let go", *("ours", "ours", "records"), is_slow=True
    ),
    "pystdf": Contender(
        "each record a list of Python values, sent to no sink",
        *("others", "by_pystdf", "records"),
        is_slow=True,
    ),
    "Semi-ATE-STDF": Contender(
        "each record a Python object, let go", *("others", "semi_ate", "records"), is_slow=True
    ),
}
