"""What an undamaged file holds, record by record, and where the copies of it are in a mutant."""

from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

import numpy as np
import pyarrow as pa

from fabyield.stdf import RECORDS, StdfTables, read, records
from fabyield.stdf.decode.scan import scan
from tests.fuzz.mutations import Mutant
from tests.fuzz.seeds import seed

MEASURED = {"test_values": "PTR", "functional": "FTR", "multi_values": "MPR"}
ROWS = {"parts": "PRR", **MEASURED}
# What other records say of a row: it may be other than it was where one of them is damaged.
CONTEXT = (
    *("record_offset", "pir_offset", "part_num", "wafer_num"),
    *("x_coord", "y_coord", "test_index", "test_txt", "own_limits"),
)
PART_CONTEXT = CONTEXT[:4]


@dataclass(frozen=True)
class Links:
    """Where records start and end, and their codes."""

    start: np.ndarray
    end: np.ndarray
    code: np.ndarray

    @classmethod
    def of(cls, content: bytes) -> "Links":
        (chain,) = scan([np.frombuffer(content, np.uint8)], "test")
        return cls(chain.starts, chain.ends, chain.codes)


@dataclass(frozen=True)
class Reference:
    """An undamaged file as it is read.

    `owner`: of each row of a table of results, by offset, the offsets of its PIR and PRR.
    """

    content: bytes
    tables: StdfTables
    links: Links

    @cached_property
    def fields(self) -> dict[int, tuple[str, dict[str, Any]]]:
        """Name and fields of each record by its offset."""
        return {offset: (name, fields) for name, offset, fields in records(self.content)}

    @cached_property
    def owner(self) -> dict[int, tuple[int, int]]:
        """Offsets of PIR and PRR of each test record that has both, by its own."""
        found: dict[int, tuple[int, int]] = {}
        opened: dict[tuple[int, int], list[int]] = {}
        for offset, (name, fields) in self.fields.items():
            place = fields.get("head_num", -1), fields.get("site_num", -1)
            if name == "PIR":
                opened[place] = [offset]
            elif name in MEASURED.values() and place in opened:
                opened[place].append(offset)
            elif name == "PRR" and place in opened:
                pir, *tests = opened.pop(place)
                found |= dict.fromkeys(tests, (pir, offset))
        return found

    @cached_property
    def names(self) -> dict[int, str]:
        """Name of each record by its offset."""
        return {offset: name for offset, (name, _) in self.fields.items()}

    def row(self, table: str) -> tuple[np.ndarray, pa.Table]:
        """Offsets of the rows of a table, and what only their own record says of them."""
        return own(self.tables, table)


def own(tables: StdfTables, table: str) -> tuple[np.ndarray, pa.Table]:
    """Offsets of the rows of a table, and what only their own record says of them."""
    rows = getattr(tables, table)
    left_out = PART_CONTEXT if table == "parts" else CONTEXT
    return rows["record_offset"].to_numpy(), rows.drop_columns(
        [name for name in left_out if name in rows.column_names]
    )


@cache
def reference(number: int) -> Reference:
    """What one of the undamaged files holds."""
    content = seed(number)
    return Reference(content, read(content), Links.of(content))


@dataclass(frozen=True)
class Copies:
    """The undamaged records in a mutant: place and end there, which of the file's records each is.

    `copy`: in which stretch it stands; `far`: whether all damage is at a distance.
    """

    place: np.ndarray
    end: np.ndarray
    index: np.ndarray
    copy: np.ndarray
    far: np.ndarray

    @classmethod
    def of(cls, mutant: Mutant, known: Reference, distance: int, many: int) -> "Copies":
        """Find them; far is more than `distance` bytes and `many` records from any damage."""
        found = [cls._of_one(n, mutant, known, distance, many) for n in range(len(mutant.copies))]
        empty = np.empty(0, np.int64)
        every = [np.concatenate([part[i] for part in found] or [empty]) for i in range(5)]
        # A second FAR ends the file.
        fars = every[0][(every[2] == 0) & (every[0] > 0)]
        kept = every[0] < (fars.min() if fars.size else len(mutant.content))
        return cls(*(part[kept] for part in every[:4]), every[4][kept].astype(bool))

    @staticmethod
    def _of_one(n: int, mutant: Mutant, known: Reference, distance: int, many: int) -> Any:
        at, source, size = mutant.copies[n].tolist()
        start, end = known.links.start, known.links.end
        index = np.flatnonzero((start >= source) & (end <= source + size))
        rank = np.arange(index.size)
        place, behind = start[index] - source + at, end[index] - source + at
        first = at == source == 0
        last = source + size == len(mutant.whole) and at + size == len(mutant.content)
        far = first | ((place - at > distance) & (rank >= many))
        far &= last | ((at + size - behind > distance) & (rank[::-1] >= many))
        return place, behind, index, np.full(index.size, n), far

    def at(self, offsets: np.ndarray) -> np.ndarray:
        """Tell which of the undamaged records begins at each offset, -1 for none."""
        if not self.place.size:
            return np.full(offsets.size, -1)
        found = np.searchsorted(self.place, offsets, "right") - 1
        return np.where((found >= 0) & (self.place[found] == offsets), found, -1)

    def read(self, links: Links, known: Reference) -> dict[tuple[int, int], int]:
        """Place of each that is read, by the stretch it stands in and its place in the file."""
        kept = np.isin(self.place, links.start)
        original = known.links.start[self.index[kept]].tolist()
        keys = zip(self.copy[kept].tolist(), original, strict=True)
        return dict(zip(keys, self.place[kept].tolist(), strict=True))

    def swallowed(self, links: Links) -> np.ndarray:
        """Tell which are inside a record that ends with one of the same stretch, and are not read.

        Nothing tells one that ends elsewhere from a record whose body is damaged.
        """
        around = np.searchsorted(links.start, self.place, "right") - 1
        end = links.end[around]
        last = np.clip(np.searchsorted(self.end, end), 0, max(self.end.size - 1, 0))
        is_inside = (self.place > links.start[around]) & (self.end <= end)
        return is_inside & (self.end[last] == end) & (self.copy[last] == self.copy)

    def within(self, offsets: np.ndarray) -> np.ndarray:
        """Tell which offsets are inside an undamaged record, behind its first byte."""
        if not self.place.size:
            return np.zeros(offsets.size, bool)
        found = np.searchsorted(self.place, offsets, "right") - 1
        return (found >= 0) & (offsets > self.place[found]) & (offsets < self.end[found])


CODES = {name: record.code for name, record in RECORDS.items()}
