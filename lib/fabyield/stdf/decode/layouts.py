"""The layouts of all records in the form that the compiled loops need."""

from collections.abc import Sequence
from functools import cache
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray

from fabyield.stdf.compiled import buffers
from fabyield.stdf.compiled.headers import Layouts
from fabyield.stdf.spec.records import RECORDS, Field
from fabyield.stdf.spec.types import width_of

SHAPES = {"Cn": buffers.TEXT, "Sn": buffers.TEXT, "Bn": buffers.TEXT, "Dn": buffers.BITS}
ARRAY_SHAPES = {
    **{"N1": buffers.NIBBLES, "Cn": buffers.PIECES, "Sn": buffers.PIECES},
    **{"Uf": buffers.SIZED, "Cf": buffers.LETTERS, "Vn": buffers.VALUES},
}


@cache
def plan_of(name: str, layout: int, wanted: tuple[str, ...]) -> NDArray[np.int32]:
    """Return the plan by which `find_fields` finds the `wanted` fields in a layout of a record."""
    record, slots = RECORDS[name], {field: slot for slot, field in enumerate(wanted)}
    fields = (record.fields, *record.others)[layout]
    names = [field.name for field in fields]
    rows = [_planned(field, names, slots.get(field.name, -1)) for field in fields]
    return np.array(rows, np.int32).reshape(-1, buffers.PLAN)


def _planned(field: Field, names: Sequence[str], slot: int) -> tuple[int, ...]:
    # The positions after the last field stand for 0 and 1.
    zero, one = len(names), len(names) + 1
    shape, many = SHAPES.get(field.type, buffers.FIXED), zero
    if field.count is not None:
        shape = ARRAY_SHAPES.get(field.type, buffers.ARRAY)
        many = names.index(field.count) if field.count in names else one
    width = names.index(field.width) if field.width else zero
    plan = (width_of(field.type), many, slot, width)
    if field.stored is None:
        return (shape, *plan, 0, 0, 0)
    flag, mask, value = field.stored
    return (shape + buffers.OPTIONAL, *plan, names.index(flag), mask, value)


@cache
def layouts() -> Layouts:
    """Return the plans of all layouts of all records, in order of record code."""
    plans = [
        (record.code, plan_of(record.name, layout, ()))
        for record in sorted(RECORDS.values(), key=lambda record: record.code)
        for layout in range(1 + len(record.others))
    ]
    codes = np.array([code for code, _ in plans])
    return Layouts(
        np.concatenate([plan for _, plan in plans]),
        np.array([0, *accumulate(len(plan) for _, plan in plans)], np.int64),
        np.searchsorted(codes, np.arange(2**16 + 1)),
    )
