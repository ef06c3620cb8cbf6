"""What a reader has found, in numbers that two readers of one file must agree on."""

import struct
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from benchmarks.stdf.contenders import Told

TESTED = ("PTR", "MPR", "FTR", "PRR")
RESULT, ARRAY, BIN = "RESULT", "RTN_RSLT", "HARD_BIN"
NOTHING = dict.fromkeys((*TESTED, RESULT, ARRAY, BIN), 0)
FLOAT, WORD = struct.Struct("<f"), struct.Struct("<I")


def added(parts: Iterable[Told]) -> Told:
    """Add up what is told of the parts of a file."""
    total = Counter(NOTHING)
    for part in parts:
        total.update(part)
    return dict(total)


def of_tables(tables: Mapping[str, pa.Table]) -> Told:
    """Tell what tables by name of record hold, columns named in capitals."""
    told = NOTHING | {name: tables[name].num_rows for name in TESTED if name in tables}
    if "PTR" in tables:
        told[RESULT] = _bits(tables["PTR"][RESULT])
    if "MPR" in tables:
        told[ARRAY] = _bits(pc.list_flatten(tables["MPR"][ARRAY]))
    if "PRR" in tables:
        told[BIN] = pc.sum(tables["PRR"][BIN]).as_py() or 0
    return told


def of_records(records: Iterable[tuple[str, Mapping[str, Any]]]) -> Told:
    """Tell what records hold one by one, fields named in capitals."""
    told = Counter(NOTHING)
    for name, fields in records:
        told[name] += 1
        if name == "PTR":
            told[RESULT] += _word(fields[RESULT])
        elif name == "MPR":
            told[ARRAY] += sum(map(_word, fields[ARRAY] or ()))
        elif name == "PRR":
            told[BIN] += fields[BIN]
    return {name: told[name] for name in NOTHING}


def _bits(column: pa.ChunkedArray) -> int:
    # Neither the order of the sum nor its rounding matters then.
    sums = [pc.sum(chunk.view(pa.uint32())).as_py() for chunk in column.chunks]
    return sum(found or 0 for found in sums)


def _word(value: float | None) -> int:
    return 0 if value is None else int(WORD.unpack(FLOAT.pack(value))[0])
