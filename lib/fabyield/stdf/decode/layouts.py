"""What the compiled loops are told of the records: where their fields stand."""

from collections.abc import Sequence
from functools import cache
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray

from fabyield.stdf.compiled.buffers import (
    ARRAY,
    BITS,
    FIXED,
    LETTERS,
    NIBBLES,
    OPTIONAL,
    PIECES,
    PLAN,
    SIZED,
    TEXT,
    VALUES,
)
from fabyield.stdf.compiled.headers import Layouts
from fabyield.stdf.spec.records import RECORDS, Field
from fabyield.stdf.spec.types import width_of

SHAPES = {"Cn": TEXT, "Sn": TEXT, "Bn": TEXT, "Dn": BITS}
ARRAY_SHAPES = {
    **{"N1": NIBBLES, "Cn": PIECES, "Sn": PIECES, "Uf": SIZED, "Cf": LETTERS, "Vn": VALUES}
}


@cache
def plan_of(name: str, layout: int, wanted: tuple[str, ...]) -> NDArray[np.int32]:
    """Tell `walk` what to find by the first layout of a record, or one of its others."""
    record, slots = RECORDS[name], {field: slot for slot, field in enumerate(wanted)}
    fields = (record.fields, *record.others)[layout]
    rows = [
        _planned(field, [f.name for f in fields], slots.get(field.name, -1)) for field in fields
    ]
    return np.array(rows, np.int32).reshape(-1, PLAN)


def _planned(field: Field, names: Sequence[str], slot: int) -> tuple[int, ...]:
    # Beyond the last field stand a 0 and a 1.
    zero, one = len(names), len(names) + 1
    shape, many = SHAPES.get(field.type, FIXED), zero
    if field.count is not None:
        shape = ARRAY_SHAPES.get(field.type, ARRAY)
        many = names.index(field.count) if field.count in names else one
    width = names.index(field.width) if field.width else zero
    plan = (shape, width_of(field.type), many, slot, width)
    if field.stored is None:
        return (*plan, 0, 0, 0)
    flag, mask, value = field.stored
    return (shape + OPTIONAL, *plan[1:], names.index(flag), mask, value)


@cache
def layouts() -> Layouts:
    """Put the plans of all records, with their other layouts, behind one another."""
    every = [
        (record.code, plan_of(name, layout, ()))
        for name, record in sorted(RECORDS.items(), key=lambda item: item[1].code)
        for layout in range(1 + len(record.others))
    ]
    codes = np.array([code for code, _ in every])
    ends = [0, *accumulate(len(plan) for _, plan in every)]
    return Layouts(
        np.concatenate([plan for _, plan in every]),
        np.array(ends, np.int64),
        np.searchsorted(codes, np.arange(2**16 + 1)),
    )
