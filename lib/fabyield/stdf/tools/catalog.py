"""The tests of several files as one table, each test a row for as long as its program lasts."""

from operator import itemgetter
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from fabyield.stdf.arrow.numpy_columns import listed, taken

DEFINED = ("units", "lo_limit", "hi_limit", "res_scal", "llm_scal", "hlm_scal")
_TYPES: dict[str, pa.DataType] = {
    **{"test_num": pa.int64(), "test_txt": pa.string(), "units": pa.string()},
    **{"lo_limit": pa.float32(), "hi_limit": pa.float32()},
    **{"res_scal": pa.int16(), "llm_scal": pa.int16(), "hlm_scal": pa.int16()},
    **{"kind": pa.string(), "test_program": pa.string(), "test_program_rev": pa.string()},
}
SCHEMA = pa.schema(_TYPES)
Program = tuple[str | None, str | None]
TestRows = NDArray[np.int32]


class Catalogue:
    """Tests known by program, revision, kind, number and text; `changed` are defined anew later."""

    def __init__(self) -> None:
        self._rows: dict[tuple[Any, ...], int] = {}
        self._defined: dict[int, tuple[Any, ...]] = {}
        self.changed: set[int] = set()

    def row(self, program: Program, kind: str, number: int, text: str | None) -> int:
        """The row of a test, a new one at first sight."""
        key = (number, text, kind, *program)
        return self._rows.setdefault(key, len(self._rows))

    def name(self, row: int, program: Program, kind: str, number: int, text: str | None) -> None:
        """Name a test whose first results came before its text, unless one of that name exists."""
        nameless, key = (number, None, kind, *program), (number, text, kind, *program)
        if self._rows.get(nameless) == row and key not in self._rows:
            del self._rows[nameless]
            self._rows[key] = row

    def define(self, row: int, definition: tuple[Any, ...]) -> None:
        """Take what a file says of a test; the first file's word stands."""
        # By how they are written: NaN is no other limit than NaN.
        if repr(self._defined.setdefault(row, definition)) != repr(definition):
            self.changed.add(row)

    def table(self) -> pa.Table:
        """One row per test, in order of first sight."""
        none = (None,) * len(DEFINED)
        rows = [
            (number, text, *self._defined.get(row, none), *rest)
            for (number, text, *rest), row in sorted(self._rows.items(), key=itemgetter(1))
        ]
        named = [dict(zip(SCHEMA.names, row, strict=True)) for row in rows]
        return pa.Table.from_pylist(named, SCHEMA)


class FileTests:
    """Where the tests of one file stand in a catalogue, learnt as its results go by."""

    def __init__(self, catalogue: Catalogue, program: Program) -> None:
        self._catalogue, self._program = catalogue, program
        self._rows: TestRows = np.empty(0, np.int32)

    def of(self, values: pa.Table) -> TestRows:
        """The catalogue's row of each PTR result."""
        index = values["test_index"].to_numpy()
        self._grow(int(index.max(initial=-1)) + 1)
        new = np.flatnonzero(self._rows[index] < 0)
        first = new[np.unique(index[new], return_index=True)[1]]
        told = taken(values.select(["test_index", "test_num", "test_txt"]), first)
        for test, number, text in listed(told, *told.column_names):
            self._rows[test] = self._catalogue.row(self._program, "P", number, text)
        found: TestRows = self._rows[index]
        return found

    def define(self, tests: pa.Table) -> None:
        """Take the definitions that stand at the end of a file."""
        self._grow(tests.num_rows)
        wanted = ("test_index", "test_kind", "test_num", "test_txt", *DEFINED)
        for test, kind, number, text, *rest in listed(tests, *wanted):
            if self._rows[test] < 0:
                self._rows[test] = self._catalogue.row(self._program, kind, number, text)
            self._catalogue.name(int(self._rows[test]), self._program, kind, number, text)
            self._catalogue.define(int(self._rows[test]), tuple(rest))

    def _grow(self, size: int) -> None:
        more = np.full(max(0, size - self._rows.size), -1, np.int32)
        self._rows = np.concatenate([self._rows, more])
