"""Test results and wafers as Parquet, written wafer by wafer."""

import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.simulated import Wafer

ROW_GROUP = 1_000_000
NAMES = ("lot_id", "wafer_id")
FACTS = (*NAMES, "product_id", "chamber")


@dataclass(frozen=True)
class Data:
    """Two files: test results, and the wafers that they are of."""

    results: Path
    wafers: Path
    rows: int

    @classmethod
    def written(cls, folder: Path, made: Iterable[Wafer], rows: int = sys.maxsize) -> "Data":
        """Write whole wafers of `made` until there are `rows` test results or a few more."""
        folder.mkdir(parents=True, exist_ok=True)
        results, of_wafers = folder / "parametric_results.parquet", folder / "wafers.parquet"
        facts: list[dict[str, str | int]] = []
        total = 0
        tables = _kept(keyed(made, rows), facts)
        first = next(tables)
        with pq.ParquetWriter(results, first.schema) as writer:
            for group in _groups(first, tables):
                writer.write_table(group, row_group_size=ROW_GROUP)
                total += group.num_rows
        pq.write_table(pa.Table.from_pylist(facts), of_wafers)
        return cls(results, of_wafers, total)


def thinned(made: Iterable[Wafer], rows: int) -> Iterator[Wafer]:
    """Keep the first `rows` test results of each wafer."""
    for wafer in made:
        yield replace(wafer, results=wafer.results.slice(0, rows))


def skewed(made: Iterable[Wafer]) -> Iterator[Wafer]:
    """Put three wafers of ten under the first one's name, and two of a hundred under none."""
    wafers = iter(made)
    first = next(wafers)
    yield first
    for turn, wafer in enumerate(wafers, 1):
        if turn % 10 in (3, 6, 9):
            yield _named(wafer, first)
        elif turn % 50 == 1:
            yield _named(wafer, replace(first, lot_id=None, wafer_id=None))
        else:
            yield wafer


def _named(wafer: Wafer, other: Wafer) -> Wafer:
    results = wafer.results
    for place, name in enumerate(NAMES):
        value = pa.scalar(getattr(other, name), pa.string())
        results = results.set_column(place, name, pa.repeat(value, results.num_rows))
    return replace(other, results=results)


def keyed(made: Iterable[Wafer], rows: int) -> Iterator[tuple[int | None, Wafer]]:
    """Number wafers by name until they hold `rows` test results; without a name, without a key."""
    total = 0
    keys: dict[tuple[str, str], int] = {}
    for wafer in made:
        named = wafer.lot_id is not None and wafer.wafer_id is not None
        name = str(wafer.lot_id), str(wafer.wafer_id)
        yield (keys.setdefault(name, len(keys) + 1) if named else None), wafer
        total += wafer.results.num_rows
        if total >= rows:
            return


def with_key(wafer: Wafer, key: int | None) -> pa.Table:
    """Test results with the bigint that their wafer is joined by, after its names."""
    keys = pa.repeat(pa.scalar(key, pa.int64()), wafer.results.num_rows)
    return wafer.results.add_column(len(NAMES), "wafer_key", keys)


def _kept(
    numbered: Iterable[tuple[int | None, Wafer]], facts: list[dict[str, str | int]]
) -> Iterator[pa.Table]:
    known = set()
    for key, wafer in numbered:
        if key is not None and key not in known:
            known.add(key)
            facts.append({"wafer_key": key, **{name: getattr(wafer, name) for name in FACTS}})
        yield with_key(wafer, key)


def _groups(first: pa.Table, tables: Iterable[pa.Table]) -> Iterator[pa.Table]:
    """Put the tables of wafers together until they fill a row group."""
    waiting = [first]
    for table in tables:
        if sum(one.num_rows for one in waiting) + table.num_rows > ROW_GROUP:
            yield pa.concat_tables(waiting)
            waiting = []
        waiting.append(table)
    yield pa.concat_tables(waiting)
