"""All records of one name, each field as a column."""

from collections.abc import Iterable
from functools import cache
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from fabyield.stdf.arrow import list_columns
from fabyield.stdf.arrow.list_columns import ArrowArray, to_arrow
from fabyield.stdf.compiled import buffers
from fabyield.stdf.compiled.buffers import Bytes, Flags, Longs
from fabyield.stdf.decode.chain import Chain
from fabyield.stdf.decode.layouts import plan_of
from fabyield.stdf.spec.records import RECORDS, Field
from fabyield.stdf.spec.types import ARROW, LENGTHS, NUMBERS, width_of

# A test record has fewer fields than 1 << REACH_BITS, which leaves the key of `kinds` 63 bits.
REACH_BITS = 5


class Rows:
    """The undamaged records of one name in file order; damaged ones are refused by the chain.

    Records with fewer than `least` fields are refused too; with `least` None all are kept. Only
    fields in `wanted` can be read.
    """

    def __init__(
        self,
        chain: Chain,
        name: str,
        wanted: Iterable[str] | None = None,
        least: int | None = 0,
        index: Longs | None = None,
    ) -> None:
        self.chain = chain
        self.record = RECORDS[name]
        names = self.record.places if wanted is None else wanted
        self._slots = {field: slot for slot, field in enumerate(names)}
        self.index = chain.index(name) if index is None else index
        self.starts = chain.starts[self.index]
        self._whole, (self._at, self._raw) = self._find_fields(0, self.starts)
        self._try_others()
        if least is not None:
            self._refuse(least)

    def __len__(self) -> int:
        return int(self.starts.size)

    def _find_fields(
        self, layout: int, starts: Longs
    ) -> tuple[NDArray[np.int16], tuple[NDArray[np.uint32], NDArray[np.uint32]]]:
        plan = plan_of(self.record.name, layout, tuple(self._slots))
        shape = (len(self._slots), starts.size)
        found = buffers.Found(np.zeros(shape, np.uint32), np.zeros(shape, np.uint32))
        return buffers.find_fields(self.chain.data, self.chain.big, starts, plan, found), found

    def _try_others(self) -> None:
        """Try other layouts on the records that the first one does not fit to the byte."""
        size = len(self.record.fields)
        for layout, fields in enumerate(self.record.others, 1):
            unfit = np.flatnonzero((self._whole < 0) | (self._whole > size))
            if unfit.size:
                whole, (at, raw) = self._find_fields(layout, self.starts[unfit])
                fits = whole == len(fields)
                rows = unfit[fits]
                self._at[:, rows], self._raw[:, rows] = at[:, fits], raw[:, fits]
                self._whole[rows] = size

    def _refuse(self, least: int) -> None:
        good = self.readable(least)
        if good.all():
            return
        self.chain.refuse(self.index[~good], self.record.name, self.faults(~good))
        self.index, self.starts = self.index[good], self.starts[good]
        self._at, self._raw, self._whole = self._at[:, good], self._raw[:, good], self._whole[good]

    def faults(self, rows: Flags | Longs) -> list[str]:
        """Return why each of some rows, which are damaged or too short, cannot be read."""
        names = list(self.record.places)
        return [
            f"ends before {names[n]}"
            if n >= 0
            else f"{names[-1 - n]} runs past the end of the record"
            for n in self._whole[rows].tolist()
        ]

    def readable(self, least: int) -> Flags:
        """Return which rows are undamaged and have at least that many fields."""
        return self._whole >= least

    def some(self, rows: Longs) -> "Rows":
        """Return some of the rows with all their fields."""
        return Rows(self.chain, self.record.name, index=self.index[rows])

    def kinds(self, stated: Iterable[str] = ()) -> tuple[Longs, Longs]:
        """Number test records by what they may say of their test; return the first of each too.

        `stated`: the numbers and texts that they may state besides number and name of the test.
        """
        has_text, has_flag = self.has("test_txt"), self.has("opt_flag")
        key = self.integers("test_num") << 16 | self.chain.lengths(self.index)
        key = ((key << 8 | self.integers("opt_flag")) << 1 | has_flag) << 1 | has_text
        # Of two records of one length, one may end before a limit and the other state it as 0.
        kind, first = self._coded(key << REACH_BITS | self.reach())
        for name in stated:
            value = self.codes(name)
            # Nearly always all records of a kind state the same.
            if (value != value[first][kind]).any():
                kind, first = self._coded(kind << 32 | value)
        return kind, first

    def codes(self, name: str) -> Longs:
        """Return a code of each distinct value of a number of up to four bytes, or of a text."""
        if self.record.field(name).type in NUMBERS:
            return np.asarray(self._raw[self._slots[name]]).astype(np.int64)
        texts = self._texts(self.record.field(name)).dictionary_encode()
        return np.asarray(texts.indices.fill_null(-1)).astype(np.int64) + 1

    def tests(self) -> tuple[Longs, Longs]:
        """Number test records by test number and text; return the first of each too."""
        return self._coded(self.integers("test_num"))

    def _coded(self, keys: Longs) -> tuple[Longs, Longs]:
        """Number key and text by first appearance; return the first row of each too."""
        text = self.column("test_txt").dictionary_encode()
        named = text.indices.fill_null(-1).to_numpy(zero_copy_only=False) + 1
        code = _numbered(_numbered(keys) * (len(text.dictionary) + 1) + named)
        first = np.empty(int(code.max(initial=-1)) + 1, np.int64)
        first[code[::-1]] = np.arange(code.size)[::-1]
        return code, first

    def has(self, name: str) -> Flags:
        """Return whether each record stores the field; it may end before."""
        return np.asarray(self._at[self._slots[name]] > 0)

    def reach(self) -> Longs:
        """Return the number of fields of each record, including those that a flag leaves out."""
        return np.minimum(self._whole, len(self.record.fields)).astype(np.int64)

    def integers(self, name: str) -> Longs:
        """Return an integer field as stored, 0 where it is not stored.

        For a text this is its number of bytes, for bits their number, for an array its length.
        """
        field, raw = self.record.field(name), self._raw[self._slots[name]]
        is_number = field.count is None and field.type in NUMBERS
        stored = raw.astype(NUMBERS[field.type]) if is_number else raw
        return np.asarray(stored).astype(np.int64)

    def column(self, name: str) -> ArrowArray:
        """Return a field as an Arrow array, null where missing; bits without their number."""
        field, valid = self.record.field(name), self.has(name)
        if field.count is not None:
            values, counts = self._elements(field)
            ends: ArrowArray = pa.array(buffers.bounds(counts), pa.int32())
            return pa.ListArray.from_arrays(ends, values, mask=pa.array(~valid))
        if field.type in LENGTHS or field.type == "C1":
            return self._texts(field)
        numbers = self._numbers(field)
        if field.flag is not None:
            valid &= (self.integers(field.flag) & field.flag_mask) == 0
        if field.fill_is_missing:
            valid &= numbers != field.fill
        return to_arrow(numbers, valid, ARROW[field.type])

    def columns(self, names: Iterable[str] | None = None) -> dict[str, ArrowArray]:
        """Return several columns by name, all fields by default."""
        wanted = self.record.places if names is None else names
        return {name: self.column(name) for name in wanted}

    def _places(self, name: str) -> Longs:
        """Offset of the field in each record, that of the record where it is not stored."""
        return np.asarray(self.starts + self._at[self._slots[name]])

    def _numbers(self, field: Field) -> NDArray[Any]:
        stored = np.dtype(NUMBERS[field.type])
        if stored.itemsize == 8:
            once = self.has(field.name).astype(np.int64)
            numbers = np.zeros(len(self), stored)
            places = self._places(field.name)
            numbers[once > 0] = list_columns.numbers_at(*self._file, places, once, field.type)
            return numbers
        raw = np.asarray(self._raw[self._slots[field.name]])
        return raw.view(stored) if stored.kind == "f" else raw.astype(stored)

    @property
    def _file(self) -> tuple[Bytes, bool]:
        return self.chain.data, self.chain.big

    def _texts(self, field: Field) -> ArrowArray:
        data, places = self.chain.data, self._places(field.name)
        if field.type == "C1":
            letters = np.where(self.has(field.name), data[places], 0)
            lengths = ((letters != 0) & (letters != ord(" "))).astype(np.int64)
        else:
            lengths = self.integers(field.name)
            lengths = (lengths + 7) // 8 if field.type == "Dn" else lengths
            places += width_of(field.type)
        pieces = list_columns.binary_at(data, places, lengths)
        return pieces if field.type in ("Bn", "Dn") else list_columns.decode(pieces)

    def _elements(self, field: Field) -> tuple[ArrowArray, Longs]:
        """Return the values of the arrays of all records, and how many each has."""
        kind, file = field.type, self._file
        places, counts = self._places(field.name), self.integers(field.name)
        if kind == "Vn":
            return list_columns.generic(*file, places, counts)
        if kind in LENGTHS:
            starts = list_columns.element_places(*file, places, counts, kind)
            return list_columns.texts_at(*file, starts, kind), counts
        if field.width is not None:
            arrays = (places, counts, self.integers(field.width))
            return list_columns.sized_at(*file, arrays, kind), counts
        if kind == "N1":
            numbers = buffers.nibbles(file[0], places, counts)
        else:
            numbers = list_columns.numbers_at(*file, places, counts, kind)
        return to_arrow(numbers, np.ones(numbers.size, np.bool_), ARROW[kind]), counts


def _numbered(keys: Longs) -> Longs:
    """Number distinct keys by first appearance."""
    indices: ArrowArray = pa.array(keys).dictionary_encode()
    return np.asarray(indices.indices).astype(np.int64)


@cache
def no_rows(name: str) -> Rows:
    """Return the rows of a file without any record of that name."""
    nothing, data = np.empty(0, np.int64), np.empty(0, np.uint8)
    data.flags.writeable = False
    hidden = np.zeros((1, 3), np.bool_)
    codes, roles = nothing.astype(np.uint16), nothing.astype(np.uint8)
    return Rows(Chain(data, False, 0, nothing, nothing, codes, roles, nothing, hidden), name)
