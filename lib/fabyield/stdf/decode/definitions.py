"""The tests of a file and what its records say about them."""

from operator import itemgetter
from types import MappingProxyType
from typing import Any, Final

import numpy as np
import pyarrow as pa

from fabyield.errors import StdfError
from fabyield.stdf.arrow.list_columns import ArrowArray
from fabyield.stdf.compiled.buffers import Ints, Longs
from fabyield.stdf.decode.rows import Rows
from fabyield.stdf.decode.stated import TYPES, other_than, own_limits, stated, statement
from fabyield.stdf.spec.codes import PADDING

KINDS: Final = MappingProxyType({"PTR": "P", "MPR": "M", "FTR": "F"})
DEFINED = (
    *("units", "res_scal", "llm_scal", "hlm_scal", "lo_limit", "hi_limit", "lo_spec", "hi_spec"),
    *("c_resfmt", "c_llmfmt", "c_hlmfmt", "start_in", "incr_in", "units_in"),
)
MOST_TESTS = 1_000_000

Key = tuple[str, int, str | None]
Number = tuple[str, int]


class Definitions:
    """The tests so far, numbered by first appearance.

    A test is known by the kind of its record, its number and its trimmed text. Without a text it is
    the only test of that number; where several share the number, it has a negative code until the
    order within its part tells.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._index: dict[Key, int] = {}
        self._usual: dict[Number, int] = {}
        self._shared: dict[str, dict[int, int]] = {kind: {} for kind in KINDS.values()}
        self._unnamed: dict[Number, int] = {}
        self._nameless: dict[Number, int] = {}
        self._unused: set[int] = set()
        self._nothing_else: dict[str, bytes] = {}
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
            offsets = firsts[name].starts[first] + firsts[name].chain.base
            starts += zip(offsets.tolist(), keys[name], strict=True)
        for offset, key in sorted(starts, key=itemgetter(0)):
            self._number(key, offset)
        self._make_room()
        found: dict[str, Ints] = {}
        for name, rows in firsts.items():
            index = np.array([self._test_of(key) for key in keys[name]], np.int32)
            found[name] = index[tests[name][0]]
            self._define(rows, self._defined_by(rows, found[name]))
        return found

    def _defined_by(self, rows: Rows, test: Ints) -> Ints:
        """Return the test that each record defines, -1 where it may be one of several."""
        defined, numbers = test.copy(), list(self._unnamed)
        for row in np.flatnonzero(test < 0).tolist():
            kind, number = numbers[-2 - test[row]]
            before = rows.starts[row] + rows.chain.base < self._shared[kind][number]
            defined[row] = self._usual[kind, number] if before else -1
        return defined

    def _test_of(self, key: Key) -> int:
        """Return the test of a key, or a negative code if it may be one of several."""
        kind, number, text = key
        if text is not None or number not in self._shared[kind]:
            return self._index[key]
        return -2 - self._unnamed.setdefault((kind, number), len(self._unnamed))

    def _number(self, key: Key, offset: int) -> None:
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
            self._share(kind, number, offset)
        self._index[key] = test

    def _share(self, kind: str, number: int, offset: int) -> None:
        """Note that a number has a second name, and keep a test for results of neither."""
        if number not in self._shared[kind]:
            self._shared[kind][number] = offset
            nameless = self._nameless[kind, number] = len(self._tests)
            self._unused.add(nameless)
            self._tests.append((kind, number, None))

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
            column, says = stated(rows, name)
            news = np.flatnonzero(says & (test >= 0) & ~known[test])
            new, first = np.unique(test[news], return_index=True)
            known[new] = True
            values = column.take(pa.array(news[first])).to_pylist()
            for index, value in zip(new.tolist(), values, strict=True):
                self._values[name][index] = value

    def own_limits(self, rows: Rows, test: Ints) -> ArrowArray | None:
        """Return the OWN_LIMITS of records; of those with a code, all that they state."""
        if "lo_limit" not in rows.record.places:
            return None
        usual = np.array([*(self._usual[number] for number in self._unnamed), 0])
        # Most blocks state what the block before did, whose records were found to be usual.
        says = statement(rows, test) if len(rows) <= 2 * len(self) else b""
        if says and says == self._nothing_else.get(rows.record.name):
            return None
        of_one = np.where(test < 0, usual[np.where(test < 0, -2 - test, -1)], test)
        own = own_limits(rows, of_one, self._column, test < 0)
        if own is None:
            self._nothing_else[rows.record.name] = says
        return own

    def _column(self, name: str) -> ArrowArray:
        return pa.array(self._values[name], TYPES[name])

    def other_limits(self, own: ArrowArray, test: Longs) -> ArrowArray:
        """Return OWN_LIMITS without what is that of the test of each row."""
        return other_than(own, test, self._column)

    def shared(self, kind: str) -> dict[int, int]:
        """Return the numbers that several named tests of a kind share, with the second's offset."""
        return self._shared[kind]

    def numbers_of(self, test: Longs) -> Longs:
        """Return the numbers of tests and of codes of numbers."""
        numbers = [number for _, number, _ in self._tests]
        unnamed = [number for _, number in self._unnamed]
        return np.array([*numbers, *reversed(unnamed), 0], np.int64)[test]

    def usual(self, kind: str, number: Longs) -> list[int]:
        """Return the test of each number that appeared first."""
        return [self._usual[kind, one] for one in number.tolist()]

    def nameless(self, kind: str, number: Longs) -> list[int]:
        """Return the test without a name of each shared number."""
        tests = [self._nameless[kind, one] for one in number.tolist()]
        self._unused.difference_update(tests)
        return tests

    def texts(self) -> ArrowArray:
        """Return the text of each test, null where it has none so far."""
        return pa.array([text for _, _, text in self._tests], pa.string())

    def numbers(self) -> ArrowArray:
        """Return the number of each test."""
        return pa.array([number for _, number, _ in self._tests], pa.int64())

    def table(self) -> pa.Table:
        """Return one row per test; `test_index` skips tests without a name that got no result."""
        table = pa.table(
            {
                "test_index": pa.array(np.arange(len(self), dtype=np.int32)),
                "test_kind": pa.array([kind for kind, _, _ in self._tests], pa.string()),
                "test_num": self.numbers(),
                "test_txt": self.texts(),
                **{name: pa.array(self._values[name], TYPES[name]) for name in DEFINED},
            }
        )
        unused = np.isin(np.arange(len(self)), list(self._unused))
        return table.filter(pa.array(~unused)) if unused.any() else table


def _keys(kind: str, rows: Rows) -> list[Key]:
    numbers, texts = rows.integers("test_num").tolist(), rows.column("test_txt").to_pylist()
    names = ((text or "").strip(PADDING) or None for text in texts)
    return [(kind, number, text) for number, text in zip(numbers, names, strict=True)]
