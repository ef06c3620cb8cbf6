"""Results in files: numbers as JSON, and a picture of them."""

import json
from pathlib import Path

from benchmarks.harness.bench import Bench
from benchmarks.harness.picture import picture
from benchmarks.harness.process import ROOT, Row

KEPT = ROOT / "benchmarks" / "results"


def load(bench: Bench, folder: Path) -> Row:
    """Results of a bench so far; none where it was never run."""
    path = folder / f"{bench.name}.json"
    found: Row = json.loads(path.read_text()) if path.exists() else {}
    return found


def save(bench: Bench, folder: Path, results: Row) -> None:
    """Write the numbers, and draw them."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{bench.name}.json").write_text(json.dumps(results, indent=1) + "\n")
    draw(bench, folder, results)


def draw(bench: Bench, folder: Path, results: Row) -> None:
    """Draw the numbers."""
    drawn = picture(bench.groups(results), f"{bench.title}: seconds")
    (folder / f"{bench.name}.svg").write_text(drawn)
