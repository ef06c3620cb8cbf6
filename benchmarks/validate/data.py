"""A table of test results as the silver layer has it, in which all is well or some is not."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.join.data import keyed, with_key
from benchmarks.simulated import Wafer
from fabyield.lake.catalog import PARAMETRIC_RESULTS
from fabyield.stdf.decode.stated import OWN_LIMITS

# Of all rows: the table's warning is for more than 5 % that are not valid.
INVALID, HEADLESS = 0.1, 0.001
TESTS, BYTES = 50, 83
SAME: dict[str, Any] = {
    "fab_id": "FAB1",
    "insertion": "CP1",
    "product_id": "P1",
    "test_program": "sort",
    "test_program_rev": "01",
    "head_num": 1,
    "site_num": 1,
    "test_txt": "vth_01",
    "touchdown_num": 1,
    "is_final": True,
    "batch": 1,
}


def write(path: Path, made: Iterable[Wafer], rows: int, is_broken: bool) -> int:
    """Write the table, wafer after wafer of `made`; give the number of its rows."""
    # Nullable, as some rows are broken.
    schema = pa.schema([(column.name, column.type) for column in PARAMETRIC_RESULTS.arrow])
    total = 0
    with pq.ParquetWriter(path, schema) as writer:
        for table in _tables(keyed(made, rows), is_broken):
            writer.write_table(table.select(schema.names).cast(schema))
            total += table.num_rows
    return total


def _tables(numbered: Iterable[tuple[int, Wafer]], is_broken: bool) -> Iterator[pa.Table]:
    random = np.random.default_rng(1)
    for key, wafer in numbered:
        yield _filled(with_key(wafer, key), key, random if is_broken else None)


def _filled(results: pa.Table, key: int, random: np.random.Generator | None) -> pa.Table:
    rows = np.arange(results.num_rows)
    columns = {name: pa.repeat(pa.scalar(value), rows.size) for name, value in SAME.items()}
    places = {"file_key": rows * 0 + key, "part_num": rows // TESTS, "record_offset": rows * BYTES}
    columns |= places | {"valid": rows >= 0, "own_limits": pa.nulls(rows.size, OWN_LIMITS)}
    if random is not None:
        columns["valid"] = random.random(rows.size) >= INVALID
        columns["head_num"] = pa.array(rows * 0 + 1, mask=random.random(rows.size) < HEADLESS)
    for name, column in columns.items():
        results = results.append_column(name, [column])
    return results
