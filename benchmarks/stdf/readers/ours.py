"""The reader of this repository, in the four ways it can be used."""

from collections import deque
from collections.abc import Iterator, Mapping
from typing import Any

import pyarrow as pa

from benchmarks.stdf.contenders import Told
from benchmarks.stdf.readers.telling import TESTED, added, of_records, of_tables
from fabyield import stdf
from fabyield.stdf.decode.rows import Rows
from fabyield.stdf.decode.source import open_source
from fabyield.stdf.reader import MOST_STREAMED, chains


def tables(path: str) -> stdf.StdfTables:
    """Read all into tables."""
    return stdf.read(path)


def told_by_tables(path: str) -> Told:
    """Tell what `tables` gives."""
    return _told(stdf.read(path))


def batches(path: str) -> None:
    """Let each batch go as the next one comes."""
    deque(stdf.batches(path), maxlen=0)


def told_by_batches(path: str) -> Told:
    """Tell what all batches add up to."""
    return added(map(_told, stdf.batches(path)))


def columns(path: str) -> list[dict[str, pa.Table]]:
    """Read every field of every record, however often it says the same."""
    return list(_columns(path))


def told_by_columns(path: str) -> Told:
    """Tell what `columns` gives."""
    return added(map(of_tables, _columns(path)))


def records(path: str) -> None:
    """Read each record by itself."""
    deque(stdf.records(path), maxlen=0)


def told_by_records(path: str) -> Told:
    """Tell what `records` gives."""
    return of_records(_fields(path))


def _told(found: stdf.StdfTables) -> Told:
    values = {
        "PTR": found.test_values.select(["result"]).rename_columns(["RESULT"]),
        "MPR": found.multi_values.select(["results"]).rename_columns(["RTN_RSLT"]),
        "FTR": found.functional,
        "PRR": found.parts.select(["hard_bin"]).rename_columns(["HARD_BIN"]),
    }
    return of_tables(values)


def _columns(path: str) -> Iterator[dict[str, pa.Table]]:
    with open_source(path, MOST_STREAMED) as content:
        for chain in chains(content):
            names = [name for name in chain.counts() if name in stdf.RECORDS]
            yield {name: _table(Rows(chain, name)) for name in names}


def _table(rows: Rows) -> pa.Table:
    fields = [field.name for field in rows.record.fields]
    offset = pa.array(rows.starts + rows.chain.base)
    named = {name.upper(): column for name, column in rows.columns(fields).items()}
    return pa.table({"record_offset": offset, **named})


def _fields(path: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for name, _, fields in stdf.records(path):
        if name in TESTED:
            # A record may end before a field.
            given = dict.fromkeys(("RESULT", "RTN_RSLT"))
            yield name, given | {field.upper(): value for field, value in fields.items()}
