"""Write STDF V4 files, record by record or whole columns at a time."""

import gzip
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self, cast

import numpy as np

from fabyield.errors import StdfError
from fabyield.stdf.encode import Encoded, encode
from fabyield.stdf.kernels import Longs, gather
from fabyield.stdf.pieces import ByteOrder, Column

CPU_TYPES: dict[ByteOrder, int] = {">": 1, "<": 2}


class Writer:
    """An STDF V4 file being written; it begins with its FAR.

    A path that ends in .gz is compressed, always to the same bytes for the same records.
    A stream given as target is left open.
    """

    def __init__(self, target: str | Path | BinaryIO, byte_order: ByteOrder = "<") -> None:
        if byte_order not in CPU_TYPES:
            raise StdfError(f"byte_order {byte_order!r}: use '<' (little) or '>' (big)")
        self.byte_order = byte_order
        self._closing = ExitStack()
        self._out = self._open(Path(target)) if isinstance(target, str | Path) else target
        self._append(encode("FAR", {"cpu_type": CPU_TYPES[byte_order], "stdf_ver": 4}, byte_order))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def write(self, name: str, **fields: Column) -> None:
        """Write one record; fields left out are cut off at the end, or STDF's missing value.

        A field that is None is written as the missing value, wherever it stands. Numbers that a
        flag declares missing are written as 0, whatever the file they were read from held there.
        Raises StdfError where a field, a value or a length does not fit.
        """
        if name == "FAR":
            raise StdfError("FAR: every file begins with one already; leave it out")
        single = {key: None if value is None else [value] for key, value in fields.items()}
        self._append(encode(name, single, self.byte_order))

    def write_ordered(self, streams: Sequence[tuple[Encoded, Longs]]) -> None:
        """Write the records of all streams by ascending order key; ties in order of streams."""
        self._out.write(interleave(streams))

    def close(self) -> None:
        """Finish the file; a stream given as target stays open."""
        self._closing.close()

    def _append(self, encoded: Encoded) -> None:
        self._out.write(encoded.data.tobytes())

    def _open(self, path: Path) -> BinaryIO:
        with ExitStack() as opened:
            out: BinaryIO = opened.enter_context(path.open("wb"))
            if path.suffix == ".gz":
                packed = gzip.GzipFile("", "wb", compresslevel=1, fileobj=out, mtime=0)
                out = cast(BinaryIO, opened.enter_context(packed))
            self._closing = opened.pop_all()
        return out


def interleave(streams: Sequence[tuple[Encoded, Longs]]) -> bytes:
    """Bytes of all streams' records by ascending order key; ties in order of streams."""
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
    out = np.empty(data.size, np.uint8)
    gather(out, data, starts[turn], lengths[turn])
    return out.tobytes()
