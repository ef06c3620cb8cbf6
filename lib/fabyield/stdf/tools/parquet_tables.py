"""The tables that `to-parquet` writes."""

from collections.abc import Sequence
from operator import itemgetter

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from fabyield.stdf.arrow.list_columns import ArrowArray
from fabyield.stdf.arrow.numpy_columns import numbers, tuples
from fabyield.stdf.compiled.buffers import Longs
from fabyield.stdf.decode.stated import OWN, OWN_LIMITS
from fabyield.stdf.spec.codes import NO_TEST_VERDICT, PARAMETER_INVALID, RESULT_INVALID, TEST_FAILED
from fabyield.stdf.tools.catalog_limits import Definition
from fabyield.stdf.tools.sessions import SessionFile

PLACE = ("head_num", "site_num", "part_id", "x_coord", "y_coord", "hard_bin", "soft_bin")
TURN = ("touchdown_num", "is_first", "is_final", "decided_by")
_VALUE_TYPES: dict[str, pa.DataType] = {
    **{"part_row": pa.int64(), "test_row": pa.int32(), "test_num": pa.int64()},
    **{"result": pa.float32(), "valid": pa.bool_(), "test_pass": pa.bool_()},
    "own_limits": OWN_LIMITS,
}
_TEST_TYPES: dict[str, pa.DataType] = {
    **{"test_num": pa.int64(), "test_txt": pa.string(), "units": pa.string()},
    **{"lo_limit": pa.float32(), "hi_limit": pa.float32()},
    **{"res_scal": pa.int16(), "llm_scal": pa.int16(), "hlm_scal": pa.int16()},
    **{"kind": pa.string(), "test_program": pa.string(), "test_program_rev": pa.string()},
}
VALUES, TESTS = pa.schema(_VALUE_TYPES), pa.schema(_TEST_TYPES)
TestKey = tuple[int, str | None, str, str | None, str | None]
TestRows = NDArray[np.int32]


class TestCatalog:
    """Tests by number, text, kind and program; `changed` have several definitions."""

    def __init__(self) -> None:
        self._rows: dict[TestKey, int] = {}
        self._defined: dict[int, Definition] = {}
        self.changed: set[int] = set()

    def row(self, key: TestKey) -> int:
        """Return the row of a test, a new one at first appearance."""
        return self._rows.setdefault(key, len(self._rows))

    def define(self, row: int, key: TestKey, definition: Definition) -> Definition:
        """Keep and return the first definition of a test; keep its text, too, if it came late."""
        nameless = (key[0], None, *key[2:])
        if self._rows.get(nameless) == row and key not in self._rows:
            self._rows[key] = self._rows.pop(nameless)
        first = self._defined.setdefault(row, definition)
        if first != definition:
            self.changed.add(row)
        return first

    def table(self) -> pa.Table:
        """Return one row per test, in order of first appearance."""
        none = (None,) * len(OWN)
        rows = [
            (number, text, *self._defined.get(row, none), *rest)
            for (number, text, *rest), row in sorted(self._rows.items(), key=itemgetter(1))
        ]
        return pa.Table.from_pylist([dict(zip(TESTS.names, r, strict=True)) for r in rows], TESTS)


