"""Every record of a chain by itself, with its fields as Python values."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from fabyield.stdf.compiled.buffers import Longs
from fabyield.stdf.decode.rows import Rows
from fabyield.stdf.decode.scan import Chain
from fabyield.stdf.spec.records import RECORDS, Field, name_of
from fabyield.stdf.spec.types import Bits, Generic

Decoded = tuple[str, int, dict[str, Any]]

# As many records at a time, so that the values of a large file never stand in memory together.
BLOCK = 1 << 15


def decoded(chain: Chain) -> Iterator[Decoded]:
    """Give name, offset and fields of each record in file order, damaged ones refused.

    A field beyond the end of its record is not among the fields; one that is marked as missing, or
    that a flag leaves out, is None. Bit fields are `Bits`, the values of a GDR `Generic`. A
    vendor's record (`180/10`) has the bytes of its body as `data`.

    Written again the bytes are the same, but for raw values marked as missing (0 as a letter
    becomes a space), texts that are not UTF-8, and pads of a GDR that stood elsewhere.
    """
    for begin in range(0, chain.codes.size, BLOCK):
        codes = chain.codes[begin : begin + BLOCK]
        block: dict[int, Decoded] = {}
        for code in np.unique(codes).tolist():
            index = begin + np.flatnonzero(codes == code)
            block |= dict(_of_one_kind(chain, str(name_of(code)), index))
        yield from (block[position] for position in sorted(block))


def _of_one_kind(chain: Chain, name: str, index: Longs) -> Iterator[tuple[int, Decoded]]:
    if name not in RECORDS:
        yield from _bodies(chain, name, index)
        return
    rows = Rows(chain, name, index=index)
    names = [field.name for field in rows.record.fields]
    values = zip(*(_values(rows, field) for field in rows.record.fields), strict=True)
    # EPS has no fields, and so no values to go by.
    each = values if names else iter([()] * len(rows))
    places = zip(rows.index.tolist(), rows.starts.tolist(), rows.reach().tolist(), strict=True)
    for (position, start, reach), row in zip(places, each, strict=True):
        yield (
            position,
            (name, chain.base + start, dict(zip(names[:reach], row[:reach], strict=True))),
        )


def _bodies(chain: Chain, name: str, index: Longs) -> Iterator[tuple[int, Decoded]]:
    for position in index.tolist():
        start = int(chain.starts[position])
        end = int(chain.ends[position])
        yield position, (name, chain.base + start, {"data": chain.data[start + 4 : end].tobytes()})


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
