"""The decompressed content of a source, block by block."""

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
    """An open binary file."""

    def read(self, size: int, /) -> bytes:
        """Return up to `size` bytes, none at the end."""


Source = str | Path | bytes | bytearray | memoryview | Stream
Piece = bytes | memoryview

MAGIC_BYTES = 4
BLOCK = 1 << 23


class Gzip:
    """A gzip member with the interface of bz2.BZ2Decompressor."""

    def __init__(self) -> None:
        self._member = zlib.decompressobj(wbits=31)
        self.eof, self.needs_input, self.unused_data = False, True, b""

    def decompress(self, data: Piece, /, max_length: int) -> bytes:
        """Return up to `max_length` bytes; the next call continues after them."""
        piece = self._member.decompress(self._member.unconsumed_tail + data, max_length)
        self.eof, self.unused_data = self._member.eof, self._member.unused_data
        self.needs_input = not self._member.unconsumed_tail
        return piece


Decompressor = Gzip | bz2.BZ2Decompressor | zstd.ZstdDecompressor
# By the first bytes of a member; a zstd file may also begin with a frame without content.
SKIPPED = tuple(bytes((first, 0x2A, 0x4D, 0x18)) for first in range(0x50, 0x60))
FORMATS: dict[str, tuple[tuple[bytes, ...], Callable[[], Decompressor]]] = {
    "gzip": ((b"\x1f\x8b",), Gzip),
    "bzip2": ((b"BZh",), bz2.BZ2Decompressor),
    "zstd": ((b"\x28\xb5\x2f\xfd", *SKIPPED), zstd.ZstdDecompressor),
}


@dataclass
class Content:
    """The content of a source, decompressed as its first bytes say; `size` counts bytes so far.

    `broken` says what is wrong with a compressed stream that was cut off. Raises StdfError where
    one is damaged, or has more than `most_bytes`.
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
        """Hash of the content so far, None unless asked for."""
        return self._hash.hexdigest() if self.hashed else None

    def blocks(self) -> Iterator[Bytes]:
        """Yield the content in blocks of BLOCK bytes, each valid until the next one is read."""
        for block in in_blocks(self._pieces()):
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
        first = _at_least(MAGIC_BYTES, b"", self.raw)
        for name, (magic, _) in FORMATS.items():
            if first.startswith(magic):
                yield from self._decompressed(first, name)
                return
        if first:
            yield first
        yield from self.raw

    def _decompressed(self, data: bytes, name: str) -> Iterator[bytes]:
        """Decompress all members; drop zeros after the last one."""
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
            data = _at_least(MAGIC_BYTES, member.unused_data, self.raw)
        if data.strip(b"\0") or any(bytes(more).strip(b"\0") for more in self.raw):
            self.broken = f"what stands behind the last {name} member is none"


@contextmanager
def open_source(source: Source, most_bytes: int, *, hashed: bool = False) -> Iterator[Content]:
    """Open a path, bytes, or an open stream, which stays open."""
    with ExitStack() as closing:
        name = str(getattr(source, "name", "STDF input"))
        if isinstance(source, bytes | bytearray | memoryview):
            view = memoryview(source)
            pieces: Iterator[Piece] = (view[at : at + BLOCK] for at in range(0, len(view), BLOCK))
        elif isinstance(source, str | Path):
            name = str(source)
            pieces = _pieces_of(closing.enter_context(Path(source).open("rb")))
        else:
            pieces = iter(partial(source.read, BLOCK), b"")
        yield Content(name, pieces, most_bytes, hashed)


def _pieces_of(file: BufferedReader) -> Iterator[Piece]:
    """Read a file into one reused buffer: a piece is valid until the next one is read."""
    room = np.empty(BLOCK, np.uint8).data
    while size := file.readinto(room):
        yield room[:size]


def _at_least(least: int, data: bytes, raw: Iterator[Piece]) -> bytes:
    while len(data) < least and (more := next(raw, b"")):
        data += more
    return data


def in_blocks(pieces: Iterator[Piece]) -> Iterator[Piece]:
    """Join small pieces into blocks of at least BLOCK bytes."""
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