class FileTests:
    """The rows in a catalog of the tests of one file, collected as its results are read."""

    def __init__(self, catalog: TestCatalog, source: SessionFile) -> None:
        header = source.outline.header
        self._catalog, self._program = catalog, (header["job_nam"], header["job_rev"])
        self._rows: TestRows = np.empty(0, np.int32)
        # The tests with results that the file defines otherwise than the catalog: both definitions.
        self.redefined: dict[int, tuple[Definition, Definition]] = {}

    def of(self, values: pa.Table) -> TestRows:
        """Return the catalog's row of each PTR result."""
        index = values["test_index"].to_numpy()
        self._grow(int(index.max(initial=-1)) + 1)
        new = np.flatnonzero(self._rows[index] < 0)
        first = new[np.unique(index[new], return_index=True)[1]]
        tests = values.select(["test_index", "test_num", "test_txt"]).take(first)
        for test, number, text in tuples(tests, *tests.column_names):
            self._rows[test] = self._catalog.row((number, text, "P", *self._program))
        return np.asarray(self._rows[index])

    def define(self, tests: pa.Table) -> None:
        """Add the definitions at the end of a file."""
        self._grow(int(numbers(tests, "test_index").max(initial=-1)) + 1)
        wanted = ("test_index", "test_kind", "test_num", "test_txt", *OWN)
        for test, kind, number, text, *rest in tuples(tests, *wanted):
            key = (number, text, kind, *self._program)
            if self._rows[test] < 0:
                self._rows[test] = self._catalog.row(key)
            row, own = int(self._rows[test]), tuple(rest)
            first = self._catalog.define(row, key, own)
            if kind == "P" and first != own:
                self.redefined[row] = own, first

    def _grow(self, size: int) -> None:
        more = np.full(max(0, size - self._rows.size), -1, np.int32)
        self._rows = np.concatenate([self._rows, more])


def parts(sources: Sequence[SessionFile], found: pa.Table, turns: pa.Table) -> pa.Table:
    """Return a row per touch-down with its lot and wafer as the tester spelt them, and its file."""
    run = numbers(found, "run")
    # The runs of each file in the order of `sessions.runs_of`.
    rows = [
        (source.outline.header["lot_id"], wafer, source.outline.path)
        for source in sources
        for wafer in [*source.outline.tables.wafers["wafer_id"].to_pylist(), None]
    ]
    lots, wafers, files = zip(*rows, strict=True)
    columns: dict[str, ArrowArray] = {
        "lot_id": _taken(lots, run),
        "wafer_id": _taken(wafers, run),
        **{name: found[name] for name in (*PLACE, "part_pass")},
        **{name: turns[name] for name in TURN},
        **{name: found[name] for name in ("num_test", "test_t")},
        "file": _taken(files, run),
    }
    return pa.table(columns)


def _taken(names: Sequence[str | None], run: Longs) -> ArrowArray:
    # A dictionary: the text of millions of rows would exceed Arrow's 32 bits.
    known: ArrowArray = pa.array(names, pa.string()).dictionary_encode()
    return pa.DictionaryArray.from_arrays(known.indices.take(pa.array(run)), known.dictionary)


def values(rows: pa.Table, first_part: int, test_row: TestRows) -> pa.Table:
    """Return a row per PTR; `first_part` is the row of the file's first part in parts.parquet.

    A result is valid where TEST_FLG bits 0-5 and PARM_FLG bits 0-2 are 0 and it is a finite
    number. Source: STDF V4, PTR.
    """
    flags, result = numbers(rows, "test_flg"), rows["result"].to_numpy()
    invalid = (flags & RESULT_INVALID) | (numbers(rows, "parm_flg") & PARAMETER_INVALID)
    # A null is NaN here.
    valid = (invalid == 0) & np.isfinite(result)
    columns: dict[str, ArrowArray] = {
        "part_row": numbers(rows, "part_num") + first_part,
        "test_row": test_row,
        "test_num": rows["test_num"],
        "result": pa.array(result, mask=~valid),
        "valid": valid,
        "test_pass": pa.array(flags & TEST_FAILED == 0, mask=flags & NO_TEST_VERDICT != 0),
        "own_limits": rows["own_limits"],
    }
    return pa.table(columns, VALUES)


def of_files(sources: Sequence[SessionFile], name: str) -> pa.Table:
    """Return the wafers or bins of all files, each row with its lot and its file."""
    found = []
    for source in sources:
        rows: pa.Table = getattr(source.outline.tables, name)
        lot = pa.array([source.outline.header["lot_id"]] * rows.num_rows, pa.string())
        file = pa.array([source.outline.path] * rows.num_rows, pa.string())
        found.append(rows.add_column(0, "lot_id", lot).append_column("file", file))
    return pa.concat_tables(found)
