"""The simulated fab as the benches see it; only its own bench knows more of the simulator.

It is asked by its command, and seen as a night sees it: STDF files and a factory database.
"""

import gzip
import sqlite3
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from shutil import copy2

import pyarrow as pa
import pyarrow.compute as pc

from benchmarks.harness.process import output
from fabyield import stdf

STEP = "etch_gate"
SORTED = "_cp1.stdf.gz"
LOT_WAFERS = 25
# More test results than these lots have are those of the same wafers again, in other lots.
MOST_LOTS, LOT_RESULTS = 8, 500_000
FAILED = 0b1000_0000
CHAMBERS = """
select h.lot_id, h.wafer_id, l.product_id, h.equipment_id || '-' || h.chamber_id
from process_history h join lots l on h.lot_id = l.lot_id where h.process_step = ?
"""
BLOCK = 1 << 20


@dataclass(frozen=True)
class Wafer:
    """A wafer and its test results: lot_id, wafer_id, x_coord, y_coord, test_num, result, ..."""

    lot_id: str | None
    wafer_id: str | None
    product_id: str
    chamber: str
    results: pa.Table


@dataclass(frozen=True)
class Nights:
    """Files of each night by themselves, and a factory database that knows the lots of all."""

    files: list[list[Path]]
    database: Path

    def megabytes(self, night: int) -> float:
        """Millions of bytes of STDF that a night brings, unpacked."""
        return sum(map(_unpacked, self.files[night])) / 1e6

    def first_sort(self) -> "Nights":
        """The same nights with the files of the first insertion alone."""
        kept = [[file for file in night if file.name.endswith(SORTED)] for night in self.files]
        return Nights(kept, self.database)

    def wafers(self) -> Iterator[Wafer]:
        """Wafers of the first night, each read when it is asked for, without an end."""
        with closing(sqlite3.connect(self.database)) as connection:
            rows = connection.execute(CHAMBERS, [STEP]).fetchall()
        known = {(lot, wafer): facts for lot, wafer, *facts in rows}
        for turn in count():
            for file in self.first_sort().files[0]:
                lot_id, wafer_id = file.name.split("_")[1:3]
                named = f"{lot_id}R{turn}" if turn else lot_id
                yield _wafer(file, named, wafer_id, *known[lot_id, wafer_id])


def fab(folder: Path, rows: int) -> Nights:
    """Have one night of as many lots simulated as `rows` test results need, or of MOST_LOTS."""
    return nights(folder, 1, min(MOST_LOTS, -(-rows // LOT_RESULTS)), LOT_WAFERS)


def default_nights(folder: Path, number: int) -> Nights:
    """Have the nights delivered that `make landing` begins with."""
    return nights(folder, number, 3, LOT_WAFERS, "bad_chamber")


def nights(
    folder: Path, number: int, lots: int, lot_wafers: int, scenario: str = "quiet"
) -> Nights:
    """Have the simulator deliver so many nights of so many lots."""
    sizes = {"nights": number, "lots-per-night": lots, "wafers-per-lot": lot_wafers}
    sizes |= {"scenario": scenario}
    options = [word for name, size in sizes.items() for word in (f"--{name}", str(size))]
    command = Path(sys.executable).with_name("fabsim")
    output([str(command), "--out", str(folder), *options])
    by_night = sorted((folder / "landing" / "stdf").iterdir())
    return Nights([sorted(night.iterdir()) for night in by_night], folder / "fab.db")


def know_lots(source: Path, database: Path, unknown: Sequence[Path]) -> None:
    """Copy a factory database without the lots that `unknown` files are of."""
    copy2(source, database)
    lots = [[lot] for lot in sorted({path.name.split("_")[1] for path in unknown})]
    with closing(sqlite3.connect(database)) as connection:
        for (table,) in connection.execute("select name from sqlite_master where type = 'table'"):
            columns = [row[1] for row in connection.execute(f"pragma table_info({table})")]
            if "lot_id" in columns:
                connection.executemany(f"delete from {table} where lot_id = ?", lots)
        connection.commit()


def _wafer(file: Path, lot_id: str, wafer_id: str, product_id: str, chamber: str) -> Wafer:
    read = stdf.read(file).test_values
    columns = {
        "lot_id": pa.repeat(pa.scalar(lot_id), read.num_rows),
        "wafer_id": pa.repeat(pa.scalar(wafer_id), read.num_rows),
        "x_coord": read["x_coord"].cast(pa.int32()),
        "y_coord": read["y_coord"].cast(pa.int32()),
        "test_num": read["test_num"].cast(pa.int64()),
        "result": read["result"],
        "test_pass": pc.equal(pc.bit_wise_and(read["test_flg"].cast(pa.int32()), FAILED), 0),
    }
    return Wafer(lot_id, wafer_id, product_id, chamber, pa.table(columns))


def _unpacked(path: Path) -> int:
    with gzip.open(path) as file:
        return sum(map(len, iter(lambda: file.read(BLOCK), b"")))
