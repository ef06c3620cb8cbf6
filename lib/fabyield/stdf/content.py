"""The decompressed content of a file, in bounded memory."""

import hashlib
import io
import zlib
from collections.abc import Iterator

from fabyield.errors import StdfError

GZIP = b"\x1f\x8b"
CHUNK = 1 << 22


class Content:
    """The content of a file, gzip or plain, a chunk at a time; `broken` says what a cut one lacks.

    Raises StdfError, naming `path`, where its gzip is damaged.
    """

    def __init__(self, file: io.BufferedReader, path: str) -> None:
        self.broken, self.size, self.stored = "", 0, 0
        self.hash = hashlib.sha256()
        self._file, self._path = file, path

    def __iter__(self) -> Iterator[bytes]:
        packed = self._file.peek(2)[:2] == GZIP
        for chunk in self._unpacked() if packed else self._stored():
            self.size += len(chunk)
            self.hash.update(chunk)
            yield chunk

    def _stored(self) -> Iterator[bytes]:
        while chunk := self._file.read(CHUNK):
            self.stored += len(chunk)
            yield chunk

    def _unpacked(self) -> Iterator[bytes]:
        member, left = zlib.decompressobj(wbits=31), b""
        for chunk in self._stored():
            left += chunk
            while left:
                if member.eof:
                    if len(left) < len(GZIP):
                        break
                    if not left.startswith(GZIP):
                        return
                    member = zlib.decompressobj(wbits=31)
                yield self._inflated(member, left)
                left = member.unused_data if member.eof else member.unconsumed_tail
        # What a cut stream still holds back for want of room.
        while more := b"" if member.eof else self._inflated(member, b""):
            yield more
        if not member.eof:
            self.broken = "gzip stream is cut off"

    def _inflated(self, member: "zlib._Decompress", packed: bytes) -> bytes:
        try:
            return member.decompress(packed, CHUNK)
        except zlib.error as error:
            raise StdfError(
                f"{self._path}: gzip stream is damaged: {error}; have it sent again"
            ) from error
