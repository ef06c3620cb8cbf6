"""Read STDF into Arrow tables, whole or in batches."""

from collections.abc import Iterator
from itertools import chain as chain_of
from typing import Any

import numpy as np

from fabyield.errors import StdfError
from fabyield.stdf.atdf.read import MOST_LETTERS, TOO_LONG, atdf_to_stdf, is_atdf
from fabyield.stdf.compiled.buffers import Bytes
from fabyield.stdf.decode.chain import Chain
from fabyield.stdf.decode.damage import refused_rows, refused_table
from fabyield.stdf.decode.decoder import Decoder
from fabyield.stdf.decode.first_session import first_session
from fabyield.stdf.decode.scan import scan
from fabyield.stdf.decode.single_records import Decoded, decode_records
from fabyield.stdf.decode.source import Content, Source, in_blocks, open_source
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
    """Read a path, an open stream or bytes: STDF or ATDF, plain, gzip, bzip2 or zstd.

    The content decides which, not the name. Offsets in ATDF are those of the same file as STDF.

    Everything undamaged is read, the rest is in `refused`; `hashed` asks for `sha256`. Raises
    StdfError where nothing can be read: an empty file, a damaged compressed stream, content that
    does not begin with FAR, an STDF version other than 4, a file of a DEC machine, or more than
    `most_bytes` or `most_records`.
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
    """Read a file of any size in batches, in constant memory; see `read`.

    The tables of all batches add up, except `file`, `wafers` and `tests`, which are empty until the
    last batch. A test that the file names only after its first results has no test_txt in the
    batches before. Without `results` only the file, its wafers, parts, sites and counts are
    decoded, and all other records are counted.
    """
    with open_source(source, most_bytes, hashed=hashed) as content:
        decoder, count = Decoder(content.name, results=results), 0
        for chain in chains(content):
            count += chain.starts.size
            if count > most_records:
                raise StdfError(
                    f"{content.name}: more than {most_records:,} records, taken for a compressed "
                    "bomb; stdf.read and stdf.batches take another most_records"
                )
            batch = decoder.batch(chain)
            if chain.is_last:
                batch = decoder.finished(batch, content.size, content.sha256)
            yield batch


def records(source: Source, refused: list[dict[str, Any]] | None = None) -> Iterator[Decoded]:
    """Yield name, offset and fields of each record in file order; see `decode_records`.

    Damaged records are left out and, as rows of the table `refused` that `read` returns, appended
    to `refused` if that is given. Raises StdfError as `read` does.
    """
    with open_source(source, MOST_STREAMED) as content:
        for chain in chains(content):
            yield from decode_records(chain)
            if refused is not None:
                refused.extend(refused_table(chain.refused).to_pylist())


def chains(content: Content) -> Iterator[Chain]:
    """Yield the records of a source block by block; the last chain refuses broken compression."""
    for chain in first_session(scan(_blocks(content), content.name)):
        if chain.is_last and content.broken:
            chain.refused.append(refused_rows(content.size, 0, None, [content.broken]))
        yield chain


def _blocks(content: Content) -> Iterator[Bytes]:
    blocks = content.blocks()
    first = next(blocks, np.empty(0, np.uint8))
    every = chain_of([first], blocks) if first.size else blocks
    is_text = is_atdf(first[:ATDF_BEGIN].tobytes())
    yield from _from_atdf(every, content.name) if is_text else every
    if content.broken and not content.size:
        raise StdfError(f"{content.name}: {content.broken}")


def _from_atdf(blocks: Iterator[Bytes], name: str) -> Iterator[Bytes]:
    try:
        for piece in in_blocks(atdf_to_stdf(_lines(blocks))):
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
