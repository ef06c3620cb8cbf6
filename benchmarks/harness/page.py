"""The page of docs, written from the results and from what stands beside each bench."""

import os
from collections.abc import Sequence
from pathlib import Path

from benchmarks.harness.bench import Bench
from benchmarks.harness.process import Row
from benchmarks.harness.tables import markdown

ABOUT = Path(__file__).parents[1] / "about.md"
MARK = "<!-- Written by `make bench OPTIONS=--write-docs`; texts are in benchmarks/*/about.md. -->"


def page(told: Sequence[tuple[Bench, Row]], pictures: str) -> str:
    """Write all of the page; `pictures` is where they lie, seen from it."""
    lines = [MARK, "", ABOUT.read_text().strip()]
    for bench, results in told:
        lines += ["", f"## {bench.title}", "", bench.about.read_text().strip(), ""]
        lines += _measured(bench, results, pictures) if results else [_missing(bench)]
    return "\n".join(lines) + "\n"


def write(path: Path, told: Sequence[tuple[Bench, Row]], folder: Path) -> None:
    """Put the page in its place."""
    path.write_text(page(told, os.path.relpath(folder, path.parent)))


def _measured(bench: Bench, results: Row, pictures: str) -> list[str]:
    lines = [_where(results), "", f"![{bench.title}]({pictures}/{bench.name}.svg)"]
    for table in bench.tables(results):
        lines += ["", f"### {table.title}", "", *markdown(table)]
    if limits := bench.limits(results):
        lines += ["", "### Where the limit is", "", *(f"- {limit}" for limit in limits)]
    return lines


def _missing(bench: Bench) -> str:
    return f"Not measured yet: `make bench NAME={bench.name}`."


def _where(results: Row) -> str:
    told = ", ".join(f"{name} {value}" for name, value in results["versions"].items())
    on = results["machine"]
    size = f"{on['cores']} cores, {on['memory_gib']} GiB"
    load = f", load {results['load_before']} before" if "load_before" in results else ""
    return f"{results['at'][:10]}; {on['processor']}, {size}, {on['system']}{load}; {told}."
