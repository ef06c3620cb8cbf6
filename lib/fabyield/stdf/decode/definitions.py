"""The tests of a file and what its records say about them."""

from operator import itemgetter
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
# Bits of OPT_FLAG that say that a limit does not exist.
NO_LIMIT: Final = MappingProxyType(
    {"lo_limit": 64, "llm_scal": 64, "hi_limit": 128, "hlm_scal": 128}
)
MOST_TESTS = 1_000_000

Key = tuple[str, int, str | None]


class Definitions:
    """The tests so far, numbered by first appearance.

    A test is known by the kind of its record, its number and its text; without a text it is the
    first test of that number.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._index: dict[Key, int] = {}
        self._usual: dict[tuple[str, int], int] = {}
        self._tests: list[Key] = []
        self._values: dict[str, list[Any]] = {name: [] for name in DEFINED}
        self._known = np.zeros((len(DEFINED), 0), np.bool_)

    def __len__(self) -> int:
        return len(self._tests)

    def add(self, firsts: dict[str, Rows]) -> dict[str, Ints]:
        """Add the first record of each kind of a block, by record name; return the test of each."""
        tests = {name: rows.tests() for name, rows in firsts.items()}
        keys: dict[str, list[Key]] = {}
        starts: list[tuple[int, Key]] = []
        for name, (_, first) in tests.items():
            keys[name] = _keys(KINDS[name], firsts[name].some(first))
            starts += zip(firsts[name].starts[first].tolist(), keys[name], strict=True)
        for _, key in sorted(starts, key=itemgetter(0)):
            self._number(key)
        self._make_room()
        found: dict[str, Ints] = {}
        for name, rows in firsts.items():
            index = np.array([self._index[key] for key in keys[name]], np.int32)
            found[name] = index[tests[name][0]]
            self._define(rows, found[name])
        return found

    def _number(self, key: Key) -> None:
        if key in self._index:
            return
        kind, number, text = key
        test = self._usual.setdefault((kind, number), len(self._tests))
        if test == len(self._tests):
            self._tests.append(key)
        elif text is not None and self._tests[test][2] is None:
            # The file names this test only now, after its first results.
            self._tests[test] = key
        elif text is not None:
            test = len(self._tests)
            self._tests.append(key)
        self._index[key] = test

    def _make_room(self) -> None:
        if len(self) > MOST_TESTS:
            raise StdfError(
                f"{self._name}: more than {MOST_TESTS:,} different tests by number and text"
            )
        more = len(self) - self._known.shape[1]
        self._known = np.hstack([self._known, np.zeros((len(DEFINED), more), np.bool_)])
        for values in self._values.values():
            values.extend([None] * more)

    def _define(self, rows: Rows, test: Ints) -> None:
        """Keep each field from the first record of its test that has it."""
        for known, name in zip(self._known, DEFINED, strict=True):
            if name not in rows.record.places or known.all() or known[test].all():
                continue
            column = rows.column(name)
            says = np.asarray(column.is_valid()) | _says_none(rows, name)
            news = np.flatnonzero(says & ~known[test])
            new, first = np.unique(test[news], return_index=True)
            known[new] = True
            values = column.take(pa.array(news[first])).to_pylist()
            for index, value in zip(new.tolist(), values, strict=True):
                self._values[name][index] = value

    def texts(self) -> ArrowArray:
        """Return the text of each test, null where it has none so far."""
        return pa.array([text for _, _, text in self._tests], pa.string())

    def numbers(self) -> ArrowArray:
        """Return the number of each test."""
        return pa.array([number for _, number, _ in self._tests], pa.int64())

    def table(self) -> pa.Table:
        """Return one row per test."""
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
    says_none = rows.integers("opt_flag") & NO_LIMIT.get(field, 0) != 0
    return np.asarray(rows.has("opt_flag") & says_none)
