"""Tests of one number that only the first parts name, told apart by their order within a part.

A file is decoded block by block, but what is told must not depend on where a block ends. So all
that decides are places in the file: a record is judged by the names before it.
"""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from fabyield.stdf.arrow.list_columns import ArrowArray, with_values
from fabyield.stdf.compiled.buffers import Flags, Longs
from fabyield.stdf.compiled.part_ownership import NOBODY
from fabyield.stdf.decode.definitions import NEVER, Definitions, FirstName

UNKNOWN = -1
# Only names so many bytes after the second name of a number are learned: all would take too long
# in a file that names every record.
LEARNED = 16 << 20
# Instead of a number for head and site: any.
ANYWHERE = -1


class Places(NamedTuple):
    """Part, number for head and site, and end of the part of each row; and the unfinished parts."""

    part: Longs
    site: Longs
    closed_at: Longs
    unfinished: Longs


class Executions(NamedTuple):
    """Records of shared numbers in file order; `test` is UNKNOWN where only turns can tell it."""

    part: Longs
    site: Longs
    number: Longs
    offset: Longs
    test: Longs
    teaches: Flags


class Fact(NamedTuple):
    """The test named at a turn, from the byte of its first name to that of a contradiction."""

    test: int = UNKNOWN
    since: int = NEVER
    until: int = NEVER


# Site, number, and how many records of that number the part has before.
Turn = tuple[int, ...]
NO_FACT = Fact()


class SharedNumbers:
    """Which test of one kind is executed at each turn of a part, as parts with named tests show."""

    def __init__(self, kind: str) -> None:
        self._kind = kind
        self._facts: dict[Turn, Fact] = {}
        self._executed: dict[tuple[int, int], int] = {}
        # First names and their turns; few files have a shared number for which they matter.
        self._first: list[tuple[FirstName, int]] = []

    def remember(self, waiting: pa.Table, definitions: Definitions) -> None:
        """Remember the turns of the records that first name a number; their part may end before.

        `waiting`: all rows so far of the parts that are not closed.
        """
        if not (names := definitions.first_names[self._kind]):
            return
        pir, offset = (waiting[name].to_numpy() for name in ("pir", "record_offset"))
        row = np.searchsorted(offset, [name.offset for name in names])
        turns, is_late = np.zeros(row.size, np.int64), np.array([name.is_late for name in names])
        if is_late.any():
            late = row[is_late]
            near = np.flatnonzero(np.isin(pir[: late[-1] + 1], pir[late]))
            number = definitions.numbers_of(waiting["test_index"].to_numpy()[near])
            turns[is_late] = _turns(pir[near], number)[np.searchsorted(near, late)]
        turns[pir[row] == NOBODY] = NEVER
        self._first += zip(names, turns.tolist(), strict=True)

    def told_apart(self, rows: pa.Table, places: Places, definitions: Definitions) -> pa.Table:
        """Return rows with a test for each code.

        A record before the second name of its number is of the test named first, but names no turn.
        One whose turn is named by no part, or differently by two, is of a test without a name.
        """
        self._learn_first()
        shared = definitions.shared(self._kind)
        code, offset = rows["test_index"].to_numpy(), rows["record_offset"].to_numpy()
        test, unnamed = definitions.first_of(code).astype(np.int64), code < 0
        number = definitions.numbers_of(code)
        begin = _since(shared, number)
        test[unnamed & (offset >= begin)] = UNKNOWN
        is_near = offset < np.minimum(begin, NEVER - LEARNED) + LEARNED
        needed = is_near | np.isin(places.part, places.unfinished) | bool((test < 0).any())
        at = np.flatnonzero((places.closed_at > begin) & needed)
        of = places.part[at], places.site[at], number[at], offset[at], test[at]
        teaches = (is_near & ~unnamed)[at]
        told = self.tests(Executions(*of, teaches), places.unfinished)
        unknown = told == UNKNOWN
        told[unknown] = definitions.nameless(self._kind, number[at][unknown])
        test[at] = told
        column = rows.schema.get_field_index("test_index")
        rows = rows.set_column(column, "test_index", pa.array(test.astype(np.int32)))
        return _with_own_limits(rows, np.flatnonzero(unnamed & (begin < NEVER)), definitions)

    def _learn_first(self) -> None:
        for name, turn in self._first:
            for place in (name.site, ANYWHERE):
                self._facts[place, name.number, turn] = Fact(name.test, name.offset)
        self._first.clear()

    def tests(self, found: Executions, unfinished: Longs) -> Longs:
        """Return the test of each execution, UNKNOWN where names contradict or are lacking.

        `unfinished`: the parts of which more records follow.
        """
        rank = self._ranks(found, unfinished)
        self._learn(found, rank)
        unnamed = np.flatnonzero(found.test < 0)
        columns = [column[unnamed] for column in (found.site, found.number, rank)]
        first, which = _distinct(*columns)
        turns = list(_rows([column[first] for column in columns]))
        here = self._told(turns, which, found.offset[unnamed])
        elsewhere = [(ANYWHERE, *turn[1:]) for turn in turns]
        anywhere = self._told(elsewhere, which, found.offset[unnamed])
        test = found.test.copy()
        test[unnamed] = np.where(
            here == NEVER, np.where(anywhere == NEVER, UNKNOWN, anywhere), here
        )
        return test

    def _told(self, turns: list[Turn], which: Longs, offset: Longs) -> Longs:
        """Return the test that the names before each record tell, NEVER if there is none."""
        facts = np.array([self._facts.get(turn, NO_FACT) for turn in turns], np.int64)
        test, since, until = facts.reshape(-1, 3)[which].T
        return np.where(offset < since, NEVER, np.where(offset < until, test, UNKNOWN))

    def _ranks(self, found: Executions, unfinished: Longs) -> Longs:
        """Count the executions of a number within its part, from 0, in the order given."""
        order, first, sizes = _executed(found.part, found.number)
        of = found.part[order[first]].tolist(), found.number[order[first]].tolist()
        keys = list(zip(*of, strict=True))
        before = np.array([self._executed.get(key, 0) for key in keys], np.int64)
        rank = np.empty(order.size, np.int64)
        rank[order] = np.arange(order.size) - np.repeat(first - before, sizes)
        more = set(unfinished.tolist())
        counts = self._executed | dict(zip(keys, (before + sizes).tolist(), strict=True))
        self._executed = {key: count for key, count in counts.items() if key[0] in more}
        return rank

    def _learn(self, found: Executions, rank: Longs) -> None:
        named = np.flatnonzero(found.teaches)
        columns = [column[named] for column in (found.site, found.number, rank, found.test)]
        first, _ = _distinct(*columns)
        offsets = found.offset[named][first].tolist()
        facts = zip(_rows([column[first] for column in columns]), offsets, strict=True)
        for (site, number, turn, test), offset in sorted(facts, key=lambda fact: fact[1]):
            for place in (site, ANYWHERE):
                fact = self._facts.setdefault((place, number, turn), Fact(test, offset))
                if fact.test != test and fact.until == NEVER:
                    self._facts[place, number, turn] = fact._replace(until=offset)


