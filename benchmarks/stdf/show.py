"""Results of the bench as tables."""

from collections.abc import Callable, Iterable

from benchmarks.harness.process import Row
from benchmarks.harness.tables import Cells, Table, figure

HEADS = {
    "race": "file|MB|reader|best s|median s|CPU s|MB/s|peak MiB|rows|x read|x columns",
    "large": "file|MB|reader|s|CPU s|MB/s|peak MiB|rows",
    "spark": "run|MB|decode s|decode MB/s|test_values s|test_values MB/s|job s|job MB/s",
}
TITLES = {
    "race": "Readers compared",
    "large": "A file that may be larger than memory",
    "spark": "From files to Delta",
}


def tables(results: Row) -> list[Table]:
    """Give a table for each part that was measured, with its day."""
    shown = [part for part in HEADS if f"{part}_at" in results]
    return [_table(results, part) for part in shown]


def _table(results: Row, part: str) -> Table:
    title = f"{TITLES[part]}, {results[f'{part}_at'][:10]}"
    return Table(title, HEADS[part].split("|"), list(ROWS[part](results)))


def _race(results: Row) -> Iterable[Cells]:
    for row in results["contenders"]:
        named = [row["file"], figure(row["file_mb"], 0), row["name"]]
        if "failed" in row:
            yield [*named, row["failed"], *[""] * 7]
            continue
        times = [figure(row[name], 3) for name in ("seconds", "median_seconds", "cpu_seconds")]
        rest = [figure(row["mb_per_s"], 1), figure(row["peak_mib"], 0), f"{row['rows']:,}"]
        ratios = [figure(row["times_ours"]), figure(row["times_columns"])]
        yield [*named, *times, *rest, *ratios]


def _large(results: Row) -> Iterable[Cells]:
    for row in results["large"]["readers"]:
        named = [results["large"]["file"], figure(row["file_mb"], 0), row["name"]]
        times = [figure(row[name], 1) for name in ("seconds", "cpu_seconds", "mb_per_s")]
        yield [*named, *times, figure(row["peak_mib"], 0), f"{row['rows']:,}"]


def _spark(results: Row) -> Iterable[Cells]:
    size = results["spark"]["mb"]
    for turn, run in enumerate(results["spark"]["runs"], 1):
        spent = (run["decode"], run["to_test_values"], run["job"])
        paired = [cell for s in spent for cell in (figure(s, 1), figure(size / s, 1))]
        yield [str(turn), figure(size, 0), *paired]


ROWS: dict[str, Callable[[Row], Iterable[Cells]]] = {
    "race": _race,
    "large": _large,
    "spark": _spark,
}
