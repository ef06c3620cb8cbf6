"""All readers on the same file: first what each reads, then, in turns, how long it takes."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from benchmarks.harness.clock import MEGA
from benchmarks.harness.process import Row
from benchmarks.harness.race import Race, Say, compare, raced
from benchmarks.stdf.contenders import CONTENDERS, OURS, OURS_COLUMNS, Told
from benchmarks.stdf.content import content
from benchmarks.stdf.homes import Homes

# More than our reader takes at once, so that the way from one block to the next is loaded too.
WARM_BYTES = 10 * MEGA
TESTS = ("PTR", "MPR", "FTR")


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


def read_in_turns(
    file: File, names: Sequence[str], homes: Homes, repeats: int, say: Say
) -> list[Row]:
    """Give a row per reader; one that fails, or reads something else, has a reason, no times."""
    race = Race(
        title=file.kind,
        names=names,
        run=lambda name: homes.run(name, "time", file.path, file.warm),
        repeats=repeats,
        unlike=difference,
        tell=lambda name: told_by(homes, name, file),
    )
    rows = list(map(partial(_row, file), raced(race, say)))
    compare(rows, "times_columns", OURS_COLUMNS)
    return rows


def told_by(homes: Homes, name: str, file: File) -> Told:
    """What a reader finds in a file; the program prints it as it is."""
    found = homes.run(name, "tell", file.path, file.warm)
    told: Told = found.get("told") or {key: found[key] for key in found if key != "peak_mib"}
    return told


def difference(found: Told, expected: Told) -> str:
    """Say which numbers differ, and by how much."""
    wrong = [name for name, value in expected.items() if found.get(name) != value]
    return ", ".join(f"{n} {found.get(n)} where {OURS} reads {expected[n]}" for n in wrong)


def measures(row: Row, megabytes: float) -> Row:
    """Add what follows from what was read and how long it took."""
    rows = sum(row["told"][test] for test in TESTS)
    return {**row, "rows": rows, "mb_per_s": megabytes / row["seconds"]}


def _row(file: File, row: Row) -> Row:
    about = {"file": file.kind, "file_mb": file.megabytes, "about": CONTENDERS[row["name"]].about}
    return {**about, **(row if "failed" in row else measures(row, file.megabytes))}
