"""Parts and test results of STDF files as Parquet files: all of them whole, or none."""

import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from fabyield.errors import AccountingError, FabYieldError, StdfError
from fabyield.stdf.arrow.numpy_columns import flags
from fabyield.stdf.decode.tables import StdfTables
from fabyield.stdf.tools import parquet_tables
from fabyield.stdf.tools.catalog import Catalogue, FileTests
from fabyield.stdf.tools.name_rules import Naming
from fabyield.stdf.tools.outline import Outline
from fabyield.stdf.tools.retest import touchdowns
from fabyield.stdf.tools.sessions import (
    SessionFile,
    Skipped,
    counted,
    file_names,
    parts_of,
    runs_of,
)

Batches = Callable[[str], Iterable[StdfTables]]
# The last one vouches for the others, so it gets its name last and loses it first.
NAMES = ("test_values", "tests", "wafers", "bins", "parts")
ROW_GROUP = 1 << 20
# Without Arrow's own schema a text that is stored as a dictionary is read back as text.
STORED: dict[str, Any] = {"compression": "zstd", "store_schema": False}


@dataclass(frozen=True)
class Rules:
    """How parts become die, and whether each row names its file."""

    naming: Naming
    retest_rule: str
    with_file: bool = False


@dataclass(frozen=True)
class Counted:
    """What came of one file; `left_out` are MPR and FTR records, which have no row of their own."""

    path: str
    touchdowns: int
    results: int
    left_out: int
    refused: int


@dataclass(frozen=True)
class Exported:
    """What was written, and which of the files given have no rows in it."""

    files: list[Counted]
    skipped: list[Skipped]
    broken: list[str]
    tested_die: int
    first_pass_die: int
    final_pass_die: int
    changed_tests: int


