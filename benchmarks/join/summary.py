"""What every contender is asked for, and when two answers are the same."""

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from math import isclose
from pathlib import Path

NAMES = ("lot_id", "wafer_id")
VALUES = ("test_num", "result", "test_pass")
GROUP = ("product_id", "chamber", "test_num")
COLUMNS = (*GROUP, "rows", "mean_result", "pass_ratio")
# Some add up in single precision, as the results are stored.
TOLERANCE = 1e-5

Group = tuple[str, ...]


@dataclass(frozen=True)
class Paths:
    """Parquet files to read, and the CSV to write."""

    results: str
    wafers: str
    out: str


@dataclass(frozen=True)
class Figures:
    """Of one product, chamber and test."""

    rows: int
    passed: int
    mean_result: float


Summary = Mapping[Group, Figures]


def read(path: Path) -> Summary:
    """Read what a contender wrote."""
    with path.open(newline="") as file:
        rows = csv.DictReader(file)
        return {tuple(row.get(name, "") for name in GROUP): _figures(row) for row in rows}


def unlike(found: Summary, expected: Summary) -> str:
    """Say where two summaries differ first; only means have a tolerance."""
    if found.keys() != expected.keys():
        some = sorted(found.keys() ^ expected.keys())[0]
        return f"{len(found)} groups where {len(expected)} are expected, such as {some}"
    wrong = [group for group in sorted(expected) if not _alike(found[group], expected[group])]
    if not wrong:
        return ""
    first = wrong[0]
    return f"{len(wrong)} groups, such as {first}: {found[first]}, expected {expected[first]}"


def _figures(row: Mapping[str, str]) -> Figures:
    rows, ratio = int(row["rows"]), float(row["pass_ratio"])
    # Ratios of whole numbers: as such they are compared without a tolerance.
    return Figures(rows, round(rows * ratio), float(row["mean_result"]))


def _alike(found: Figures, expected: Figures) -> bool:
    same = (found.rows, found.passed) == (expected.rows, expected.passed)
    return same and isclose(found.mean_result, expected.mean_result, rel_tol=TOLERANCE)
