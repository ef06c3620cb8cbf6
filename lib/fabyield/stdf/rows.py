"""All records of one name, field by field as columns."""

from collections.abc import Iterable
from functools import cache
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from fabyield.stdf import kernels
from fabyield.stdf.kernels import (
    ARRAY,
    BITS,
    FIXED,
    NIBBLES,
    TEXT,
    Bytes,
    Flags,
    Longs,
    bounds,
)
from fabyield.stdf.records import RECORDS, Field
from fabyield.stdf.scan import Chain

# The published stubs type an array by its element, which a column named at run time has not.
ArrowArray = Any

# Spark has no unsigned integers, so each takes the next wider type.
ARROW: dict[str, pa.DataType] = {
    **{"U1": pa.int16(), "U2": pa.int32(), "U4": pa.int64(), "B1": pa.int16(), "N1": pa.int16()},
    **{"I1": pa.int16(), "I2": pa.int16(), "I4": pa.int32(), "R4": pa.float32()},
}
LENGTH_WIDTHS = {"C1": 0, "Cn": 1, "Bn": 1, "Dn": 2}
SHAPES = {"Cn": TEXT, "Bn": TEXT, "Dn": BITS}
WIDTHS = {
    "C1": 1,
    "Dn": 2,
    "B1": 1,
    "U1": 1,
    "I1": 1,
    "U2": 2,
    "I2": 2,
    "U4": 4,
    "I4": 4,
    "R4": 4,
    "R8": 8,
}


# What the raw number is taken for, so that its sign and its width are those of the field.
STORED: dict[str, Any] = {
    **{"U1": np.uint8, "U2": np.uint16, "U4": np.uint32, "B1": np.uint8},
    **{"I1": np.int8, "I2": np.int16, "I4": np.int32},
}


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
        fields = self.record.fields
        names = [field.name for field in fields] if wanted is None else list(wanted)
        self._slots = {field: slot for slot, field in enumerate(names)}
        found = np.flatnonzero(chain.codes == self.record.code) if index is None else index
        self.index = found
        self.starts = chain.starts[found]
        shape = (len(names), found.size)
        self._at, self._raw = np.zeros(shape, np.uint32), np.zeros(shape, np.uint32)
        plan = np.array([self._plan(field) for field in fields], np.int32).reshape(-1, 4)
        self._whole = kernels.walk(
            chain.data, chain.big, self.starts, plan, kernels.Found(self._at, self._raw)
        )
        if least is not None:
            self._refuse(least)

    def __len__(self) -> int:
        return int(self.starts.size)

    def _plan(self, field: Field) -> tuple[int, int, int, int]:
        slot = self._slots.get(field.name, -1)
        width = WIDTHS.get(field.type, 1)
        if field.count is None:
            return SHAPES.get(field.type, FIXED), width, 0, slot
        shape = NIBBLES if field.type == "N1" else ARRAY
        return shape, width, self.record.index(field.count), slot

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
        key = ((key << 8 | self.integers("opt_flag")) << 1 | has_flag) << 1 | has_text
        # Without a text all have the same place; the key tells them from those with one.
        text = np.where(has_text, self._places("test_txt"), 0)
        return kernels.kinds(self.chain.data, key, text)

    def has(self, name: str) -> Flags:
        """Tell whether each record reaches as far as the field `name`."""
        return self._whole > self.record.index(name)

    def integers(self, name: str) -> Longs:
        """Read an integer field as it stands in the file, 0 where a record ends before it."""
        stored = self._raw[self._slots[name]].astype(STORED[self._field(name).type])
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
        """Give `name` as an Arrow array, null where missing."""
        field = self._field(name)
        if field.count is not None:
            return self._lists(field)
        if field.type in LENGTH_WIDTHS:
            return self._texts(field)
        target, valid, raw = ARROW[field.type], self.valid(name), self._raw[self._slots[name]]
        numbers: NDArray[Any] = raw.view(np.float32) if field.type == "R4" else raw
        if field.type in STORED:
            numbers = raw.astype(STORED[field.type])
        if field.fill_is_missing:
            valid &= numbers != field.fill
        return arrow(numbers, valid, target)

    def columns(self, names: Iterable[str]) -> dict[str, ArrowArray]:
        """Give several columns by name."""
        return {name: self.column(name) for name in names}

    def _places(self, name: str) -> Longs:
        """Offset of the field in each record, that of the record where it ends before the field."""
        places: Longs = self.starts + self._at[self._slots[name]]
        return places

    def _texts(self, field: Field) -> ArrowArray:
        data, places = self.chain.data, self._places(field.name)
        prefix = LENGTH_WIDTHS[field.type]
        if prefix:
            lengths = self._raw[self._slots[field.name]].astype(np.int64)
            lengths = (lengths + 7) // 8 if field.type == "Dn" else lengths
        else:
            letters = np.where(self.has(field.name), data[places], 0)
            lengths = ((letters != 0) & (letters != ord(" "))).astype(np.int64)
        found = _binary(_gather(data, places + prefix, lengths), lengths)
        return found if field.type in ("Bn", "Dn") else _decode(found)

    def _lists(self, field: Field) -> ArrowArray:
        valid = self.has(field.name)
        counts = np.where(valid, self.integers(str(field.count)), 0)
        places = self._places(field.name)
        if field.type == "N1":
            sizes = (counts + 1) // 2
            packed = _gather(self.chain.data, places, sizes)
            nibbles = np.stack([packed & 15, packed >> 4], axis=1).ravel()
            first = np.repeat(2 * bounds(sizes)[:-1] - bounds(counts)[:-1], counts)
            numbers: NDArray[Any] = nibbles[first + np.arange(first.size)]
        else:
            kind = {"U": "u", "R": "f"}[field.type[0]] + str(WIDTHS[field.type])
            dtype = np.dtype(kind).newbyteorder(">" if self.chain.big else "<")
            numbers = _gather(self.chain.data, places, counts * dtype.itemsize).view(dtype)
        values = arrow(numbers, np.ones(numbers.size, np.bool_), ARROW[field.type])
        ends = arrow(bounds(counts), np.ones(counts.size + 1, np.bool_), pa.int32())
        return pa.ListArray.from_arrays(ends, values, mask=pa.array(~valid))


