"""The tables that a file is read into."""

from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

# Only the last batch of a file has these.
LAST = ("file", "wafers", "tests")
# The record of which each table of results has the rows.
MEASURED: Final = {"test_values": "PTR", "functional": "FTR", "multi_values": "MPR"}


@dataclass(frozen=True)
class StdfTables:
    """An STDF file, or a batch of one, as Arrow tables.

    Missing values are null; `record_offset` counts bytes of the decompressed content; `part_num`,
    `wafer_num` and `test_index` count from 0 in the file. `refused` says what was not read and why,
    `others` has the records without a table of their own by name, `counts` has the number of whole
    records by name (`180/10` for a vendor's own). `sha256` is the hash of the decompressed content,
    None unless asked for.
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


def joined(batches: Iterable[StdfTables]) -> StdfTables:
    """Join the batches of one file."""
    every = list(batches)
    tables: dict[str, Any] = {
        field.name: pa.concat_tables([getattr(b, field.name) for b in every])
        for field in fields(StdfTables)
        if field.type is pa.Table and field.name not in LAST
    }
    tables |= {name: _with_texts(tables[name], every[-1].tests) for name in MEASURED}
    tables["refused"] = tables["refused"].sort_by("record_offset")
    others: dict[str, list[pa.Table]] = {}
    counts: dict[str, int] = {}
    for batch in every:
        for name, table in batch.others.items():
            others.setdefault(name, []).append(table)
        for name, count in batch.counts.items():
            counts[name] = counts.get(name, 0) + count
    tables["others"] = {name: pa.concat_tables(found) for name, found in others.items()}
    return replace(every[-1], counts=counts, **tables)


def _with_texts(values: pa.Table, tests: pa.Table) -> pa.Table:
    """Take each test's text from the whole file, which may name it late."""
    texts = tests["test_txt"].combine_chunks().dictionary_encode()
    at = values.schema.get_field_index("test_txt")
    labels: Any = values[at].chunks
    if all(not one.null_count and one.dictionary.equals(texts.dictionary) for one in labels):
        return values
    row: Any = pc.index_in(values["test_index"], tests["test_index"].combine_chunks())
    chunks = [
        pa.DictionaryArray.from_arrays(texts.indices.take(one), texts.dictionary)
        for one in row.chunks
    ]
    return values.set_column(at, "test_txt", pa.chunked_array(chunks, values.schema.field(at).type))
