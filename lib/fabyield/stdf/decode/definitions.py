"""The tests of a file: which there are, and what its records say of them."""

from types import MappingProxyType
from typing import Any, Final

import numpy as np
import pyarrow as pa

from fabyield.errors import StdfError
from fabyield.stdf.arrow.list_columns import ArrowArray
from fabyield.stdf.compiled.buffers import Flags, Ints
from fabyield.stdf.decode.rows import Rows
from fabyield.stdf.spec.records import RECORDS
from fabyield.stdf.spec.types import ARROW

KINDS: Final = MappingProxyType({"PTR": "P", "MPR": "M", "FTR": "F"})
DEFINED = (
    *("units", "res_scal", "llm_scal", "hlm_scal", "lo_limit", "hi_limit", "lo_spec", "hi_spec"),
    *("c_resfmt", "c_llmfmt", "c_hlmfmt", "start_in", "incr_in", "units_in"),
)
TYPES: Final[dict[str, ArrowArray]] = {
    f.name: ARROW.get(f.type, pa.string()) for f in RECORDS["MPR"].fields
}
NO_LIMIT: Final = MappingProxyType(
    {"lo_limit": 64, "llm_scal": 64, "hi_limit": 128, "hlm_scal": 128}
)
MOST_TESTS = 1_000_000

Key = tuple[str, int, str | None]


class Definitions:
    """The tests met so far, numbered in order of first sight.

    A test is known by the kind of its record, number and text; no text means the first text that
    the number has in the file.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._index: dict[Key, int] = {}
        self._usual: dict[tuple[str, int], int] = {}
        self._tests: list[Key] = []
        self._values: dict[str, list[Any]] = {name: [] for name in DEFINED}
        self._told = np.zeros((len(DEFINED), 0), np.bool_)

    def __len__(self) -> int:
        return len(self._tests)

    def learn(self, telling: dict[str, Rows]) -> dict[str, Ints]:
        """Take in the first records of each kind of a block; give the test of each.

        `telling` has the rows by name of record, with all their fields.
        """
        tests = {name: rows.tests() for name, rows in telling.items()}
        keys = {
            name: _keys(KINDS[name], telling[name].some(first))
            for name, (_, first) in tests.items()
        }
        found = {
            name: np.array([self._index.get(key, -1) for key in keys[name]], np.int32)
            for name in telling
        }
        starts = {name: telling[name].starts[first] for name, (_, first) in tests.items()}
        new = [(starts[n][i], n, i) for n in telling for i in np.flatnonzero(found[n] < 0)]
        for _, name, row in sorted(new):
            found[name][row] = self._number(keys[name][row])
        self._make_room()
        for name, rows in telling.items():
            found[name] = found[name][tests[name][0]]
            self._define(rows, found[name])
        return found

    def _number(self, key: Key) -> int:
        kind, number, text = key
        usual = self._usual.get((kind, number))
        if key in self._index:
            return self._index[key]
        if text is None and usual is not None:
            return self._index.setdefault(key, usual)
        if usual is not None and self._tests[usual][2] is None:
            # Named only now: what came before was of this test.
            self._tests[usual] = key
            return self._index.setdefault(key, usual)
        self._tests.append(key)
        self._usual.setdefault((kind, number), len(self._tests) - 1)
        return self._index.setdefault(key, len(self._tests) - 1)

    def _make_room(self) -> None:
        if len(self) > MOST_TESTS:
            raise StdfError(
                f"{self._name}: more than {MOST_TESTS:,} different tests by number and text"
            )
        more = len(self) - self._told.shape[1]
        self._told = np.hstack([self._told, np.zeros((len(DEFINED), more), np.bool_)])
        for values in self._values.values():
            values.extend([None] * more)

    def _define(self, rows: Rows, test: Ints) -> None:
        """Keep what the first record of each test that carries a field says of it."""
        known = {field.name for field in rows.record.fields}
        for told, name in zip(self._told, DEFINED, strict=True):
            if name not in known or told.all() or told[test].all():
                continue
            column = rows.column(name)
            news = np.flatnonzero(
                (np.asarray(column.is_valid()) | _says_none(rows, name)) & ~told[test]
            )
            new, first = np.unique(test[news], return_index=True)
            told[new] = True
            said = column.take(pa.array(news[first])).to_pylist()
            for index, value in zip(new.tolist(), said, strict=True):
                self._values[name][index] = value

    def texts(self) -> ArrowArray:
        """The text of each test, null where it has none so far."""
        return pa.array([text for _, _, text in self._tests], pa.string())

    def numbers(self) -> ArrowArray:
        """The number of each test."""
        return pa.array([number for _, number, _ in self._tests], pa.int64())

    def table(self) -> pa.Table:
        """One row per test."""
        return pa.table(
            {
                "test_index": pa.array(np.arange(len(self), dtype=np.int32)),
                "test_kind": pa.array([kind for kind, _, _ in self._tests], pa.string()),
                "test_num": self.numbers(),
                "test_txt": self.texts(),
                **{name: pa.array(self._values[name], TYPES[name]) for name in DEFINED},
            }
        )


def _keys(kind: str, rows: Rows) -> list[Key]:
    numbers, texts = rows.integers("test_num").tolist(), rows.column("test_txt").to_pylist()
    return [(kind, number, text) for number, text in zip(numbers, texts, strict=True)]


def _says_none(rows: Rows, field: str) -> Flags:
    if field not in NO_LIMIT:
        return np.zeros(len(rows), np.bool_)
    says: Flags = rows.has("opt_flag") & (rows.integers("opt_flag") & NO_LIMIT[field] != 0)
    return says
