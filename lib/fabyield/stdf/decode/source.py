"""The decompressed content of a source, a block at a time."""

import bz2
import hashlib
import sys
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from io import BufferedReader
from pathlib import Path
from typing import Protocol

import numpy as np

from fabyield.errors import StdfError
from fabyield.stdf.compiled.buffers import Bytes

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd


class Stream(Protocol):
    """What is read of an open file."""

    def read(self, size: int, /) -> bytes:
        """Give up to `size` bytes, none at the end."""


Source = str | Path | bytes | bytearray | memoryview | Stream
Piece = bytes | memoryview

MAGIC_BYTES = 4
BLOCK = 1 << 23


class Decompressor(Protocol):
    """What bz2 and zstd have in common."""

    @property
    def eof(self) -> bool:
        """Whether the member has ended."""

    @property
    def needs_input(self) -> bool:
        """Whether nothing more comes of what was given."""

    @property
    def unused_data(self) -> bytes:
        """What stands behind the member."""

    def decompress(self, data: Piece, /, max_length: int) -> bytes:
        """Give up to `max_length` bytes; what is left over comes with the next call."""


class Gzip:
    """A gzip member, in the manner of bz2.BZ2Decompressor."""

    def __init__(self) -> None:
        self._member = zlib.decompressobj(wbits=31)

    @property
    def eof(self) -> bool:
        """Whether the member has ended."""
        return self._member.eof

    @property
    def needs_input(self) -> bool:
        """Whether nothing more comes of what was given."""
        return not self._member.unconsumed_tail

    @property
    def unused_data(self) -> bytes:
        """What stands behind the member."""
        return self._member.unused_data

    def decompress(self, data: Piece, /, max_length: int) -> bytes:
        """Give up to `max_length` bytes of the member."""
        return self._member.decompress(self._member.unconsumed_tail + data, max_length)


# By the first bytes of a member; of zstd also those of a frame that holds nothing of the content.
SKIPPED = tuple(bytes((first, 0x2A, 0x4D, 0x18)) for first in range(0x50, 0x60))
FORMATS: dict[str, tuple[tuple[bytes, ...], Callable[[], Decompressor]]] = {
    "gzip": ((b"\x1f\x8b",), Gzip),
    "bzip2": ((b"BZh",), bz2.BZ2Decompressor),
    "zstd": ((b"\x28\xb5\x2f\xfd", *SKIPPED), zstd.ZstdDecompressor),
}


@dataclass
class Content:
    """Bytes of a source, decompressed by what it begins with; `size` counts those given so far.

    `broken` says what is wrong with a compressed stream that is cut off. Raises StdfError where
    one is damaged, or holds more than `most_bytes`.
    """

    name: str
    raw: Iterator[Piece]
    most_bytes: int
    hashed: bool = False
    size: int = 0
    broken: str = ""

    def __post_init__(self) -> None:
        self._hash = hashlib.sha256()

    @property
    def sha256(self) -> str | None:
        """Hash of what was given so far, None unless asked for."""
        return self._hash.hexdigest() if self.hashed else None

    def blocks(self) -> Iterator[Bytes]:
        """Give the content in pieces of BLOCK bytes and a smaller last one.

        Each holds until the next one is asked for.
        """
        for block in regular(self._pieces()):
            self.size += len(block)
            if self.size > self.most_bytes:
                raise StdfError(
                    f"{self.name}: content of more than {self.most_bytes:,} bytes, taken for a "
                    "compressed bomb; stdf.read and stdf.batches take another most_bytes"
                )
            if self.hashed:
                self._hash.update(block)
            yield np.frombuffer(block, np.uint8)

    def _pieces(self) -> Iterator[Piece]:
        first = _more(b"", self.raw, MAGIC_BYTES)
        for name, (magic, _) in FORMATS.items():
            if first.startswith(magic):
                yield from self._unpacked(first, name)
                return
        if first:
            yield first
        yield from self.raw

    def _unpacked(self, data: bytes, name: str) -> Iterator[bytes]:
        """Content of the compressed members one behind another; zeros behind them are dropped."""
        magic, new = FORMATS[name]
        given: Piece
        while data.startswith(magic):
            member, given = new(), data
            while not member.eof:
                try:
                    piece = member.decompress(given, BLOCK)
                except (zlib.error, OSError, EOFError, zstd.ZstdError) as error:
                    raise StdfError(
                        f"{self.name}: {name} stream is damaged: {error}; have it sent again"
                    ) from error
                if piece:
                    yield piece
                if member.eof:
                    break
                given = next(self.raw, b"") if member.needs_input else b""
                if member.needs_input and not given and not piece:
                    self.broken = f"{name} stream is cut off"
                    return
            data = _more(member.unused_data, self.raw, MAGIC_BYTES)
        if data.strip(b"\0") or any(bytes(more).strip(b"\0") for more in self.raw):
            self.broken = f"what stands behind the last {name} member is none"


@contextmanager
def opened(source: Source, most_bytes: int, *, hashed: bool = False) -> Iterator[Content]:
    """Open a path, bytes, or an open stream, which is left open."""
    with ExitStack() as closing:
        if isinstance(source, bytes | bytearray | memoryview):
            name, pieces = "STDF input", _slices(memoryview(source))
        elif isinstance(source, str | Path):
            name = str(source)
            pieces = _pieces_of(closing.enter_context(Path(source).open("rb")))
        else:
            name = str(getattr(source, "name", "STDF input"))
            pieces = iter(partial(source.read, BLOCK), b"")
        yield Content(name, pieces, most_bytes, hashed)


def _pieces_of(file: BufferedReader) -> Iterator[Piece]:
    """Read a file, each time into the same room: a piece holds until the next one is asked for."""
    room = np.empty(BLOCK, np.uint8).data
    while size := file.readinto(room):
        yield room[:size]


def _more(data: bytes, raw: Iterator[Piece], least: int) -> bytes:
    """Add to `data` until there are `least` bytes or no more come."""
    while len(data) < least and (more := next(raw, b"")):
        data += more
    return data


def _slices(data: memoryview) -> Iterator[Piece]:
    for start in range(0, len(data), BLOCK):
        yield data[start : start + BLOCK]


def regular(pieces: Iterator[Piece]) -> Iterator[Piece]:
    """Join pieces until there are BLOCK bytes."""
    waiting: list[bytes] = []
    size = 0
    for piece in pieces:
        if not waiting and len(piece) >= BLOCK:
            yield piece
            continue
        waiting.append(bytes(piece))
        size += len(piece)
        if size >= BLOCK:
            yield b"".join(waiting)
            waiting, size = [], 0
    if waiting:
        yield b"".join(waiting)
