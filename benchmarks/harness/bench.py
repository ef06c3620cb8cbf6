"""What a bench is: what it can be asked, how it measures, and how its results are told."""

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.harness.picture import Group
from benchmarks.harness.process import Row
from benchmarks.harness.tables import Table

# Takes the options and the results so far, gives the new ones.
Measure = Callable[[argparse.Namespace, Row], Row]


@dataclass(frozen=True)
class Bench:
    """One bench. `small` are options for a quick look; `limits` say in words what the stages tell.

    `about` is a page of Markdown, set before the figures.
    """

    name: str
    title: str
    about: Path
    add_options: Callable[[argparse.ArgumentParser], None]
    small: dict[str, Any]
    measure: Measure
    tables: Callable[[Row], list[Table]]
    groups: Callable[[Row], list[Group]]
    limits: Callable[[Row], list[str]]
    repeats: int = 3


def cases(rows: Sequence[Row], ours: str, key: str = "case") -> list[Group]:
    """Rows of one case together, each case a group of bars."""
    titles = list(dict.fromkeys(row[key] for row in rows))
    return [Group(title, [row for row in rows if row[key] == title], ours) for title in titles]
