"""Results on the screen, and as a page of docs."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

MARK = "<!-- results: written by `python -m benchmarks.stdf --write-docs` -->"
HEADS = {
    "race": ("file", "MB", "reader", "best s", "median s", "CPU s", "MB/s", "peak MiB", "rows"),
    "large": ("file", "MB", "reader", "s", "CPU s", "MB/s", "peak MiB", "rows"),
    "spark": ("run", "MB", "decode s", "decode MB/s", "test_values s", "MB/s", "job s", "MB/s"),
}
TITLES = {
    "race": "Readers beside one another",
    "large": "A file larger than memory may be",
    "spark": "From files to Delta",
}
RATIOS = ("x read", "x columns")
Cells = list[str]
WIDTH = 140
stderr = Console(stderr=True)


def progress(line: str) -> None:
    """Say how far it is."""
    stderr.print(line, highlight=False, markup=False)


def screen(results: dict[str, Any], parts: Sequence[str]) -> None:
    """Print the parts as tables."""
    console = Console()
    if not console.is_terminal:
        console.width = WIDTH
    for part in parts:
        heads, rows = _table(results, part)
        table = Table(*heads, title=part)
        for row in rows:
            table.add_row(*row)
        console.print(table)


def write_docs(results: dict[str, Any], page: Path) -> None:
    """Put all results behind the mark of `page`."""
    before = page.read_text().partition(MARK)[0]
    lines = [MARK, "", _where(results)]
    for part in HEADS:
        if f"{part}_at" in results:
            lines += ["", f"## {TITLES[part]}, {results[f'{part}_at'][:10]}", ""]
            lines += _markdown(*_table(results, part))
    page.write_text(before + "\n".join(lines) + "\n")


def _where(results: dict[str, Any]) -> str:
    told = ", ".join(f"{name} {value}" for name, value in results["versions"].items())
    on = results["machine"]
    size = f"{on['cores']} cores, {on['memory_gib']} GiB"
    return f"{on['processor']}, {size}, {on['system']}; {told}."


def _table(results: dict[str, Any], part: str) -> tuple[Cells, list[Cells]]:
    rows = {"race": _race, "large": _large, "spark": _spark}[part](results)
    heads = [*HEADS[part], *(RATIOS if part == "race" else ())]
    return heads, list(rows)


def _race(results: dict[str, Any]) -> Iterable[Cells]:
    for row in results["contenders"]:
        named = [row["file"], f"{row['file_mb']:,.0f}", row["name"]]
        if "failed" in row:
            yield [*named, row["failed"], *[""] * 7]
            continue
        times = [f"{row[name]:.3f}" for name in ("seconds", "median_seconds", "cpu_seconds")]
        rest = [f"{row['mb_per_s']:,.1f}", f"{row['peak_mib']:,.0f}", f"{row['rows']:,}"]
        ratios = [_ratio(row["times_ours"]), _ratio(row["times_columns"])]
        yield [*named, *times, *rest, *ratios]


def _ratio(times: float | None) -> str:
    return "" if times is None else f"{times:.2f}"


def _large(results: dict[str, Any]) -> Iterable[Cells]:
    for row in results["large"]["readers"]:
        named = [results["large"]["file"], f"{row['file_mb']:,.0f}", row["name"]]
        times = [f"{row['seconds']:.1f}", f"{row['cpu_seconds']:.1f}", f"{row['mb_per_s']:,.1f}"]
        yield [*named, *times, f"{row['peak_mib']:,.0f}", f"{row['rows']:,}"]


def _spark(results: dict[str, Any]) -> Iterable[Cells]:
    size = results["spark"]["mb"]
    for turn, run in enumerate(results["spark"]["runs"], 1):
        spent = (run["decode"], run["to_test_values"], run["job"])
        paired = [cell for s in spent for cell in (f"{s:.1f}", f"{size / s:,.1f}")]
        yield [str(turn), f"{size:,.0f}", *paired]


def _markdown(heads: Cells, rows: list[Cells]) -> list[str]:
    return [_line(heads), _line(["---"] * len(heads)), *map(_line, rows)]


def _line(cells: Cells) -> str:
    return f"| {' | '.join(cells)} |"