def _with_own_limits(rows: pa.Table, unnamed: Longs, definitions: Definitions) -> pa.Table:
    """Compare what records without a name state with the test that they turned out to be of."""
    column = rows.schema.get_field_index("own_limits")
    if column < 0 or not unnamed.size or rows[column].null_count == rows.num_rows:
        return rows
    own = pa.chunked_array(rows[column].chunks).combine_chunks()
    test, offset = (rows[name].to_numpy()[unnamed] for name in ("test_index", "record_offset"))
    at: ArrowArray = pa.array(unnamed)
    other = definitions.other_limits(own.take(at), test, offset)
    return rows.set_column(column, "own_limits", with_values(own, unnamed, other))


def _turns(part: Longs, number: Longs) -> Longs:
    """Count the rows of the same part and number before each row."""
    order, first, sizes = _executed(part, number)
    turn = np.empty(order.size, np.int64)
    turn[order] = np.arange(order.size) - np.repeat(first, sizes)
    return turn


def _executed(part: Longs, number: Longs) -> tuple[Longs, Longs, Longs]:
    """Return rows in order of part and number, where each such pair begins there, and its size."""
    order = np.lexsort((number, part))
    part, number = part[order], number[order]
    is_first = np.ones(part.size, np.bool_)
    is_first[1:] = (part[1:] != part[:-1]) | (number[1:] != number[:-1])
    first = np.flatnonzero(is_first)
    return order, first, np.diff(np.append(first, part.size))


def _since(shared: Mapping[int, int], number: Longs) -> Longs:
    """Return from which byte on each number is shared, NEVER if it is not."""
    known, since = np.array(sorted(shared.items()), np.int64).T
    place = np.minimum(np.searchsorted(known, number), known.size - 1)
    return np.where(known[place] == number, since[place], NEVER)


def _distinct(*columns: Longs) -> tuple[Longs, Longs]:
    """Return the first of each distinct row of some columns, and which of these each row is."""
    code = np.zeros(columns[0].size, np.int64)
    for column in columns:
        values, number = np.unique(column, return_inverse=True)
        _, code = np.unique(code * (values.size + 1) + number, return_inverse=True)
    _, first = np.unique(code, return_index=True)
    return first, code


def _rows(columns: list[Longs]) -> Iterator[tuple[int, ...]]:
    return zip(*(column.tolist() for column in columns), strict=True)
