"""Each record of a chain on its own, with its fields as Python values."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from fabyield.stdf.compiled.buffers import Longs
from fabyield.stdf.decode.chain import Chain
from fabyield.stdf.decode.rows import Rows
from fabyield.stdf.spec.records import RECORDS, Field, name_of
from fabyield.stdf.spec.types import Bits, Generic

Decoded = tuple[str, int, dict[str, Any]]

# Records decoded at a time, so that memory holds the values of only a part of a large file.
BLOCK = 1 << 15


def decode_records(chain: Chain) -> Iterator[Decoded]:
    """Yield name, offset and fields of each record in file order; refuse damaged ones.

    Fields beyond the end of a record are left out; a field that is marked as missing, or not stored
    because of a flag, is None. Bit fields are `Bits`, values of a GDR `Generic`. A vendor's record
    (`180/10`) has the bytes of its body as `data`.

    The writer makes the same bytes of them, except for raw values marked as missing (a letter 0
    becomes a space), texts that are not UTF-8, and unusual pads of a GDR.
    """
    for begin in range(0, chain.codes.size, BLOCK):
        codes = chain.codes[begin : begin + BLOCK]
        block: dict[int, Decoded] = {}
        for code in np.unique(codes).tolist():
            index = begin + np.flatnonzero(codes == code)
            block |= _of_one_kind(chain, str(name_of(code)), index)
        yield from (block[position] for position in sorted(block))


def _of_one_kind(chain: Chain, name: str, index: Longs) -> dict[int, Decoded]:
    if name not in RECORDS:
        bounds = zip(index.tolist(), *(b.tolist() for b in chain.bounds(index)), strict=True)
        return {
            position: (name, chain.base + start, {"data": chain.data[start + 4 : end].tobytes()})
            for position, start, end in bounds
        }
    rows = Rows(chain, name, index=index)
    names = list(rows.record.places)
    values = zip(*(_values(rows, field) for field in rows.record.fields), strict=True)
    # EPS has no fields, and so no values to count its records by.
    each = values if names else iter([()] * len(rows))
    places = zip(rows.index.tolist(), rows.starts.tolist(), rows.reach().tolist(), strict=True)
    return {
        position: (name, chain.base + start, dict(zip(names[:reach], row[:reach], strict=True)))
        for (position, start, reach), row in zip(places, each, strict=True)
    }


def _values(rows: Rows, field: Field) -> list[Any]:
    found: list[Any] = rows.column(field.name).to_pylist()
    if field.type == "Dn":
        sizes = rows.integers(field.name).tolist()
        return [data and Bits(size, data) for size, data in zip(sizes, found, strict=True)]
    if field.type == "Vn":
        return [values and [_generic(value) for value in values] for values in found]
    return found


def _generic(value: dict[str, Any]) -> Generic:
    kind, data = value["type"], value["data"] or b""
    if kind in ("Bn", "Dn"):
        return Generic(kind, Bits(value["bits"], data) if kind == "Dn" else data)
    if kind == "Cn":
        return Generic(kind, value["text"])
    return Generic(kind, value["real" if kind[0] == "R" else "integer"])
