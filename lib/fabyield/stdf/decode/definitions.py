"""The tests of a file and what its records say about them."""

from operator import itemgetter
from types import MappingProxyType
from typing import Any, Final, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from fabyield.errors import StdfError
from fabyield.stdf.arrow.list_columns import ArrowArray
from fabyield.stdf.compiled.buffers import Ints, Longs, take
from fabyield.stdf.decode.rows import Rows
from fabyield.stdf.decode.stated import (
    TYPES,
    other_than,
    own_limits,
    stated,
    statement,
    with_infinite,
)
from fabyield.stdf.spec.codes import PADDING

KINDS: Final = MappingProxyType({"PTR": "P", "MPR": "M", "FTR": "F"})
DEFINED = (
    *("units", "res_scal", "llm_scal", "hlm_scal", "lo_limit", "hi_limit", "lo_spec", "hi_spec"),
    *("c_resfmt", "c_llmfmt", "c_hlmfmt", "start_in", "incr_in", "units_in"),
)
MOST_TESTS = 1_000_000
NO_TEST = -1
NEVER: Final = np.iinfo(np.int64).max


class FirstName(NamedTuple):
    """The record of a file that first names a test of a number; `site`: head and site as one.

    `is_late`: records without a text came before it.
    """

    number: int
    test: int
    site: int
    offset: int
    is_late: bool


Key = tuple[str, int, str | None]
Number = tuple[str, int]


