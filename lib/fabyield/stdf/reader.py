"""Read STDF into Arrow tables, whole or batch by batch."""

from collections.abc import Iterator
from itertools import chain as chain_of
from typing import Any

import numpy as np

from fabyield.errors import StdfError
from fabyield.stdf.atdf.read import MOST_LETTERS, TOO_LONG, atdf_to_stdf, is_atdf
from fabyield.stdf.compiled.buffers import Bytes
from fabyield.stdf.decode.damage import Refused, refused_table
from fabyield.stdf.decode.decoder import Decoder
from fabyield.stdf.decode.scan import Chain, scan
from fabyield.stdf.decode.single_records import Decoded, decoded
from fabyield.stdf.decode.source import Content, Source, opened, regular
from fabyield.stdf.decode.tables import StdfTables, joined

# Bounds that stop a compressed bomb.
MOST_BYTES = 2**31 - 1
MOST_STREAMED = 2**38
MOST_RECORDS = 100_000_000
MOST_RECORDS_STREAMED = 2**36
ATDF_BEGIN = 16


def read(
    source: Source,
    *,
    hashed: bool = False,
    most_bytes: int = MOST_BYTES,
    most_records: int = MOST_RECORDS,
) -> StdfTables:
    """Read a file, an open stream or bytes; plain, gzip, bzip2 or zstd, STDF or its text, ATDF.

    All that is told by content. Of ATDF the offsets are those of the STDF it stands for.

    What is whole is read, the rest is in `refused`; `hashed` asks for `sha256`. Raises StdfError
    where nothing can be read: an empty file, a damaged compressed stream, one that does not begin
    with FAR, one of another version than 4, of a DEC machine, or with more than `most_bytes` or
    `most_records`.
    """
    return joined(batches(source, hashed=hashed, most_bytes=most_bytes, most_records=most_records))


def batches(
    source: Source,
    *,
    hashed: bool = False,
    results: bool = True,
    most_bytes: int = MOST_STREAMED,
    most_records: int = MOST_RECORDS_STREAMED,
) -> Iterator[StdfTables]:
    """Read a file of any size in batches, in memory that does not grow with it; see `read`.

    All tables add up, but `file`, `wafers` and `tests`: they are empty until the last batch. A
    test that the file names only after its first results has no test_txt in the batches before.
    Without `results` only the file, its wafers, parts, sites and counts are decoded; what else
    there is, is counted.
    """
    with opened(source, most_bytes, hashed=hashed) as content:
        decoder = Decoder(content.name, results=results)
        for chain in _bounded(chains(content), content.name, most_records):
            batch = decoder.batch(chain)
            if chain.is_last:
                yield decoder.finished(batch, content.size, content.sha256)
            else:
                yield batch


def records(source: Source, refused: list[dict[str, Any]] | None = None) -> Iterator[Decoded]:
    """Give name, offset and fields of each record, one by one in file order; see `decoded`.

    What is damaged is left out, and told to `refused` if that is given, as rows of the table that
    `read` has of it. Raises StdfError as `read` does.
    """
    with opened(source, MOST_STREAMED) as content:
        for chain in chains(content):
            yield from decoded(chain)
            if refused is not None:
                refused.extend(refused_table(chain.refused).to_pylist())


def _bounded(chains: Iterator[Chain], name: str, most: int) -> Iterator[Chain]:
    count = 0
    for chain in chains:
        count += chain.starts.size
        if count > most:
            raise StdfError(
                f"{name}: more than {most:,} records, taken for a compressed bomb; "
                "stdf.read and stdf.batches take another most_records"
            )
        yield chain


def chains(content: Content) -> Iterator[Chain]:
    """Follow the records of a source, the last of which says what is wrong with its compression."""
    for chain in scan(_found(content), content.name):
        if chain.is_last and content.broken:
            chain.refused.append(Refused.one(content.size, 0, None, content.broken))
        yield chain


def _found(content: Content) -> Iterator[Bytes]:
    blocks = content.blocks()
    first = next(blocks, np.empty(0, np.uint8))
    every = chain_of([first], blocks) if first.size else blocks
    is_text = is_atdf(first[:ATDF_BEGIN].tobytes())
    yield from _from_atdf(every, content.name) if is_text else every
    if content.broken and not content.size:
        raise StdfError(f"{content.name}: {content.broken}")


def _from_atdf(blocks: Iterator[Bytes], name: str) -> Iterator[Bytes]:
    try:
        for piece in regular(atdf_to_stdf(_lines(blocks))):
            yield np.frombuffer(piece, np.uint8)
    except StdfError as error:
        raise StdfError(f"{name}: {error}") from error


def _lines(blocks: Iterator[Bytes]) -> Iterator[bytes]:
    left = b""
    for block in blocks:
        *whole, left = (left + block.tobytes()).split(b"\n")
        yield from whole
        if len(left) > MOST_LETTERS:
            raise StdfError(f"a line of {TOO_LONG}")
    yield left