class _BrokenError(Exception):
    """A file broke while its results were being written."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(reason)
        self.path = path


def to_parquet(
    outlines: Sequence[Outline],
    out: Path,
    rules: Rules,
    batches: Batches,
    on_rows: Callable[[int], object] = lambda _: None,
) -> Exported:
    """Write NAMES into `out`, named only when all are whole; calls `on_rows` with results written.

    A file whose results cannot be read after all is left out as a whole and named in `broken`.
    Raises AccountingError where rows written and refused are not those in the files, FabYieldError
    where `out` cannot be written.
    """
    left, broken = list(outlines), list[str]()
    while left:
        try:
            return _attempt(left, out, rules, (batches, on_rows, broken))
        except _BrokenError as error:
            broken.append(str(error))
            left = [outline for outline in left if outline.path != error.path]
        except OSError as error:
            raise FabYieldError(
                f"{out}: cannot be written: {error}; make room or choose another folder"
            ) from error
    return Exported([], [], broken, 0, 0, 0, 0)


Given = tuple[Batches, Callable[[int], object], list[str]]


def _attempt(outlines: Sequence[Outline], out: Path, rules: Rules, given: Given) -> Exported:
    batches, on_rows, broken = given
    sources, skipped = counted(outlines, rules.naming)
    out.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=out, prefix=".to-parquet-") as folder:
        writing = _Export(sources, Path(folder), rules)
        files, changed = writing.write_values(batches, on_rows)
        die = writing.write_parts()
        writing.write_others()
        _publish(Path(folder), out)
    return Exported(files, skipped, broken, *die, changed)


def _publish(folder: Path, out: Path) -> None:
    (out / f"{NAMES[-1]}.parquet").unlink(missing_ok=True)
    for name in NAMES:
        os.replace(folder / f"{name}.parquet", out / f"{name}.parquet")


class _Export:
    """The files of one attempt, and the folder they are written to."""

    def __init__(self, sources: Sequence[SessionFile], folder: Path, rules: Rules) -> None:
        self._sources, self._folder, self._rules = sources, folder, rules

    def write_parts(self) -> tuple[int, int, int]:
        """Write parts.parquet; count the die, those good at first and those good in the end."""
        found = parts_of(self._sources)
        runs = runs_of(self._sources, self._rules.naming)
        turns = touchdowns(found, runs, self._rules.retest_rule)
        self._write("parts", parquet_tables.parts(self._sources, found, turns))
        first, final = flags(turns, "is_first"), flags(turns, "is_final")
        good = flags(found, "part_pass")
        return int(final.sum()), int((good & first).sum()), int((good & final).sum())

    def write_others(self) -> None:
        """Write wafers.parquet and bins.parquet."""
        for name in ("wafers", "bins"):
            self._write(name, parquet_tables.of_files(self._sources, name))

    def write_values(
        self, batches: Batches, on_rows: Callable[[int], object]
    ) -> tuple[list[Counted], int]:
        """Write test_values.parquet and tests.parquet; count rows by file, and tests redefined."""
        catalogue, files, first = Catalogue(), [], 0
        path = self._folder / "test_values.parquet"
        with pq.ParquetWriter(path, parquet_tables.VALUES, **STORED) as writer:
            for source in self._sources:
                tests = FileTests(catalogue, _program(source))
                count = _Accounts(source.outline)
                for batch in _read(batches, source.outline.path):
                    count.add(batch)
                    rows = parquet_tables.values(
                        batch.test_values, first, tests.of(batch.test_values)
                    )
                    writer.write_table(rows, ROW_GROUP)
                    tests.define(batch.tests)
                    on_rows(rows.num_rows)
                count.check_whole(batch)
                files.append(count.closed())
                first += source.outline.tables.parts.num_rows
        self._write("tests", catalogue.table())
        return files, len(catalogue.changed)

    def _write(self, name: str, rows: pa.Table) -> None:
        if "file" in rows.column_names and not self._rules.with_file:
            rows = rows.drop_columns(["file"])
        pq.write_table(rows, self._folder / f"{name}.parquet", ROW_GROUP, **STORED)


def _program(source: SessionFile) -> tuple[str | None, str | None]:
    names = file_names(source.outline)
    return names["job_nam"], names["job_rev"]


def _read(batches: Batches, path: str) -> Iterator[StdfTables]:
    try:
        yield from batches(path)
    except (StdfError, OSError) as error:
        raise _BrokenError(path, str(error)) from error


class _Accounts:
    """Rows in and out of one file."""

    def __init__(self, outline: Outline) -> None:
        self._outline = outline
        self._rows: Counter[str] = Counter()
        self._refused: Counter[str | None] = Counter()

    def add(self, batch: StdfTables) -> None:
        """Count what a batch brought."""
        self._rows["PRR"] += batch.parts.num_rows
        self._rows["PTR"] += batch.test_values.num_rows
        self._refused.update(batch.refused["record_name"].to_pylist())

    def check_whole(self, last: StdfTables) -> None:
        """Raise _BrokenError where the file has changed since its outline was read."""
        if last.content_bytes != self._outline.content_bytes:
            path = self._outline.path
            raise _BrokenError(
                path, f"{path}: changed while it was read; try again when it is whole"
            )

    def closed(self) -> Counted:
        """Raise AccountingError where rows and refusals are not all records that were counted."""
        for name in ("PRR", "PTR"):
            there = self._outline.counts.get(name, 0)
            rows, refused = self._rows[name], self._refused[name]
            if rows + refused != there or (name == "PRR" and rows != self._known_parts):
                raise AccountingError(
                    f"{self._outline.path}: {there:,} {name} in the file, but {rows:,} rows and "
                    f"{refused:,} refused; nothing was written; report the file as a fault"
                )
        left_out = sum(self._outline.counts.get(name, 0) for name in ("MPR", "FTR"))
        refused = sum(self._refused.values())
        return Counted(self._outline.path, self._rows["PRR"], self._rows["PTR"], left_out, refused)

    @property
    def _known_parts(self) -> int:
        return self._outline.tables.parts.num_rows