class Definitions:
    """The tests so far, numbered by first appearance.

    A test is known by the kind of its record, its number and its trimmed text. A record without a
    text has a negative code of its number until its part is closed: it is of the only test of that
    number, or where several share the number, of the one that the order within its part tells.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._index: dict[Key, int] = {}
        self._usual: dict[Number, int] = {}
        self._shared: dict[str, dict[int, int]] = {kind: {} for kind in KINDS.values()}
        self._unnamed: list[Number] = []
        self._nameless: dict[Number, int] = {}
        # Of each kind, those in the last block.
        self.first_names: dict[str, list[FirstName]] = {}
        self._unused: set[int] = set()
        self._nothing_else: dict[str, bytes] = {}
        self._tests: list[Key] = []
        self._values: dict[str, list[Any]] = {name: [] for name in DEFINED}
        # The byte of the record that states a field of a test.
        self._stated_at = np.zeros((len(DEFINED), 0), np.int64)
        self._look_up()

    def __len__(self) -> int:
        return len(self._tests)

    def add(self, firsts: dict[str, Rows]) -> dict[str, Ints]:
        """Add the first record of each kind of a block, by record name; return the test of each."""
        tests = {name: rows.tests() for name, rows in firsts.items()}
        keys: dict[str, list[Key]] = {}
        starts: list[tuple[int, int, Key]] = []
        self.first_names = {kind: [] for kind in KINDS.values()}
        for name, (_, first) in tests.items():
            rows = firsts[name].some(first)
            keys[name] = _keys(KINDS[name], rows)
            offsets = (rows.starts + rows.chain.base).tolist()
            sites = rows.integers("head_num") << 8 | rows.integers("site_num")
            starts += zip(offsets, sites.tolist(), keys[name], strict=True)
        for offset, site, key in sorted(starts, key=itemgetter(0)):
            self._number(key, offset, site)
        self._make_room()
        self._look_up()
        found: dict[str, Ints] = {}
        for name, rows in firsts.items():
            index = np.array([self._index[key] for key in keys[name]], np.int32)
            found[name] = index[tests[name][0]]
            self._define(rows, self._defined_by(rows, found[name]))
        return found

    def _look_up(self) -> None:
        """Remember the first test of the number of each code, and from where it may be another."""
        usual = [self._usual[number] for number in self._unnamed]
        since = [self._shared[kind].get(number, NEVER) for kind, number in self._unnamed]
        tests, never = np.arange(len(self)), np.full(len(self), NEVER)
        self._first = np.array([*tests, *reversed(usual), NO_TEST], np.int32)
        self._shared_from = np.array([*never, *reversed(since), NEVER], np.int64)

    def _defined_by(self, rows: Rows, test: Ints) -> Ints:
        """Return the test that each record defines, NO_TEST where it may be one of several."""
        is_one = rows.starts + rows.chain.base < self._shared_from[test]
        return np.where(is_one, self._first[test], NO_TEST)

    def _number(self, key: Key, offset: int, site: int) -> None:
        if key in self._index:
            return
        kind, number, text = key
        test = self._usual.setdefault((kind, number), len(self._tests))
        is_late = test < len(self._tests)
        if not is_late:
            self._tests.append(key)
        elif text is not None and self._tests[test][2] is None:
            # The file names this test only now, after its first results.
            self._tests[test] = key
        elif text is not None:
            test = len(self._tests)
            self._tests.append(key)
            self._share(kind, number, offset)
        self._index[key] = test
        if text is not None and test == self._usual[kind, number]:
            self.first_names[kind].append(FirstName(number, test, site, offset, is_late))
        if text is None:
            self._index[key] = NO_TEST - 1 - len(self._unnamed)
            self._unnamed.append((kind, number))

    def _share(self, kind: str, number: int, offset: int) -> None:
        """Note that a number has a second name, and keep a test for results of neither."""
        if number not in self._shared[kind]:
            self._shared[kind][number] = offset
            nameless = self._nameless[kind, number] = len(self._tests)
            self._unused.add(nameless)
            self._nothing_else.clear()
            self._tests.append((kind, number, None))

    def _make_room(self) -> None:
        if len(self) > MOST_TESTS:
            raise StdfError(
                f"{self._name}: more than {MOST_TESTS:,} different tests by number and text"
            )
        more = len(self) - self._stated_at.shape[1]
        unknown = np.full((len(DEFINED), more), NEVER)
        self._stated_at = np.hstack([self._stated_at, unknown])
        # No record defines a test without a name beside named ones: it has nothing from the start.
        self._stated_at[:, list(self._nameless.values())] = 0
        for values in self._values.values():
            values.extend([None] * more)

    def _define(self, rows: Rows, test: Ints) -> None:
        """Keep each field from the first record of its test that has it."""
        for stated_at, name in zip(self._stated_at, DEFINED, strict=True):
            known = stated_at < NEVER
            if name not in rows.record.places or known.all() or known[test].all():
                continue
            column, says = stated(rows, name)
            news = np.flatnonzero(says & (test >= 0) & ~known[test])
            new, first = np.unique(test[news], return_index=True)
            stated_at[new] = rows.starts[news[first]] + rows.chain.base
            values = column.take(pa.array(news[first])).to_pylist()
            for index, value in zip(new.tolist(), values, strict=True):
                self._values[name][index] = value

    def own_limits(self, rows: Rows, test: Ints) -> ArrowArray | None:
        """Return the OWN_LIMITS of records; all that they state of one of several tests."""
        if "lo_limit" not in rows.record.places:
            return None
        # Most blocks state what the block before did, whose records were found to be usual.
        says = statement(rows, test) if len(rows) <= 2 * len(self) else b""
        if says and says == self._nothing_else.get(rows.record.name):
            return None
        may_be_other = self._shared_from[test] < NEVER
        own = own_limits(rows, self._first[test], self._column, may_be_other)
        if own is None:
            self._nothing_else[rows.record.name] = says
        return own

    def _column(self, name: str) -> ArrowArray:
        return pa.array(self._values[name], TYPES[name])

    def other_limits(self, own: ArrowArray, test: Longs, offset: Longs) -> ArrowArray:
        """Return OWN_LIMITS without what the test of each record had stated before it."""

        def stated_before(name: str) -> ArrowArray:
            column = with_infinite(name, self._column(name)).take(pa.array(test))
            is_later = self._stated_at[DEFINED.index(name)][test] > offset
            return pc.if_else(pa.array(is_later), pa.scalar(None, column.type), column)

        return other_than(own, stated_before)

    def shared(self, kind: str) -> dict[int, int]:
        """Return the numbers that several named tests of a kind share, with the second's offset."""
        return self._shared[kind]

    def numbers_of(self, test: Ints) -> Longs:
        """Return the numbers of tests and codes."""
        return np.array([number for _, number, _ in self._tests], np.int64)[self.first_of(test)]

    def first_of(self, test: Ints) -> Ints:
        """Return tests, and in place of each code the first test of its number."""
        return take(self._first, test) if self._unnamed else test

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