@cache
def no_rows(name: str) -> Rows:
    """Rows of a file that has none of that name."""
    nothing = np.empty(0, np.int64)
    data = np.empty(0, np.uint8)
    data.flags.writeable = False
    hidden = np.zeros((1, 2), np.bool_)
    return Rows(
        Chain(data, False, 0, nothing, nothing, nothing.astype(np.uint16), nothing, hidden), name
    )


def arrow(numbers: NDArray[Any], valid: Flags, target: pa.DataType) -> ArrowArray:
    """Turn numbers into an Arrow array of type `target`, null where not valid."""
    values = numbers.astype(target.to_pandas_dtype(), copy=False)
    return pa.array(values, target, mask=None if valid.all() else ~valid)


def _gather(data: Bytes, places: Longs, lengths: Longs) -> Bytes:
    out = np.empty(int(lengths.sum()), np.uint8)
    kernels.gather(out, data, places, lengths)
    return out


def _binary(data: Bytes, lengths: Longs) -> ArrowArray:
    ends = bounds(lengths).astype(np.int32)
    valid = np.packbits(lengths > 0, bitorder="little")
    buffers: Any = [pa.py_buffer(part.data) for part in (valid, ends, data)]
    return pa.Array.from_buffers(pa.binary(), lengths.size, buffers)


def _decode(texts: ArrowArray) -> ArrowArray:
    """Text of any tester: UTF-8 where it is that, else Latin-1, value by value."""
    try:
        return texts.cast(pa.string())
    except pa.ArrowInvalid:
        return pa.array([_decode_one(text) for text in texts.to_pylist()], pa.string())


def _decode_one(text: bytes | None) -> str | None:
    if text is None:
        return None
    try:
        return text.decode()
    except UnicodeDecodeError:
        return text.decode("latin-1")
