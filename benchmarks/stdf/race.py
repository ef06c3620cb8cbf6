"""All contenders on the same file: first what each reads, then, in turns, how long it takes."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.stdf.contenders import CONTENDERS, OURS, OURS_COLUMNS, Told
from benchmarks.stdf.content import content
from benchmarks.stdf.homes import Homes, NotRunError

MEGA = 1_000_000
# More than our reader takes at once, so that the way from one block to the next is loaded too.
WARM_BYTES = 10 * MEGA
TESTS = ("PTR", "MPR", "FTR")
Say = Callable[[str], None]
Row = dict[str, Any]


@dataclass(frozen=True)
class File:
    """A file to be read, and a smaller one of its kind to be read before."""

    kind: str
    path: Path
    warm: Path

    @property
    def megabytes(self) -> float:
        """Its size in millions of bytes."""
        return self.path.stat().st_size / MEGA

    @classmethod
    def written(cls, kind: str, folder: Path, size: int) -> "File":
        """Write it."""
        folder.mkdir(parents=True, exist_ok=True)
        file = cls(kind, folder / f"{kind}-{size // MEGA}.stdf", folder / f"{kind}-warm.stdf")
        made = content(kind)
        made.write(file.path, size)
        made.write(file.warm, min(WARM_BYTES, size // 10))
        return file

    def remove(self) -> None:
        """Make room for the next one."""
        self.path.unlink()
        self.warm.unlink()


def raced(file: File, names: Sequence[str], homes: Homes, repeats: int, say: Say) -> list[Row]:
    """Give a row per contender; one that fails, or reads something else, has a reason, no times."""
    told, failed = _told(file, names, homes, say)
    running = [name for name in names if name in told]
    runs: dict[str, list[Row]] = {name: [] for name in running}
    for turn in range(repeats):
        # Whoever is first this time is last the next.
        for name in running[turn % len(running) :] + running[: turn % len(running)]:
            runs[name].append(homes.run(name, "time", file.path, file.warm))
            say(f"{file.kind} {name}: {runs[name][-1]['seconds']:.3f} s")
    rows = [_row(file, name, runs[name], told[name]) for name in running]
    _compare(rows)
    lost = {"file": file.kind, "file_mb": file.megabytes}
    return rows + [{**lost, "name": name, "failed": reason} for name, reason in failed.items()]


def _told(
    file: File, names: Sequence[str], homes: Homes, say: Say
) -> tuple[dict[str, Told], dict[str, str]]:
    told: dict[str, Told] = {}
    failed: dict[str, str] = {}
    for name in names:
        try:
            found = homes.run(name, "tell", file.path, file.warm)
        except NotRunError as error:
            failed[name] = f"not run: {error}"
        else:
            expected = told.get(names[0], found)
            if found == expected:
                told[name] = found
            else:
                failed[name] = f"reads {_difference(found, expected)}"
        say(f"{file.kind} {name}: {failed.get(name, told.get(name))}")
    return told, failed


def _difference(found: Told, expected: Told) -> str:
    return ", ".join(
        f"{name} {found.get(name)} where {OURS} reads {value}"
        for name, value in expected.items()
        if found.get(name) != value
    )


def _row(file: File, name: str, runs: list[Row], told: Told) -> Row:
    best = min(runs, key=lambda run: run["seconds"])
    return {
        "file": file.kind,
        "file_mb": file.megabytes,
        "name": name,
        "about": CONTENDERS[name].about,
        "seconds": best["seconds"],
        "median_seconds": median(run["seconds"] for run in runs),
        "cpu_seconds": best["cpu_seconds"],
        "peak_mib": max(run["peak_mib"] for run in runs),
        "base_mib": max(run["base_mib"] for run in runs),
        "rows": sum(told[test] for test in TESTS),
        "mb_per_s": file.megabytes / best["seconds"],
        "runs": [run["seconds"] for run in runs],
        "told": told,
    }


def _compare(rows: list[Row]) -> None:
    """Add how many times as long as each of ours a contender takes, by the best runs."""
    for key, ours in (("times_ours", OURS), ("times_columns", OURS_COLUMNS)):
        seconds = {row["name"]: row["seconds"] for row in rows}
        for row in rows:
            row[key] = row["seconds"] / seconds[ours] if ours in seconds else None
