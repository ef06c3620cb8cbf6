"""stdf-convert: Arrow tables made in Rust on top of rust-stdf, handed over without a copy."""

from collections import deque

import pyarrow as pa
import stdf_convert

from benchmarks.stdf.contenders import Told
from benchmarks.stdf.readers.telling import added, of_tables


def tables(path: str) -> dict[str, pa.Table]:
    """Read all into tables."""
    return stdf_convert.tables(path)


def told_by_tables(path: str) -> Told:
    """Tell what `tables` gives."""
    return of_tables(stdf_convert.tables(path))


def batches(path: str) -> None:
    """Let each batch go as the next one comes."""
    deque(stdf_convert.batches(path), maxlen=0)


def told_by_batches(path: str) -> Told:
    """Tell what all batches add up to."""
    return added(
        of_tables({name: pa.Table.from_batches([batch])})
        for name, batch in stdf_convert.batches(path)
    )
