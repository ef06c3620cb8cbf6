"""All records of one name, field by field as columns."""

from collections.abc import Iterable
from functools import cache
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from fabyield.stdf.arrow import list_columns
from fabyield.stdf.arrow.list_columns import ArrowArray, arrow
from fabyield.stdf.compiled import buffers
from fabyield.stdf.compiled.buffers import Bytes, Flags, Longs
from fabyield.stdf.decode.layouts import plan_of
from fabyield.stdf.decode.scan import Chain
from fabyield.stdf.spec.records import RECORDS, Field
from fabyield.stdf.spec.types import ARROW, LENGTHS, NUMBERS, width_of


class Rows:
    """The undamaged records of one name in file order; damaged ones go to the chain's refusals.

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
        names = [field.name for field in self.record.fields] if wanted is None else list(wanted)
        self._slots = {field: slot for slot, field in enumerate(names)}
        found = chain.index(name) if index is None else index
        self.index = found
        self.starts = chain.starts[found]
        self._whole, (self._at, self._raw) = self._walk(0, self.starts)
        self._try_others()
        if least is not None:
            self._refuse(least)

    def __len__(self) -> int:
        return int(self.starts.size)

    def _walk(self, layout: int, starts: Longs) -> tuple[NDArray[np.int16], buffers.Found]:
        """Find the fields of the records at `starts` by one of their layouts."""
        plan = plan_of(self.record.name, layout, tuple(self._slots))
        shape = (len(self._slots), starts.size)
        found = buffers.Found(np.zeros(shape, np.uint32), np.zeros(shape, np.uint32))
        return buffers.walk(self.chain.data, self.chain.big, starts, plan, found), found

    def _try_others(self) -> None:
        """Read what the first layout does not fit to the byte by one that does, if there is one."""
        size = len(self.record.fields)
        for layout, fields in enumerate(self.record.others, 1):
            unfit = np.flatnonzero((self._whole < 0) | (self._whole > size))
            if unfit.size:
                whole, found = self._walk(layout, self.starts[unfit])
                fits = whole == len(fields)
                rows = unfit[fits]
                self._at[:, rows], self._raw[:, rows] = found.at[:, fits], found.raw[:, fits]
                self._whole[rows] = size

    def _refuse(self, least: int) -> None:
        whole = self._whole
        if not len(self) or whole.min() >= least:
            return
        bad = whole < least
        self.chain.refuse(self.index[bad], self.record.name, self.faults(bad))
        self.keep(~bad)

    def faults(self, rows: Flags | Longs) -> list[str]:
        """Say why some of the rows, which are damaged or too short, cannot be read."""
        names = [field.name for field in self.record.fields]
        return [
            f"ends before {names[n]}"
            if n >= 0
            else f"{names[-1 - n]} runs past the end of the record"
            for n in self._whole[rows].tolist()
        ]

    def readable(self, least: int) -> Flags:
        """Tell which rows are undamaged and have at least so many fields."""
        return self._whole >= least

    def keep(self, rows: Flags) -> None:
        """Drop all other rows."""
        self.index, self.starts = self.index[rows], self.starts[rows]
        self._at, self._raw, self._whole = self._at[:, rows], self._raw[:, rows], self._whole[rows]

    def some(self, rows: Longs) -> "Rows":
        """Read some of the rows with all their fields."""
        return Rows(self.chain, self.record.name, index=self.index[rows])

    def kinds(self) -> tuple[Longs, Longs]:
        """Number test records by what they may say of their test, and find the first of each."""
        has_text, has_flag = self.has("test_txt"), self.has("opt_flag")
        key = self.integers("test_num") << 16 | self.chain.lengths(self.index)
        return self._coded(((key << 8 | self.integers("opt_flag")) << 1 | has_flag) << 1 | has_text)

    def tests(self) -> tuple[Longs, Longs]:
        """Number test records by test, known by number and text, and find the first of each."""
        return self._coded(self.integers("test_num"))

    def _coded(self, keys: Longs) -> tuple[Longs, Longs]:
        """Number what agrees in key and text by first sight, and find the first of each."""
        text = self.column("test_txt").dictionary_encode()
        named = text.indices.fill_null(-1).to_numpy(zero_copy_only=False) + 1
        code = _numbered(_numbered(keys) * (len(text.dictionary) + 1) + named)
        first = np.empty(int(code.max(initial=-1)) + 1, np.int64)
        first[code[::-1]] = np.arange(code.size)[::-1]
        return code, first

    def has(self, name: str) -> Flags:
        """Tell whether each record stores the field `name`; it may end before."""
        stored: Flags = self._at[self._slots[name]] > 0
        return stored

    def reach(self) -> Longs:
        """Count the fields of each record up to its end, those left out by a flag included."""
        return np.minimum(self._whole, len(self.record.fields)).astype(np.int64)

    def integers(self, name: str) -> Longs:
        """Read an integer field as it stands in the file, 0 where it is not stored.

        Of a text that is its number of bytes, of bits their number, of an array how many it holds.
        """
        field, raw = self._field(name), self._raw[self._slots[name]]
        is_number = field.count is None and field.type in NUMBERS
        stored = raw.astype(NUMBERS[field.type]) if is_number else raw
        values: Longs = stored.astype(np.int64)
        return values

    def _field(self, name: str) -> Field:
        return self.record.fields[self.record.index(name)]

    def valid(self, name: str) -> Flags:
        """Tell whether each record has a value of `name` that is not marked as missing."""
        field = self._field(name)
        valid = self.has(name)
        if field.flag is not None:
            valid &= (self.integers(field.flag) & field.flag_mask) == 0
        return valid

    def column(self, name: str) -> ArrowArray:
        """Give `name` as an Arrow array, null where missing; bits without their number."""
        field = self._field(name)
        if field.count is not None:
            return self._lists(field)
        if field.type in LENGTHS or field.type == "C1":
            return self._texts(field)
        numbers, valid = self._numbers(field), self.valid(name)
        if field.fill_is_missing:
            valid &= numbers != field.fill
        return arrow(numbers, valid, ARROW[field.type])

    def columns(self, names: Iterable[str]) -> dict[str, ArrowArray]:
        """Give several columns by name."""
        return {name: self.column(name) for name in names}

    def _places(self, name: str) -> Longs:
        """Offset of the field in each record, that of the record where it is not stored."""
        places: Longs = self.starts + self._at[self._slots[name]]
        return places

    def _numbers(self, field: Field) -> NDArray[Any]:
        stored = np.dtype(NUMBERS[field.type])
        numbers: NDArray[Any]
        if stored.itemsize == 8:
            once = self.has(field.name).astype(np.int64)
            numbers = np.zeros(len(self), stored)
            places = self._places(field.name)
            numbers[once > 0] = list_columns.numbers_at(*self._file, places, once, field.type)
            return numbers
        raw = self._raw[self._slots[field.name]]
        numbers = raw.view(stored) if stored.kind == "f" else raw.astype(stored)
        return numbers

    @property
    def _file(self) -> tuple[Bytes, bool]:
        return self.chain.data, self.chain.big

    def _texts(self, field: Field) -> ArrowArray:
        data, places = self.chain.data, self._places(field.name)
        if field.type == "C1":
            letters = np.where(self.has(field.name), data[places], 0)
            lengths = ((letters != 0) & (letters != ord(" "))).astype(np.int64)
            return list_columns.decode(
                list_columns.binary(list_columns.gather(data, places, lengths), lengths)
            )
        lengths = self.integers(field.name)
        lengths = (lengths + 7) // 8 if field.type == "Dn" else lengths
        found = list_columns.gather(data, places + width_of(field.type), lengths)
        pieces = list_columns.binary(found, lengths)
        return pieces if field.type in ("Bn", "Dn") else list_columns.decode(pieces)

    def _lists(self, field: Field) -> ArrowArray:
        valid, counts = self.has(field.name), self.integers(field.name)
        values, counts = self._elements(field, self._places(field.name), counts)
        return list_columns.listed(values, counts, valid)

    def _elements(self, field: Field, places: Longs, counts: Longs) -> tuple[ArrowArray, Longs]:
        """Read the arrays of all records, one behind another, and count the values of each."""
        kind, file = field.type, self._file
        if kind == "Vn":
            return list_columns.generic(*file, places, counts)
        if kind in LENGTHS:
            starts = list_columns.element_places(*file, places, counts, kind)
            return list_columns.texts_at(*file, starts, kind), counts
        if field.width is not None:
            widths = self.integers(field.width)
            return list_columns.sized(
                *file, *list_columns.even_places(places, counts, widths), kind
            ), counts
        if kind == "N1":
            numbers = list_columns.nibbles_at(file[0], places, counts)
        else:
            numbers = list_columns.numbers_at(*file, places, counts, kind)
        return arrow(numbers, np.ones(numbers.size, np.bool_), ARROW[kind]), counts


def _numbered(keys: Longs) -> Longs:
    """Number distinct keys in order of first sight."""
    indices: ArrowArray = pa.array(keys).dictionary_encode()
    numbers: Longs = indices.indices.to_numpy().astype(np.int64)
    return numbers


@cache
def no_rows(name: str) -> Rows:
    """Rows of a file that has none of that name."""
    nothing, data = np.empty(0, np.int64), np.empty(0, np.uint8)
    data.flags.writeable = False
    hidden = np.zeros((1, 2), np.bool_)
    codes, roles = nothing.astype(np.uint16), nothing.astype(np.uint8)
    return Rows(Chain(data, False, 0, nothing, nothing, codes, roles, nothing, hidden), name)
