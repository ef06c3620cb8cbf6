"""Write STDF V4 files, record by record or whole columns at a time."""

import gzip
from collections.abc import Hashable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, Self, cast

import numpy as np

from fabyield.errors import StdfError
from fabyield.stdf.compiled.buffers import Longs, gather
from fabyield.stdf.encode.columns import Encoded, encode
from fabyield.stdf.encode.values import ByteOrder, Column, is_single
from fabyield.stdf.spec.records import record_of

# Records of `write_all` that are in memory together.
BLOCK = 1 << 14
CPU_TYPES: dict[ByteOrder, int] = {">": 1, "<": 2}


class Writer:
    """An STDF V4 file being written; it begins with its FAR.

    A path that ends in .gz is compressed, always to the same bytes for the same records.
    A stream given as target stays open.
    """

    def __init__(self, target: str | Path | BinaryIO, byte_order: ByteOrder = "<") -> None:
        if byte_order not in CPU_TYPES:
            raise StdfError(f"byte_order {byte_order!r}: use '<' (little) or '>' (big)")
        self.byte_order = byte_order
        self._closing = ExitStack()
        self._out = self._open(Path(target)) if isinstance(target, str | Path) else target
        self._out.write(far(byte_order))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def write(self, name: str, **fields: Column) -> None:
        """Write one record; fields left out are cut off at the end, else STDF's missing value.

        A field that is None is written as the missing value. Numbers that a flag marks as missing
        are written as 0, whatever the file they were read from had there. Raises StdfError where a
        field, a value or a length does not fit.
        """
        _refuse_far(name)
        # Single values are encoded faster than columns of one.
        columns = {key: value if is_single(value) else [value] for key, value in fields.items()}
        self._out.write(encode(name, columns, self.byte_order).data.tobytes())

    def write_all(self, records: Iterable[tuple[str, Mapping[str, Any]]]) -> None:
        """Write many records like `write`, far faster than one by one."""
        left = iter(records)
        while block := list(islice(left, BLOCK)):
            self._out.write(encode_records(block, self.byte_order))

    def write_ordered(self, streams: Sequence[tuple[Encoded, Longs]]) -> None:
        """Write the records of all streams by ascending order key; ties in order of streams."""
        self._out.write(interleave(streams))

    def close(self) -> None:
        """Finish the file; a stream given as target stays open."""
        self._closing.close()

    def _open(self, path: Path) -> BinaryIO:
        with ExitStack() as opened:
            out: BinaryIO = opened.enter_context(path.open("wb"))
            if path.suffix == ".gz":
                packed = gzip.GzipFile("", "wb", compresslevel=1, fileobj=out, mtime=0)
                out = cast(BinaryIO, opened.enter_context(packed))
            self._closing = opened.pop_all()
        return out


def far(byte_order: ByteOrder) -> bytes:
    """Return the FAR that begins every file."""
    fields = {"cpu_type": CPU_TYPES[byte_order], "stdf_ver": 4}
    return encode("FAR", fields, byte_order).data.tobytes()


def encode_records(
    records: Sequence[tuple[str, Mapping[str, Any]]], byte_order: ByteOrder
) -> bytes:
    """Return the bytes of records in order; records with the same fields are encoded together."""
    alike: dict[Hashable, list[int]] = {}
    for position, (name, fields) in enumerate(records):
        alike.setdefault(_shape(name, fields), []).append(position)
    streams = []
    for positions in alike.values():
        name, fields = records[positions[0]]
        _refuse_far(name)
        columns = {
            key: None if value is None else [records[at][1][key] for at in positions]
            for key, value in fields.items()
        }
        encoded = encode(name, columns, byte_order)
        if all(column is None for column in columns.values()):
            # Without any value, `encode` cannot know the number of records: it made one.
            many = len(positions)
            offsets = encoded.data.size * np.arange(many + 1)
            encoded = Encoded(np.tile(encoded.data, many), offsets)
        streams.append((encoded, np.array(positions)))
    return interleave(streams)


def _shape(name: str, fields: Mapping[str, Any]) -> Hashable:
    record = record_of(name)
    stored = [field.stored for field in record.fields] if record else []
    flags = [fields.get(condition.flag) for condition in stored if condition is not None]
    return name, tuple((key, value is None) for key, value in fields.items()), tuple(flags)


def _refuse_far(name: str) -> None:
    if name == "FAR":
        raise StdfError("FAR: every file begins with one already; leave it out")


def interleave(streams: Sequence[tuple[Encoded, Longs]]) -> bytes:
    """Return all records of the streams by ascending order key; ties in order of streams."""
    for encoded, order in streams:
        if len(order) != encoded.offsets.size - 1:
            raise StdfError(f"{len(order)} order keys for {encoded.offsets.size - 1} records")
    if not streams:
        return b""
    data = np.concatenate([encoded.data for encoded, _ in streams])
    bases = np.cumsum([0, *(encoded.data.size for encoded, _ in streams)])
    starts = np.concatenate(
        [encoded.offsets[:-1] + base for (encoded, _), base in zip(streams, bases, strict=False)]
    )
    lengths = np.concatenate([np.diff(encoded.offsets) for encoded, _ in streams])
    turn = np.argsort(np.concatenate([order for _, order in streams]), kind="stable")
    return gather(data, starts[turn], lengths[turn]).tobytes()
