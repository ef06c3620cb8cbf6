"""The tables that a file is read into."""

from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from typing import Any, Final

import pyarrow as pa

# Only the last batch of a file has these.
LAST = ("file", "wafers", "tests")
# The records of which each of the tables of results has a row.
MEASURED: Final = {"test_values": "PTR", "functional": "FTR", "multi_values": "MPR"}


@dataclass(frozen=True)
class StdfTables:
    """An STDF file, or a batch of one, as Arrow tables.

    Missing values are null; `record_offset` counts bytes of the decompressed content, `part_num`,
    `wafer_num` and `test_index` count from 0 in the file. `refused` says what was not read and why,
    `others` has the records without a table of their own by name, `counts` says how many whole
    records of each name there are (`180/10` for a vendor's own). `sha256` is that of the
    decompressed content, None unless asked for.
    """

    file: pa.Table
    wafers: pa.Table
    parts: pa.Table
    tests: pa.Table
    test_values: pa.Table
    functional: pa.Table
    multi_values: pa.Table
    bins: pa.Table
    part_counts: pa.Table
    test_counts: pa.Table
    sites: pa.Table
    pins: pa.Table
    text: pa.Table
    refused: pa.Table
    others: dict[str, pa.Table]
    counts: dict[str, int]
    content_bytes: int = 0
    sha256: str | None = None


TABLES = tuple(field.name for field in fields(StdfTables) if field.type is pa.Table)


def joined(batches: Iterable[StdfTables]) -> StdfTables:
    """Put the batches of one file together."""
    every = list(batches)
    last = every[-1]
    adding = [name for name in TABLES if name not in LAST]
    tables: dict[str, Any] = {
        name: pa.concat_tables([getattr(b, name) for b in every]) for name in adding
    }
    tables |= {name: _named(tables[name], last.tests) for name in MEASURED}
    tables["refused"] = tables["refused"].sort_by("record_offset")
    names = dict.fromkeys(name for batch in every for name in batch.others)
    others = {
        name: pa.concat_tables([batch.others[name] for batch in every if name in batch.others])
        for name in names
    }
    kinds = dict.fromkeys(name for batch in every for name in batch.counts)
    counts = {name: sum(batch.counts.get(name, 0) for batch in every) for name in kinds}
    return replace(last, others=others, counts=counts, **tables)


def _named(values: pa.Table, tests: pa.Table) -> pa.Table:
    """Take each test's text from the whole file, which may name it late."""
    texts = tests["test_txt"].combine_chunks().dictionary_encode()
    at = values.schema.get_field_index("test_txt")
    labels: Any = values[at].chunks
    if all(not one.null_count and one.dictionary.equals(texts.dictionary) for one in labels):
        return values
    chunks = [
        pa.DictionaryArray.from_arrays(texts.indices.take(index), texts.dictionary)
        for index in values["test_index"].chunks
    ]
    return values.set_column(at, "test_txt", pa.chunked_array(chunks, values.schema.field(at).type))
