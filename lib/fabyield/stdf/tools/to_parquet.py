"""Parts and test results of STDF files as Parquet files: all of them whole, or none."""

import os
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from fabyield.errors import AccountingError, FabYieldError, StdfError
from fabyield.stdf.arrow.numpy_columns import flags
from fabyield.stdf.decode.tables import StdfTables
from fabyield.stdf.tools import parquet_tables
from fabyield.stdf.tools.catalog_limits import Redefined, relative_to_catalog
from fabyield.stdf.tools.name_rules import Naming
from fabyield.stdf.tools.outline import Outline
from fabyield.stdf.tools.parquet_tables import FileTests, TestCatalog
from fabyield.stdf.tools.retest import PartRules, touchdowns_that_count
from fabyield.stdf.tools.sessions import SessionFile, Skipped, files_that_count, parts_of, runs_of

Batches = Callable[[str], Iterable[StdfTables]]
# If the last one exists, the others are complete: it gets its name last and loses it first.
NAMES = ("test_values", "tests", "wafers", "bins", "parts")
ROW_GROUP = 1 << 20
# Without Arrow's own schema, a text that is stored as a dictionary is read back as text.
STORED: dict[str, Any] = {"compression": "zstd", "store_schema": False}


@dataclass(frozen=True)
class Rules:
    """How parts become die, and whether each row names its file."""

    naming: Naming
    parts: PartRules
    with_file: bool = False


@dataclass(frozen=True)
class FileCounts:
    """The rows of one file; `left_out` are MPR and FTR records, which have no row of their own."""

    path: str
    touchdowns: int
    results: int
    left_out: int
    refused: int


@dataclass(frozen=True)
class Exported:
    """The rows that were written, and the files without rows."""

    files: list[FileCounts]
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
    """Write NAMES into `out`, named only when all are whole; call `on_rows` with results written.

    A file whose results cannot be read is left out as a whole and named in `broken`. Raises
    AccountingError where rows written and refused do not add up to those in the files,
    FabYieldError where `out` cannot be written.
    """

    def read(path: str) -> Iterator[StdfTables]:
        try:
            for batch in batches(path):
                yield batch
                on_rows(batch.test_values.num_rows)
        except (StdfError, OSError) as error:
            raise _BrokenError(path, str(error)) from error

    left, broken = list(outlines), list[str]()
    while left:
        sources, skipped = files_that_count(left, rules.naming, rules.parts.engineering_modes)
        try:
            out.mkdir(parents=True, exist_ok=True)
            with TemporaryDirectory(dir=out, prefix=".to-parquet-") as folder:
                files, changed = _write_values(sources, Path(folder), read)
                die = _write_others(sources, Path(folder), rules)
                (out / f"{NAMES[-1]}.parquet").unlink(missing_ok=True)
                for name in NAMES:
                    os.replace(Path(folder) / f"{name}.parquet", out / f"{name}.parquet")
            return Exported(files, skipped, broken, *die, changed)
        except _BrokenError as error:
            broken.append(str(error))
            left = [outline for outline in left if outline.path != error.path]
        except OSError as error:
            raise FabYieldError(
                f"{out}: cannot be written: {error}; make room or choose another folder"
            ) from error
    return Exported([], [], broken, 0, 0, 0, 0)


def _write_values(
    sources: Sequence[SessionFile], folder: Path, read: Batches
) -> tuple[list[FileCounts], int]:
    """Write test_values.parquet and tests.parquet; count rows by file, and tests redefined."""
    catalog, files, first, redefined = TestCatalog(), [], 0, list[Redefined]()
    path = folder / "test_values.parquet"
    with pq.ParquetWriter(path, parquet_tables.VALUES, **STORED) as writer:
        for source in sources:
            outline, tests = source.outline, FileTests(catalog, source)
            rows: Counter[str] = Counter()
            refused: Counter[str | None] = Counter()
            for batch in read(outline.path):
                rows.update(PRR=batch.parts.num_rows, PTR=batch.test_values.num_rows)
                refused.update(batch.refused["record_name"].to_pylist())
                test_row = tests.of(batch.test_values)
                table = parquet_tables.values(batch.test_values, first, test_row)
                writer.write_table(table, ROW_GROUP)
                tests.define(batch.tests)
                size = batch.content_bytes
            if size != outline.tables.content_bytes:
                reason = f"{outline.path}: changed while it was read; try again when it is whole"
                raise _BrokenError(outline.path, reason)
            files.append(_file_counts(outline, rows, refused))
            redefined.append(tests.redefined)
            first += outline.tables.parts.num_rows
    if any(redefined):
        _hold_to_catalog(path, [file.results for file in files], redefined)
    _write(folder, "tests", catalog.table())
    return files, len(catalog.changed)


def _hold_to_catalog(path: Path, results: Sequence[int], redefined: Sequence[Redefined]) -> None:
    """Write test_values.parquet anew, its own limits relative to the tests of all files.

    `results`: the rows of each file, which share no row group. Only a whole file has all its
    definitions, after its results were written.
    """
    ends, start = list(accumulate(results)), 0
    old = path.rename(path.with_suffix(".before"))
    with (
        pq.ParquetFile(old) as stored,
        pq.ParquetWriter(path, parquet_tables.VALUES, **STORED) as writer,
    ):
        for group in range(stored.num_row_groups):
            rows = stored.read_row_group(group).cast(parquet_tables.VALUES)
            tests = redefined[bisect_right(ends, start)] if rows.num_rows else {}
            writer.write_table(relative_to_catalog(rows, tests) if tests else rows, ROW_GROUP)
            start += rows.num_rows
    old.unlink()


def _write_others(
    sources: Sequence[SessionFile], folder: Path, rules: Rules
) -> tuple[int, int, int]:
    """Write parts, wafers and bins; count the die, those that pass first and those in the end."""
    found = parts_of(sources)
    turns = touchdowns_that_count(found, runs_of(sources, rules.naming), rules.parts)
    tables = {name: parquet_tables.of_files(sources, name) for name in ("wafers", "bins")}
    tables["parts"] = parquet_tables.parts(sources, found, turns)
    for name, rows in tables.items():
        _write(folder, name, rows if rules.with_file else rows.drop_columns(["file"]))
    first, final = flags(turns, "is_first"), flags(turns, "is_final")
    good = flags(found, "part_pass")
    return int(final.sum()), int((good & first).sum()), int((good & final).sum())


def _write(folder: Path, name: str, rows: pa.Table) -> None:
    pq.write_table(rows, folder / f"{name}.parquet", ROW_GROUP, **STORED)


def _file_counts(outline: Outline, rows: Counter[str], refused: Counter[str | None]) -> FileCounts:
    """Raise AccountingError where rows and refusals do not add up to the records in the file."""
    counts, parts = outline.tables.counts, outline.tables.parts.num_rows
    for name in ("PRR", "PTR"):
        there = counts.get(name, 0)
        if rows[name] + refused[name] != there or (name == "PRR" and rows[name] != parts):
            raise AccountingError(
                f"{outline.path}: {there:,} {name} in the file, but {rows[name]:,} rows and "
                f"{refused[name]:,} refused; nothing was written; report the file as a fault"
            )
    left_out = counts.get("MPR", 0) + counts.get("FTR", 0)
    return FileCounts(outline.path, rows["PRR"], rows["PTR"], left_out, refused.total())
